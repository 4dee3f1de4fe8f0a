#include "control/sessions/lock_table.h"

#include <algorithm>

#include "common/base/check.h"

namespace lace::control {
namespace {
constexpr uint8_t read_lock = 0, write_lock = 1, no_lock = 2;
}  // namespace

bool LockTable::conflicts(const Held& a, const Held& b) {
  return a.owner != b.owner && (a.type == write_lock || b.type == write_lock) && a.start <= b.end && b.start <= a.end;
}

Result<wire::LockReply> LockTable::lock(SessionId session, const wire::LockRange& range, bool wait) {
  if (range.start > range.end || range.type > no_lock) return fail(Code::invalid, "a lock range that ends before it starts");
  const Key key{range.inode, range.flock, range.append};
  Held wanted{{session, range.owner}, range.type, range.start, range.end, range.process};
  if (range.flock) wanted.start = 0, wanted.end = UINT64_MAX;

  List& list = lists_[key];
  if (range.type == no_lock) {
    remove_range(list, wanted.owner, wanted.start, wanted.end);
    grant_waiting(key);
    drop_if_empty(key);
    return wire::LockReply{true, 0};
  }
  if (range.flock) remove_range(list, wanted.owner, 0, UINT64_MAX);  // a conversion lets go first

  // Who does not wait is refused only for locks that are held (POSIX), not for others that wait.
  const bool taken = wait ? blocked(list, wanted, UINT64_MAX) : blocked_by_held(list, wanted);
  if (!taken) {
    take(list, range.flock, wanted);
    grant_waiting(key);  // a downgrade may let others in
    return wire::LockReply{true, 0};
  }
  Error refused{Code::try_again, "the lock is held by another"};
  if (wait && places_.size() >= max_waiting) refused = {Code::no_memory, "too many lock requests are waiting"};
  if (wait && !range.flock && would_deadlock(key, wanted)) refused = {Code::deadlock, "waiting for this lock would never end"};
  if (!wait || refused.code != Code::try_again) {
    grant_waiting(key);
    drop_if_empty(key);
    return tl::unexpected<Error>(std::move(refused));
  }
  const uint64_t waiter = next_waiter_++;
  list.waiting.push_back({waiter, wanted});
  places_[waiter] = key;
  waiters_of_[wanted.owner].insert(waiter);
  // The new wait may be what others must not queue behind any more.
  if (range.flock) {
    grant_waiting(key);
  } else {
    grant_everywhere();
  }
  return wire::LockReply{false, waiter};
}

bool LockTable::cancel(SessionId session, uint64_t waiter) {
  const auto found = places_.find(waiter);
  if (found == places_.end()) return true;
  const Key key = found->second;
  const List& list = lists_[key];
  const auto mine = std::any_of(list.waiting.begin(), list.waiting.end(), [&](const Waiting& waiting) {
    return waiting.waiter == waiter && waiting.wanted.owner.session == session;
  });
  if (!mine) return true;
  drop_waiter(waiter);
  grant_waiting(key);
  drop_if_empty(key);
  return false;
}

wire::LockRange LockTable::test(SessionId session, const wire::LockRange& range) const {
  wire::LockRange none = range;
  none.type = no_lock;
  const auto found = lists_.find(Key{range.inode, range.flock, range.append});
  if (found == lists_.end()) return none;
  Held wanted{{session, range.owner}, range.type, range.start, range.end, range.process};
  if (range.flock) wanted.start = 0, wanted.end = UINT64_MAX;
  for (const Held& held : found->second.held) {
    if (!conflicts(held, wanted)) continue;
    return {range.inode, held.owner.owner, range.flock, held.type, held.start, held.end, held.process, range.append};
  }
  return none;
}

void LockTable::release(SessionId session, InodeId inode, LockOwner owner, bool flock) {
  const Key key{inode, flock, false};
  const auto found = lists_.find(key);
  if (found == lists_.end()) return;
  const Owner who{session, owner};
  std::vector<uint64_t> gone;
  for (const Waiting& waiting : found->second.waiting) {
    if (waiting.wanted.owner == who) gone.push_back(waiting.waiter);
  }
  for (const uint64_t waiter : gone) drop_waiter(waiter);
  remove_range(found->second, who, 0, UINT64_MAX);
  grant_waiting(key);
  drop_if_empty(key);
}

void LockTable::release_session(SessionId session) {
  std::vector<uint64_t> gone;
  std::vector<Key> touched;
  for (auto& [key, list] : lists_) {
    for (const Waiting& waiting : list.waiting) {
      if (waiting.wanted.owner.session == session) gone.push_back(waiting.waiter);
    }
    std::erase_if(list.held, [&](const Held& held) { return held.owner.session == session; });
    touched.push_back(key);
  }
  for (const uint64_t waiter : gone) drop_waiter(waiter);
  for (const Key& key : touched) {
    grant_waiting(key);
    drop_if_empty(key);
  }
}

void LockTable::restore(SessionId session, const wire::LockRange& range) {
  if (range.type >= no_lock || range.start > range.end) return;
  List& list = lists_[Key{range.inode, range.flock, range.append}];
  take(list, range.flock, {{session, range.owner}, range.type, range.start, range.end, range.process});
}

std::vector<LockTable::Granted> LockTable::take_granted() { return std::exchange(granted_, {}); }

size_t LockTable::held() const {
  size_t sum = 0;
  for (const auto& [key, list] : lists_) sum += list.held.size();
  return sum;
}

size_t LockTable::held_by(SessionId session) const {
  size_t sum = 0;
  for (const auto& [key, list] : lists_) {
    sum += static_cast<size_t>(
        std::count_if(list.held.begin(), list.held.end(), [&](const Held& held) { return held.owner.session == session; }));
  }
  return sum;
}

// ---------------------------------------------------------------- ranges

void LockTable::remove_range(List& list, const Owner& owner, uint64_t start, uint64_t end) {
  std::vector<Held> left;
  std::erase_if(list.held, [&](const Held& held) {
    if (held.owner != owner || held.start > end || held.end < start) return false;
    if (held.start < start) {
      left.push_back(held);
      left.back().end = start - 1;
    }
    if (held.end > end) {
      left.push_back(held);
      left.back().start = end + 1;
    }
    return true;
  });
  for (const Held& piece : left) insert(list, piece);
}

void LockTable::insert(List& list, const Held& lock) {
  const auto place = std::upper_bound(list.held.begin(), list.held.end(), lock.start,
                                      [](uint64_t start, const Held& held) { return start < held.start; });
  list.held.insert(place, lock);
}

void LockTable::take(List& list, bool flock, const Held& lock) {
  Held merged = lock;
  if (flock) {
    merged.start = 0;
    merged.end = UINT64_MAX;
  }
  remove_range(list, merged.owner, merged.start, merged.end);
  std::erase_if(list.held, [&](const Held& held) {
    if (held.owner != merged.owner || held.type != merged.type) return false;
    const bool before = held.end != UINT64_MAX && held.end + 1 == merged.start;
    const bool behind = merged.end != UINT64_MAX && merged.end + 1 == held.start;
    if (before) merged.start = held.start;
    if (behind) merged.end = held.end;
    return before || behind;
  });
  insert(list, merged);
}

// ---------------------------------------------------------------- waiting

bool LockTable::blocked_by_held(const List& list, const Held& wanted) const {
  return std::any_of(list.held.begin(), list.held.end(), [&](const Held& held) { return conflicts(held, wanted); });
}

// `before_waiter`: only those that wait longer than this one count.
bool LockTable::blocked(const List& list, const Held& wanted, uint64_t before_waiter) const {
  if (blocked_by_held(list, wanted)) return true;
  return std::any_of(list.waiting.begin(), list.waiting.end(), [&](const Waiting& earlier) {
    return earlier.waiter < before_waiter && conflicts(earlier.wanted, wanted) &&
           !waits_for(earlier.wanted.owner, wanted.owner, true);
  });
}

std::set<LockTable::Owner> LockTable::blockers(const Key& key, const Waiting& waiting, bool with_queues) const {
  std::set<Owner> owners;
  const List& list = lists_.at(key);
  for (const Held& held : list.held) {
    if (conflicts(held, waiting.wanted)) owners.insert(held.owner);
  }
  if (!with_queues) return owners;
  for (const Waiting& earlier : list.waiting) {
    if (earlier.waiter >= waiting.waiter) break;
    if (conflicts(earlier.wanted, waiting.wanted)) owners.insert(earlier.wanted.owner);
  }
  return owners;
}

bool LockTable::waits_for(const Owner& from, const Owner& target, bool with_queues) const {
  std::set<Owner> known{from};
  std::vector<Owner> open{from};
  while (!open.empty()) {
    const Owner owner = open.back();
    open.pop_back();
    const auto waits = waiters_of_.find(owner);
    if (waits == waiters_of_.end()) continue;
    for (const uint64_t waiter : waits->second) {
      const Key& key = places_.at(waiter);
      const auto& queue = lists_.at(key).waiting;
      const auto place = std::find_if(queue.begin(), queue.end(), [&](const Waiting& w) { return w.waiter == waiter; });
      CHECK(place != queue.end());
      for (const Owner& blocker : blockers(key, *place, with_queues)) {
        if (blocker == target) return true;
        if (known.insert(blocker).second) open.push_back(blocker);
      }
    }
  }
  return false;
}

// Only locks that are held make a deadlock: a place in a queue can be given up.
bool LockTable::would_deadlock(const Key& key, const Held& wanted) const {
  for (const Owner& blocker : blockers(key, {UINT64_MAX, wanted}, false)) {
    if (waits_for(blocker, wanted.owner, false)) return true;
  }
  return false;
}

void LockTable::grant_waiting(const Key& key) {
  const auto found = lists_.find(key);
  if (found == lists_.end()) return;
  List& list = found->second;
  for (bool again = true; again;) {
    again = false;
    for (const Waiting& waiting : list.waiting) {
      if (blocked(list, waiting.wanted, waiting.waiter)) continue;
      const Waiting free = waiting;
      drop_waiter(free.waiter);
      take(list, key.flock, free.wanted);
      granted_.push_back({free.wanted.owner.session, free.waiter});
      again = true;  // taking it may have been a downgrade; the queue changed
      break;
    }
  }
}

void LockTable::grant_everywhere() {
  std::set<Key> keys;
  for (const auto& [waiter, key] : places_) keys.insert(key);
  for (const Key& key : keys) grant_waiting(key);
}

void LockTable::drop_waiter(uint64_t waiter) {
  const auto found = places_.find(waiter);
  if (found == places_.end()) return;
  auto& queue = lists_.at(found->second).waiting;
  const auto place = std::find_if(queue.begin(), queue.end(), [&](const Waiting& w) { return w.waiter == waiter; });
  CHECK(place != queue.end());
  const auto owner = waiters_of_.find(place->wanted.owner);
  owner->second.erase(waiter);
  if (owner->second.empty()) waiters_of_.erase(owner);
  queue.erase(place);
  places_.erase(found);
}

void LockTable::drop_if_empty(const Key& key) {
  const auto found = lists_.find(key);
  if (found != lists_.end() && found->second.held.empty() && found->second.waiting.empty()) lists_.erase(found);
}

}  // namespace lace::control
