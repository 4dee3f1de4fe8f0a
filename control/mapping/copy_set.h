// How a block's copy set goes on: which servers stay, who leaves, who joins. Decisions only.
#pragma once

#include <functional>
#include <vector>

#include "common/base/result.h"
#include "common/wire/types.h"
#include "control/namespace/namespace.h"

namespace lace::control {

struct CopySetWish {
  std::vector<ServerId> drop;     // members that failed, are stale, or are not wanted
  std::vector<ServerId> fill;     // to become filling
  std::vector<ServerId> promote;  // filling ones that are whole now
};

struct CopySetPlan {
  std::vector<ServerId> in_sync, filling;  // the new configuration
  std::vector<ServerId> dropped;           // were in sync: must stop serving before it counts
  std::vector<ServerId> unfilled;          // were filling
  std::vector<ServerId> joining;           // new in filling
  bool changes = false;
};

// Who is down leaves with those that are dropped, as long as somebody who is up stays. The last in-sync copy that is up
// never leaves; if servers are to be dropped and nobody would be left who is up, those of them that are up stay.
// Errors: unavailable (nobody in sync would be up).
Result<CopySetPlan> plan_copy_set(const wire::BlockInfo& block, const CopySetWish& wish,
                                  const std::function<bool(ServerId)>& is_up);

// Whether all of them are of the cluster still: one may have been removed since it was chosen. Within the transaction that
// makes them members. Errors: unavailable.
Status check_known(Namespace& ns, const std::vector<ServerId>& servers);

bool contains(const std::vector<ServerId>& servers, ServerId server);

}  // namespace lace::control
