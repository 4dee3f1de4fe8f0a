// The file locks this mount holds, so that a restarted control server can be told. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <tuple>
#include <vector>

#include "common/wire/control_messages.h"

namespace lace::fs {

class HeldLocks {
 public:
  // A lock was granted, or (type 2) a range unlocked; as fcntl(2): the latest word on a byte counts.
  void apply(const wire::LockRange& range);
  void release(InodeId inode, LockOwner owner, bool flock);
  bool any(InodeId inode, LockOwner owner, bool flock) const;
  std::vector<wire::LockRange> all() const;
  void clear();

 private:
  using Owner = std::tuple<InodeId, LockOwner, bool>;
  mutable std::mutex mutex_;
  std::map<Owner, std::vector<wire::LockRange>> held_;
};

}  // namespace lace::fs
