// What can wait a moment and goes better in batches: closing inodes, telling access times, allocating blocks ahead.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

#include "fs/client/core.h"
#include "fs/client/worker.h"

namespace lace::fs {

class Housekeeper {
 public:
  static constexpr Millis batch_for{200};
  static constexpr Millis accessed_after{3'000};
  static constexpr size_t most_at_once = 1'000;

  explicit Housekeeper(Core& core) : core_(core) {}
  ~Housekeeper() { stop(); }
  void start();
  void stop();

  void close(const InodePtr& inode);     // its last handle was released
  void accessed(const InodePtr& inode);  // it has a new access time
  void refill();                         // the block pool is low
  // All that waits, now, in the caller's thread.
  void finish(net::Caller& caller);

 private:
  void run(net::Caller& caller);
  void close_batch(net::Caller& caller, const std::vector<InodePtr>& inodes);
  void tell_accessed(net::Caller& caller, const std::vector<InodePtr>& inodes);

  Core& core_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::vector<InodePtr> closing_;
  std::vector<InodePtr> accessed_;
  Instant closing_since_;
  Instant accessed_since_;
  bool refill_ = false;
  bool stopping_ = false;
  std::unique_ptr<Worker> worker_;
};

}  // namespace lace::fs
