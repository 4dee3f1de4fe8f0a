// Whether servers are filled so unevenly that copies should move. Decisions only.
#pragma once

#include <optional>
#include <vector>

#include "common/base/ids.h"

namespace lace::control {

struct Filled {
  ServerId server{};
  uint64_t used_bytes = 0;
  uint64_t available_bytes = 0;
};
// 0 to 1.
double part_used(const Filled& server);

struct Move {
  ServerId from{}, to{};
};
// From the fullest to the emptiest, if they differ by more than a tenth of their disks, and by so much that one block on its
// way does not turn it round.
std::optional<Move> next_move(const std::vector<Filled>& servers);

}  // namespace lace::control
