// What a master's server is handed by the group that it serves for. A control server alone has none of it.
#pragma once

#include <functional>
#include <vector>

#include "common/wire/control_messages.h"
#include "control/group/group_commit.h"

namespace lace::control {

struct GroupHooks {
  GroupCommit::Keep keep;
  // Whether orders may be given now: else another member may be the master by now.
  std::function<bool()> may_act;
  std::function<std::vector<wire::ControlInfo>()> members;
  // Where the members are, this one first.
  std::function<std::vector<wire::Endpoint>()> endpoints;
};

}  // namespace lace::control
