// Closes that are on their way. close(2) returns before the kernel's RELEASE is carried out, and with it the locks that end
// with the last close; a lock asked for at once after that must not be refused because of them.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>

#include "common/base/clock.h"

namespace lace::fs::fuse {

class Releases {
 public:
  // Bracket the carrying out of a RELEASE of this node.
  void begin(uint64_t node) {
    const std::lock_guard lock(mutex_);
    ++under_way_[node];
  }
  void end(uint64_t node) {
    const std::lock_guard lock(mutex_);
    const auto found = under_way_.find(node);
    if (--found->second == 0) under_way_.erase(found);
    changed_.notify_all();
  }

  // Waits for those of this node. False: there were none, nothing has changed by waiting.
  bool wait(uint64_t node, Millis longest) {
    std::unique_lock lock(mutex_);
    if (!under_way_.contains(node)) return false;
    changed_.wait_for(lock, longest, [&] { return !under_way_.contains(node); });
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, int> under_way_;  // guarded by mutex_; node -> how many
};

}  // namespace lace::fs::fuse
