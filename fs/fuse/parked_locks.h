// Requests for locks that wait for somebody else. They occupy no thread: the request is kept here until the lock is granted or
// the program is interrupted. A grant may be told before the request is parked, and while it is being cancelled.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <set>

#include "fs/client/file_system.h"

namespace lace::fs::fuse {

class ParkedLocks {
 public:
  enum class Outcome { granted, interrupted };
  using Answer = std::function<void(Outcome)>;
  using Unlock = std::function<void(wire::LockRange)>;
  // Asks the file system to forget the waiter; true: too late, it was granted. On the thread that interrupts.
  using Cancel = std::function<Result<bool>(uint64_t waiter)>;

  // `unlock` gives back a lock that was granted after nobody waited for it any more; called on any thread, must not block.
  explicit ParkedLocks(Unlock unlock) : unlock_(std::move(unlock)) {}

  // `answer` is called once, from any thread, perhaps at once.
  void park(uint64_t unique, uint64_t waiter, const wire::LockRange& range, Answer answer);
  void granted(uint64_t waiter);
  // False: nothing is parked under this number. Else answers, after it has cancelled.
  bool interrupt(uint64_t unique, const Cancel& cancel);
  // The owner got or asked for a lock on this inode again: nothing of it is to be given back any more.
  void wanted(InodeId inode, LockOwner owner);
  // Answers all that is parked, and all that comes, as interrupted.
  void end();
  size_t size() const;

 private:
  struct Parked {
    uint64_t unique, waiter;
    wire::LockRange range;
    Answer answer;
    bool cancelling = false, was_granted = false;
  };
  struct Abandoned {
    uint64_t waiter;
    wire::LockRange range;
  };
  static constexpr size_t max_kept = 4096;

  const Unlock unlock_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  bool ended_ = false;
  std::list<Parked> parked_;
  std::deque<uint64_t> early_grants_;  // told before they were parked
  std::set<uint64_t> told_late_;       // answered as granted already: their grant is still to be told
  std::deque<Abandoned> abandoned_;    // answered as interrupted, but perhaps granted some day
};

}  // namespace lace::fs::fuse
