#include "fs/cache/given.h"

#include <iterator>
#include <unordered_set>

namespace lace::fs {

void GivenToKernel::remember(Instant now, InodeId inode, InodeId parent, std::string_view name) {
  const std::lock_guard lock(mutex_);
  while (!things_.empty() && things_.front().until <= now) things_.pop_front();
  if (things_.size() >= max_remembered) {
    forgotten_until_ = now + longest;
    return;
  }
  things_.push_back({now + longest, inode, parent, std::string(name)});
}

GivenToKernel::Taken GivenToKernel::take() {
  const std::lock_guard lock(mutex_);
  Taken taken;
  taken.things.assign(std::make_move_iterator(things_.begin()), std::make_move_iterator(things_.end()));
  taken.until = forgotten_until_;
  things_.clear();
  return taken;
}

GivenToKernel::Taken GivenToKernel::take(InodeId directory, bool only_entries, const std::vector<InodeId>& inodes) {
  std::unordered_set<InodeId> attributes;
  if (!only_entries) {
    attributes.insert(inodes.begin(), inodes.end());
    attributes.insert(directory);
  }
  std::unordered_set<std::string> names;
  const std::lock_guard lock(mutex_);
  Taken taken;
  taken.until = forgotten_until_;
  for (Thing& thing : things_) {
    Thing found{thing.until, no_inode, no_inode, {}};
    if (thing.parent == directory) {
      if (names.insert(thing.name).second) {
        found.parent = directory;
        found.name = thing.name;
      }
      thing.parent = no_inode;  // it is still there for its inode
      thing.name.clear();
    }
    if (attributes.erase(thing.inode) != 0) found.inode = thing.inode;
    if (found.parent != no_inode || found.inode != no_inode) taken.things.push_back(std::move(found));
  }
  return taken;
}

}  // namespace lace::fs
