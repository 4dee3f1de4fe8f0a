#include "control/repair/limits.h"

namespace lace::control {
namespace {

constexpr const char* fill_rate = "fill_bytes_per_second";
constexpr const char* fills = "fills_at_once";
constexpr const char* scrub_rate = "scrub_bytes_per_second";
constexpr const char* scrub_every = "scrub_every_hours";

}  // namespace

Result<wire::RepairLimits> load_limits(Namespace& ns) {
  const auto settings = ns.settings();
  if (!settings) return pass(settings);
  const auto value = [&](const char* name, uint64_t otherwise) {
    const auto found = settings->find(name);
    return found == settings->end() ? otherwise : found->second;
  };
  wire::RepairLimits limits;
  limits.fill_bytes_per_second = value(fill_rate, limits.fill_bytes_per_second);
  limits.fills_at_once = static_cast<uint32_t>(value(fills, limits.fills_at_once));
  limits.scrub_bytes_per_second = value(scrub_rate, limits.scrub_bytes_per_second);
  limits.scrub_every_hours = static_cast<uint32_t>(value(scrub_every, limits.scrub_every_hours));
  return limits;
}

Status store_limits(Namespace& ns, const wire::RepairLimits& limits) {
  const std::pair<const char*, uint64_t> all[] = {{fill_rate, limits.fill_bytes_per_second},
                                                  {fills, limits.fills_at_once},
                                                  {scrub_rate, limits.scrub_bytes_per_second},
                                                  {scrub_every, limits.scrub_every_hours}};
  for (const auto& [name, value] : all) {
    if (const Status kept = ns.change_setting(name, value); !kept) return kept;
  }
  return {};
}

}  // namespace lace::control
