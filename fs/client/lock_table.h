// File locks of this mount: asked of control, remembered for its restarts. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>

#include "fs/client/core.h"

namespace lace::fs {

class LockTable {
 public:
  static constexpr size_t max_early = 1'024;

  explicit LockTable(Core& core) : core_(core) {}
  void set_on_granted(std::function<void(uint64_t)> granted);

  Result<LockResult> lock(net::Caller& caller, const wire::LockRange& range, bool wait);
  Result<bool> cancel(net::Caller& caller, uint64_t waiter);
  Result<wire::LockRange> test(net::Caller& caller, const wire::LockRange& range);
  Status release(net::Caller& caller, InodeId inode, LockOwner owner, bool flock);

  void granted(uint64_t number);        // as control calls the waiter
  void ask_again(net::Caller& caller);  // control was restarted: it has forgotten who waits

 private:
  struct Waiting {
    uint64_t number = 0;  // control's; 0: being asked
    wire::LockRange range;
  };
  void tell(uint64_t waiter);
  bool start_waiting(uint64_t waiter, uint64_t number);  // false: it was granted already

  Core& core_;
  std::mutex mutex_;
  std::function<void(uint64_t)> on_granted_;
  uint64_t next_waiter_ = 1;
  std::map<uint64_t, Waiting> waiting_;  // by our own number
  std::set<uint64_t> early_;             // granted before the answer to the question was seen
};

}  // namespace lace::fs
