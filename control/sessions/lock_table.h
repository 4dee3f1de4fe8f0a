// The cluster's file locks: flock(2) and fcntl(2) record locks, which ignore each other. Decisions only, no I/O.
//
// fcntl: an owner's new lock replaces what it held in the range; neighbours of one type merge. flock: one lock an owner; a
// conversion lets go of the old lock first, as flock(2) says. A request that waits stands behind earlier waiting ones it
// conflicts with (so writers don't starve), unless one of those waits, directly or through others, for the requester itself.
// fcntl waits that could never end are refused with `deadlock`.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "common/base/result.h"
#include "common/wire/control_messages.h"

namespace lace::control {

class LockTable {
 public:
  struct Granted {  // a waiter that need not wait any more
    SessionId session{};
    uint64_t waiter = 0;
  };

  // Type F_UNLCK (2) always succeeds. Errors: try_again (taken and not to wait), deadlock, invalid (start > end, type over 2),
  // no_memory (more than max_waiting wait).
  Result<wire::LockReply> lock(SessionId session, const wire::LockRange& range, bool wait);
  // True: it had been granted already. Unknown waiters count as granted: their event is on its way, or was seen.
  bool cancel(SessionId session, uint64_t waiter);
  // The first lock that conflicts, or one of type 2 (none).
  wire::LockRange test(SessionId session, const wire::LockRange& range) const;
  void release(SessionId session, InodeId inode, LockOwner owner, bool flock);
  void release_session(SessionId session);
  // What a mount held before a restart of control: taken as said.
  void restore(SessionId session, const wire::LockRange& range);

  // Waiters that were granted by the calls since the last take_granted(), in order.
  std::vector<Granted> take_granted();

  size_t held() const;  // locks, all in all
  size_t held_by(SessionId session) const;
  size_t waiting() const { return places_.size(); }

  static constexpr size_t max_waiting = 10'000;

 private:
  struct Owner {
    SessionId session{};
    LockOwner owner{};
    auto operator<=>(const Owner&) const = default;
  };
  struct Held {
    Owner owner;
    uint8_t type = 0;
    uint64_t start = 0, end = 0;
    uint32_t process = 0;
  };
  struct Waiting {
    uint64_t waiter = 0;
    Held wanted;
  };
  struct Key {
    InodeId inode{};
    bool flock = false;
    bool append = false;
    auto operator<=>(const Key&) const = default;
  };
  struct List {
    std::vector<Held> held;  // by start, of one owner never overlapping
    std::deque<Waiting> waiting;
  };

  static bool conflicts(const Held& a, const Held& b);
  static void remove_range(List& list, const Owner& owner, uint64_t start, uint64_t end);
  static void insert(List& list, const Held& lock);
  bool blocked_by_held(const List& list, const Held& wanted) const;
  bool blocked(const List& list, const Held& wanted, uint64_t before_waiter) const;
  // Whether `from` waits for `target`: for its locks only, or (with_queues) also for waiters before it.
  bool waits_for(const Owner& from, const Owner& target, bool with_queues) const;
  std::set<Owner> blockers(const Key& key, const Waiting& waiting, bool with_queues) const;
  bool would_deadlock(const Key& key, const Held& wanted) const;
  void take(List& list, bool flock, const Held& lock);
  void grant_waiting(const Key& key);
  void grant_everywhere();
  void drop_waiter(uint64_t waiter);
  void drop_if_empty(const Key& key);

  std::map<Key, List> lists_;
  std::map<uint64_t, Key> places_;  // waiter -> its list
  std::map<Owner, std::set<uint64_t>> waiters_of_;
  uint64_t next_waiter_ = 1;
  std::vector<Granted> granted_;
};

}  // namespace lace::control
