#include "fs/cache/held_locks.h"

namespace lace::fs {

namespace {

constexpr uint8_t unlock = 2;

// What is left of `lock` outside [start, end], inclusive.
void keep_outside(const wire::LockRange& lock, uint64_t start, uint64_t end, std::vector<wire::LockRange>& kept) {
  if (lock.end < start || lock.start > end) {
    kept.push_back(lock);
    return;
  }
  if (lock.start < start) {
    kept.push_back(lock);
    kept.back().end = start - 1;
  }
  if (lock.end > end) {
    kept.push_back(lock);
    kept.back().start = end + 1;
  }
}

}  // namespace

void HeldLocks::apply(const wire::LockRange& range) {
  const std::lock_guard lock(mutex_);
  const Owner owner{range.inode, range.owner, range.flock};
  std::vector<wire::LockRange> kept;
  if (!range.flock) {
    for (const wire::LockRange& old : held_[owner]) keep_outside(old, range.start, range.end, kept);
  }
  if (range.type != unlock) kept.push_back(range);
  if (kept.empty())
    held_.erase(owner);
  else
    held_[owner] = std::move(kept);
}

void HeldLocks::release(InodeId inode, LockOwner owner, bool flock) {
  const std::lock_guard lock(mutex_);
  held_.erase(Owner{inode, owner, flock});
}

bool HeldLocks::any(InodeId inode, LockOwner owner, bool flock) const {
  const std::lock_guard lock(mutex_);
  return held_.contains(Owner{inode, owner, flock});
}

std::vector<wire::LockRange> HeldLocks::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<wire::LockRange> result;
  for (const auto& [owner, locks] : held_) result.insert(result.end(), locks.begin(), locks.end());
  return result;
}

void HeldLocks::clear() {
  const std::lock_guard lock(mutex_);
  held_.clear();
}

}  // namespace lace::fs
