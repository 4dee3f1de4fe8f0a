#include "control/ops/snapshots.h"

#include <sys/stat.h>

#include "control/ops/names.h"

namespace lace::control {
namespace {

InodeId make_frozen_directory(Store& store, InodeId parent, std::string_view name, const FileTime& now) {
  const wire::Attributes owner = store.inodes.at(root_inode).attributes;
  Inode made;
  wire::Attributes& attributes = made.attributes;
  attributes.inode = InodeId{store.counters.now.next_inode++};
  attributes.mode = S_IFDIR | 0755;
  attributes.links = 2;
  attributes.uid = owner.uid;
  attributes.gid = owner.gid;
  attributes.accessed = attributes.modified = attributes.changed = attributes.born = now;
  attributes.change = 1;
  attributes.frozen = true;
  made.parent = parent;
  store.inodes.insert(made);
  ++store.counters.now.inodes;
  add_entry(store, parent, name, attributes);
  touch_directory(store.inodes.edit(parent), now);
  return attributes.inode;
}

}  // namespace

std::optional<InodeId> find_snapshots(Store& store) {
  const auto top = store.entries.find(root_inode, snapshots_top);
  if (!top || !store.inodes.at(top->inode).attributes.frozen) return std::nullopt;
  const auto found = store.entries.find(top->inode, snapshots_name);
  return found ? std::optional(found->inode) : std::nullopt;
}

InodeId make_snapshots(Store& store, const FileTime& now) {
  if (const auto found = find_snapshots(store)) return *found;
  const InodeId top = make_frozen_directory(store, root_inode, snapshots_top, now);
  return make_frozen_directory(store, top, snapshots_name, now);
}

}  // namespace lace::control
