#include "fs/fuse/parked_locks.h"

#include <algorithm>

namespace lace::fs::fuse {

void ParkedLocks::park(uint64_t unique, uint64_t waiter, const wire::LockRange& range, Answer answer) {
  Outcome outcome = Outcome::interrupted;
  {
    const std::lock_guard lock(mutex_);
    const bool already = !early_grants_.empty() && std::erase(early_grants_, waiter) != 0;
    if (!already && !ended_) {
      parked_.push_back({unique, waiter, range, std::move(answer)});
      return;
    }
    if (already) outcome = Outcome::granted;
  }
  answer(outcome);
}

void ParkedLocks::granted(uint64_t waiter) {
  std::list<Parked> done;
  {
    const std::lock_guard lock(mutex_);
    if (told_late_.erase(waiter) != 0) return;
    const auto left = std::ranges::find(abandoned_, waiter, &Abandoned::waiter);
    if (left != abandoned_.end()) {
      unlock_(left->range);
      abandoned_.erase(left);
      return;
    }
    const auto found = std::ranges::find(parked_, waiter, &Parked::waiter);
    if (found == parked_.end()) {
      early_grants_.push_back(waiter);
      if (early_grants_.size() > max_kept) early_grants_.pop_front();
      return;
    }
    found->was_granted = true;
    if (found->cancelling) return;  // the canceller answers
    done.splice(done.begin(), parked_, found);
  }
  done.front().answer(Outcome::granted);
}

bool ParkedLocks::interrupt(uint64_t unique, const Cancel& cancel) {
  std::list<Parked>::iterator found;
  {
    const std::lock_guard lock(mutex_);
    found = std::ranges::find(parked_, unique, &Parked::unique);
    if (found == parked_.end()) return false;
    if (found->cancelling) return true;
    found->cancelling = true;
  }
  const Result<bool> cancelled = cancel(found->waiter);
  std::list<Parked> done;
  Outcome outcome = Outcome::interrupted;
  {
    const std::lock_guard lock(mutex_);
    const bool held = found->was_granted || (cancelled && *cancelled);
    if (held) {
      outcome = Outcome::granted;
      if (!found->was_granted) told_late_.insert(found->waiter);
    } else if (!cancelled) {
      abandoned_.push_back({found->waiter, found->range});
      if (abandoned_.size() > max_kept) abandoned_.pop_front();
    }
    done.splice(done.begin(), parked_, found);
  }
  done.front().answer(outcome);
  return true;
}

void ParkedLocks::wanted(InodeId inode, LockOwner owner) {
  const std::lock_guard lock(mutex_);
  std::erase_if(abandoned_, [&](const Abandoned& one) { return one.range.inode == inode && one.range.owner == owner; });
}

void ParkedLocks::end() {
  std::list<Parked> rest;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    for (auto one = parked_.begin(); one != parked_.end();) {
      const auto next = std::next(one);
      if (!one->cancelling) rest.splice(rest.end(), parked_, one);
      one = next;
    }
  }
  for (Parked& one : rest) one.answer(Outcome::interrupted);
}

size_t ParkedLocks::size() const {
  const std::lock_guard lock(mutex_);
  return parked_.size();
}

}  // namespace lace::fs::fuse
