#include "control/repair/balance.h"

#include <algorithm>

namespace lace::control {
namespace {
constexpr double uneven = 0.1;
}  // namespace

double part_used(const Filled& server) {
  const uint64_t all = server.used_bytes + server.available_bytes;
  return all == 0 ? 1 : static_cast<double>(server.used_bytes) / static_cast<double>(all);
}

std::optional<Move> next_move(const std::vector<Filled>& servers) {
  if (servers.size() < 2) return std::nullopt;
  const auto less = [](const Filled& a, const Filled& b) { return part_used(a) < part_used(b); };
  const auto [emptiest, fullest] = std::minmax_element(servers.begin(), servers.end(), less);
  if (part_used(*fullest) - part_used(*emptiest) <= uneven) return std::nullopt;
  if (fullest->used_bytes < emptiest->used_bytes + 4 * block_bytes) return std::nullopt;
  if (emptiest->available_bytes < 4 * block_bytes) return std::nullopt;
  return Move{fullest->server, emptiest->server};
}

}  // namespace lace::control
