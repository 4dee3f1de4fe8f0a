// Blocks by the number of their in-sync copies on servers that are up.
#pragma once

#include <vector>

#include "control/mapping/servers.h"
#include "control/namespace/namespace.h"

namespace lace::control {

class Census {
 public:
  Census(Namespace& ns, const Servers& servers) : namespace_(ns), servers_(servers) {}

  // [n]: blocks with n such copies. Counted at most once a second: while servers are down, their blocks are walked.
  Result<std::vector<uint64_t>> in_sync_up(Instant now);

 private:
  Status leave_out(ServerId down, Instant now, std::vector<uint64_t>& counts);

  Namespace& namespace_;
  const Servers& servers_;
  std::vector<uint64_t> last_;
  Instant valid_until_;
};

}  // namespace lace::control
