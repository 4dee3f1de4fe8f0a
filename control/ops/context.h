// What an operation works with. Each operation is one file: check -> change -> reply. It changes nothing before all its
// checks have passed, so that one that fails needs no undoing.
#pragma once

#include <functional>

#include "control/namespace/namespace.h"
#include "control/ops/file_map.h"
#include "control/store/store.h"

namespace lace::control {

struct Context {
  Store& store;
  const SessionRecord& session;
  const Namespace::Held& held;  // may be unset
  FreedSpace& freed;
  CommitOutcome& outcome;  // `held` and `orphaned` are the operations' business
};

using Reply = wire::OperationResult;

Status apply(Context& context, const wire::Create& request, Reply& reply);
Status apply(Context& context, const wire::Link& request, Reply& reply);
Status apply(Context& context, const wire::Remove& request, Reply& reply);
Status apply(Context& context, const wire::Rename& request, Reply& reply);
Status apply(Context& context, const wire::SetAttributes& request, Reply& reply);
Status apply(Context& context, const wire::Write& request, Reply& reply);
Status apply(Context& context, const wire::Punch& request, Reply& reply);
Status apply(Context& context, const wire::SetXattr& request, Reply& reply);
Status apply(Context& context, const wire::RemoveXattr& request, Reply& reply);
Status apply(Context& context, const wire::Share& request, Reply& reply);
Status apply(Context& context, const wire::CopyTree& request, Reply& reply);
Status apply(Context& context, const wire::RemoveSnapshot& request, Reply& reply);

}  // namespace lace::control
