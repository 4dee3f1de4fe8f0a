#include "control/group/announcer.h"

namespace lace::control {
namespace {

constexpr Millis answer_within{1'000};
constexpr Millis again_after{500};
constexpr int times = 20;

}  // namespace

void Announcer::start(uint64_t term, Endpoints endpoints) {
  term_ = term;
  endpoints_ = std::move(endpoints);
  announce(times);
}

void Announcer::announce(int times_left) {
  if (times_left == 0) return;
  const wire::AnnounceMaster message{pass_(), term_, endpoints_()};
  bool all = true;
  for (const auto& [id, server] : servers_.all()) {
    if (server.registered) continue;
    all = false;
    net::call<wire::AnnounceMaster>(loop_, server.record.endpoint, message, answer_within, [](const auto&) {});
  }
  if (all) return;
  loop_.after(again_after, [this, times_left] { announce(times_left - 1); });
}

}  // namespace lace::control
