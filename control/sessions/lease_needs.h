// Which directories' leases stand in the way of a question or a change, as the namespace is now.
#pragma once

#include <string_view>
#include <vector>

#include "common/wire/operations.h"
#include "control/namespace/namespace.h"
#include "control/sessions/lease_table.h"

namespace lace::control {

using LeaseNeeds = std::vector<LeaseTable::Need>;

LeaseNeeds to_see(Namespace& ns, InodeId inode);
LeaseNeeds to_list(InodeId directory);
LeaseNeeds to_look_up(Namespace& ns, InodeId parent, std::string_view name);
LeaseNeeds to_change(Namespace& ns, const std::vector<wire::Operation>& operations);

}  // namespace lace::control
