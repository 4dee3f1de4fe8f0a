#include "fs/client/lock_table.h"

#include "common/base/log.h"

namespace lace::fs {

void LockTable::set_on_granted(std::function<void(uint64_t)> granted) {
  const std::lock_guard lock(mutex_);
  on_granted_ = std::move(granted);
}

Result<LockResult> LockTable::lock(net::Caller& caller, const wire::LockRange& range, bool wait) {
  uint64_t waiter = 0;
  if (wait) {
    const std::lock_guard lock(mutex_);
    waiter = next_waiter_++;
    waiting_[waiter] = {0, range};
  }
  const auto done_waiting = [&] {
    const std::lock_guard lock(mutex_);
    waiting_.erase(waiter);
  };
  auto reply = core_.control.ask(caller, wire::Lock{{}, range, wait});
  if (!reply || reply->granted) {
    if (wait) done_waiting();
    if (!reply) return pass(reply);
    core_.locks.apply(range);
    return LockResult{true, 0};
  }
  if (!start_waiting(waiter, reply->waiter)) {
    core_.locks.apply(range);
    return LockResult{true, 0};
  }
  return LockResult{false, waiter};
}

bool LockTable::start_waiting(uint64_t waiter, uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(waiter);
  if (early_.erase(number) > 0) {
    if (found != waiting_.end()) waiting_.erase(found);
    return false;
  }
  if (found != waiting_.end()) found->second.number = number;
  return true;
}

void LockTable::granted(uint64_t number) {
  uint64_t waiter = 0;
  wire::LockRange range;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, waiting] : waiting_) {
      if (waiting.number != number) continue;
      waiter = id;
      range = waiting.range;
    }
    if (waiter == 0) {
      if (early_.size() >= max_early) early_.erase(early_.begin());
      early_.insert(number);
      return;
    }
    waiting_.erase(waiter);
  }
  core_.locks.apply(range);
  tell(waiter);
}

void LockTable::tell(uint64_t waiter) {
  std::function<void(uint64_t)> granted;
  {
    const std::lock_guard lock(mutex_);
    granted = on_granted_;
  }
  if (granted) granted(waiter);
}

Result<bool> LockTable::cancel(net::Caller& caller, uint64_t waiter) {
  uint64_t number = 0;
  wire::LockRange range;
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(waiter);
    if (found == waiting_.end()) return true;  // granted(): its callback has been, or comes
    number = found->second.number;
    range = found->second.range;
    waiting_.erase(found);
  }
  auto reply = core_.control.ask(caller, wire::CancelLock{{}, number});
  if (!reply) return pass(reply);
  if (reply->granted) core_.locks.apply(range);
  const std::lock_guard lock(mutex_);
  early_.erase(number);
  return reply->granted;
}

Result<wire::LockRange> LockTable::test(net::Caller& caller, const wire::LockRange& range) {
  auto reply = core_.control.ask(caller, wire::TestLock{{}, range});
  if (!reply) return pass(reply);
  return reply->conflict;
}

Status LockTable::release(net::Caller& caller, InodeId inode, LockOwner owner, bool flock) {
  bool waits = false;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, waiting] : waiting_)
      waits = waits || (waiting.range.inode == inode && waiting.range.owner == owner && waiting.range.flock == flock);
  }
  // Every close(2) of every file comes here: only who has locks asks control.
  if (!waits && !core_.locks.any(inode, owner, flock)) return {};
  core_.locks.release(inode, owner, flock);
  auto reply = core_.control.ask(caller, wire::ReleaseLocks{{}, inode, owner, flock});
  return reply ? Status{} : pass(reply);
}

void LockTable::ask_again(net::Caller& caller) {
  std::vector<std::pair<uint64_t, wire::LockRange>> again;
  {
    const std::lock_guard lock(mutex_);
    early_.clear();
    for (auto& [id, waiting] : waiting_) {
      if (waiting.number == 0) continue;  // its own question is repeated
      waiting.number = 0;
      again.emplace_back(id, waiting.range);
    }
  }
  for (const auto& [id, range] : again) {
    auto reply = core_.control.ask(caller, wire::Lock{{}, range, true});
    if (!reply) {
      log::warn("client.lock_wait_lost", {{"inode", raw(range.inode)}, {"error", name_of(reply.error().code)}});
      continue;
    }
    if (!reply->granted && start_waiting(id, reply->waiter)) continue;
    {
      const std::lock_guard lock(mutex_);
      waiting_.erase(id);
    }
    core_.locks.apply(range);
    tell(id);
  }
}

}  // namespace lace::fs
