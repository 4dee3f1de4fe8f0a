// Where the copies of new blocks go: on different servers, in proportion to their free space, the primaries spread evenly.
// Decisions only.
#pragma once

#include <map>
#include <vector>

#include "common/base/result.h"
#include "control/namespace/records.h"

namespace lace::control {

struct Candidate {
  ServerId server{};
  uint64_t available_bytes = 0;
};

// Stride scheduling (Waldspurger 1995): each choice moves a server back by the inverse of its free space, and whoever is
// foremost is chosen next.
class PlacementPlan {
 public:
  // A server with less free space gets no new block.
  static constexpr uint64_t reserve_bytes = 2 * block_bytes;

  // `candidates`: servers that are up and take new copies. Fewer than `copies` of them: what there is; repair makes the rest.
  // Errors: unavailable (nobody is up), no_space (those that are up are full).
  Result<Placement> choose(const std::vector<Candidate>& candidates, uint32_t copies);
  // One more copy beside `members`. Errors as above.
  Result<ServerId> choose_one(const std::vector<Candidate>& candidates, const std::vector<ServerId>& members);

 private:
  struct Turn {
    double place = 0;      // in the queue: the lowest is next
    double primaries = 0;  // likewise, for being the primary
  };
  std::vector<ServerId> pick(const std::vector<Candidate>& roomy, size_t count);
  void join(const std::vector<Candidate>& candidates);

  std::map<ServerId, Turn> turns_;
};

}  // namespace lace::control
