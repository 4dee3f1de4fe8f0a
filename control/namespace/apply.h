// Commits: the numbers of slots, the fence of confined sessions, and the way from an operation to its file in control/ops.
#pragma once

#include "control/namespace/namespace.h"
#include "control/store/store.h"

namespace lace::control {

// See Namespace::apply. Throws db::Failure, after which the transaction must be rolled back.
Result<CommitOutcome> apply_commit(Store& store, const Namespace::Held& held, const wire::Commit& commit);

// See Namespace::is_inside.
bool is_inside(Store& store, InodeId inode, InodeId subtree);

}  // namespace lace::control
