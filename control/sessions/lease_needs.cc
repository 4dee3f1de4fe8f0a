#include "control/sessions/lease_needs.h"

#include <sys/stat.h>

#include <algorithm>

#include "control/ops/snapshots.h"

namespace lace::control {
namespace {

using Access = LeaseTable::Access;

void add(LeaseNeeds& needs, InodeId directory, Access access) {
  if (directory == no_inode) return;
  const auto same = std::find_if(needs.begin(), needs.end(), [&](const auto& need) { return need.directory == directory; });
  if (same == needs.end()) return needs.push_back({directory, access});
  same->access = std::max(same->access, access);
}

void add_home(LeaseNeeds& needs, Namespace& ns, InodeId inode, Access access) {
  if (const auto home = ns.home(inode)) add(needs, *home, access);
}

// What is known of a directory is under its own lease, not that of the one it is in.
void add_child_directory(LeaseNeeds& needs, Namespace& ns, InodeId parent, std::string_view name, Access access) {
  const auto found = ns.lookup(parent, name);
  if (found && S_ISDIR(found->mode)) add(needs, found->inode, access);
}

struct Changes {
  Namespace& ns;
  LeaseNeeds& needs;

  void operator()(const wire::Create& change) { add(needs, change.parent, Access::change); }
  void operator()(const wire::Link& change) {
    add(needs, change.parent, Access::change);
    add_home(needs, ns, change.inode, Access::change);
  }
  void operator()(const wire::Remove& change) {
    add(needs, change.parent, Access::change);
    add_child_directory(needs, ns, change.parent, change.name, Access::change);
  }
  void operator()(const wire::Rename& change) {
    add(needs, change.parent, Access::change);
    add(needs, change.new_parent, Access::change);
    add_child_directory(needs, ns, change.parent, change.name, Access::change);
    add_child_directory(needs, ns, change.new_parent, change.new_name, Access::change);
  }
  void operator()(const wire::SetAttributes& change) {
    // Access times are told late anyway, by everyone who reads: they are not worth a lease.
    constexpr uint32_t of_reading = wire::SetAttributes::set_accessed | wire::SetAttributes::keep_changed;
    if (change.set != of_reading) add_home(needs, ns, change.inode, Access::change);
  }
  void operator()(const wire::Share& change) {
    add_home(needs, ns, change.from, Access::look);
    add_home(needs, ns, change.inode, Access::change);
  }
  // What others decided below the source they tell when they are held (write_hold.h).
  void operator()(const wire::CopyTree& change) {
    const bool makes_top = change.parent == no_inode && !ns.lookup(root_inode, snapshots_top);
    add(needs, makes_top ? root_inode : change.parent, Access::change);
  }
  void operator()(const wire::RemoveSnapshot&) {}
  template <class Operation>
  void operator()(const Operation& change) {
    add_home(needs, ns, change.inode, Access::change);
  }
};

}  // namespace

LeaseNeeds to_see(Namespace& ns, InodeId inode) {
  LeaseNeeds needs;
  add_home(needs, ns, inode, Access::look);
  return needs;
}

LeaseNeeds to_list(InodeId directory) { return {{directory, Access::look}}; }

LeaseNeeds to_look_up(Namespace& ns, InodeId parent, std::string_view name) {
  LeaseNeeds needs = to_list(parent);
  add_child_directory(needs, ns, parent, name, Access::look);
  return needs;
}

LeaseNeeds to_change(Namespace& ns, const std::vector<wire::Operation>& operations) {
  LeaseNeeds needs;
  for (const wire::Operation& operation : operations) std::visit(Changes{ns, needs}, operation);
  return needs;
}

}  // namespace lace::control
