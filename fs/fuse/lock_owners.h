// Who may hold fcntl locks through this mount. Every close(2) of a file releases its process's locks; asking the servers for
// that is worth it only where there were any.
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <utility>

#include "common/base/ids.h"

namespace lace::fs::fuse {

class LockOwners {
 public:
  void add(InodeId inode, LockOwner owner) {
    const std::lock_guard lock(mutex_);
    owners_.emplace(inode, owner);
    count_ = owners_.size();
  }
  // True: they were there, and the caller is to release the locks.
  bool take(InodeId inode, LockOwner owner) {
    if (count_.load() == 0) return false;
    const std::lock_guard lock(mutex_);
    const bool was = owners_.erase({inode, owner}) != 0;
    count_ = owners_.size();
    return was;
  }

 private:
  std::atomic<size_t> count_{0};
  std::mutex mutex_;
  std::set<std::pair<InodeId, LockOwner>> owners_;  // guarded by mutex_
};

}  // namespace lace::fs::fuse
