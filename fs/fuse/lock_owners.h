// Who may hold fcntl locks through this mount. Every close(2) of a file releases its process's locks; asking the servers for
// that is worth it only where there were any. And a lock of an open file description (F_OFD_SETLK) ends with the last close
// of that description, which the kernel does not say: it is found by the handle it was taken through.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "common/base/ids.h"

namespace lace::fs::fuse {

class LockOwners {
 public:
  // `handle`: the open file it was asked for through.
  void add(InodeId inode, LockOwner owner, uint64_t handle) {
    const std::lock_guard lock(mutex_);
    owners_[{inode, owner}] = handle;
    count_ = owners_.size();
  }
  // One of its processes closed the file. True: the caller is to release the owner's locks.
  bool take(InodeId inode, LockOwner owner) {
    if (count_.load() == 0) return false;
    const std::lock_guard lock(mutex_);
    const bool was = owners_.erase({inode, owner}) != 0;
    count_ = owners_.size();
    return was;
  }
  // The last close of an open file: whose locks the caller is to release. Processes have told by take() before.
  std::vector<LockOwner> take_all(InodeId inode, uint64_t handle) {
    std::vector<LockOwner> taken;
    if (count_.load() == 0) return taken;
    const std::lock_guard lock(mutex_);
    for (auto one = owners_.lower_bound({inode, LockOwner{}}); one != owners_.end() && one->first.first == inode;) {
      if (one->second == handle) taken.push_back(one->first.second);
      one = one->second == handle ? owners_.erase(one) : std::next(one);
    }
    count_ = owners_.size();
    return taken;
  }

 private:
  std::atomic<size_t> count_{0};
  std::mutex mutex_;
  std::map<std::pair<InodeId, LockOwner>, uint64_t> owners_;  // guarded by mutex_
};

}  // namespace lace::fs::fuse
