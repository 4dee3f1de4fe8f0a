#include "fs/client/operation_log.h"

#include <algorithm>

namespace lace::fs {

namespace {

constexpr Millis look_again{20};

}  // namespace

uint64_t OperationLog::append(LogEntry entry, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  entry.number = ++last_;
  if (entries_.empty()) oldest_ = clock_.now();
  entries_.push_back(std::move(entry));
  bytes_ += bytes;
  if (entries_.size() == 1 || is_due()) work_.notify_one();
  return last_;
}

template <class Reached>
Status OperationLog::wait_until(net::Caller& caller, Millis longest, Reached reached) {
  const Instant until = clock_.now() + longest;
  std::unique_lock lock(mutex_);
  const uint64_t epoch = epoch_;
  while (!reached()) {
    if (trouble_) return tl::unexpected<Error>(*trouble_);
    if (clock_.now() >= until) return fail(Code::io, "control took no changes within the mount's timeout");
    if (changed_.wait_for(lock, look_again, reached)) break;
    lock.unlock();
    if (auto alive = caller.pause(Millis{0}); !alive) return alive;
    lock.lock();
  }
  if (epoch_ != epoch) return fail(Code::io, "the session was lost before control was told");
  return {};
}

Status OperationLog::wait_for_room(net::Caller& caller, Millis longest) {
  {
    const std::lock_guard lock(mutex_);
    if (entries_.size() < most) return {};
  }
  hurry();
  return wait_until(caller, longest, [this] { return entries_.size() < most; });
}

Status OperationLog::wait(net::Caller& caller, uint64_t number, Millis longest) {
  if (!progress_.pending(number)) return {};
  {
    const std::lock_guard lock(mutex_);
    hurry_to_ = std::max(hurry_to_, number);
    work_.notify_one();
  }
  return wait_until(caller, longest, [&] { return !progress_.pending(number); });
}

Status OperationLog::wait_stored(net::Caller& caller, uint64_t number, Millis longest) {
  {
    const std::lock_guard lock(mutex_);
    if (stored_ >= number) return {};
    hurry_to_ = std::max(hurry_to_, number);
    work_.notify_one();
  }
  return wait_until(caller, longest, [&] { return stored_ >= number; });
}

uint64_t OperationLog::last_stored() const {
  const std::lock_guard lock(mutex_);
  return stored_;
}

uint64_t OperationLog::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

void OperationLog::hurry() {
  const std::lock_guard lock(mutex_);
  hurry_to_ = last_;
  work_.notify_one();
}

void OperationLog::hurry(uint64_t number) {
  if (!progress_.pending(number)) return;
  const std::lock_guard lock(mutex_);
  hurry_to_ = std::max(hurry_to_, number);
  work_.notify_one();
}

bool OperationLog::is_due() const {
  if (entries_.empty()) return false;
  return stopping_ || hurry_to_ >= entries_.front().number || entries_.size() >= many || bytes_ >= many_bytes ||
         clock_.now() - oldest_ >= oldest;
}

OperationLog::Taken OperationLog::take() {
  std::unique_lock lock(mutex_);
  while (!is_due()) {
    if (stopping_) return {};
    if (entries_.empty())
      work_.wait(lock);
    else
      work_.wait_for(lock, oldest_ + oldest - clock_.now());
  }
  const auto count = static_cast<std::ptrdiff_t>(std::min(entries_.size(), most_at_once));
  const bool hurried = hurry_to_ >= entries_.front().number;
  Taken taken{epoch_, hurried, {std::make_move_iterator(entries_.begin()), std::make_move_iterator(entries_.begin() + count)}};
  entries_.erase(entries_.begin(), entries_.begin() + count);
  oldest_ = clock_.now();
  bytes_ = 0;
  changed_.notify_all();
  return taken;
}

void OperationLog::stored(uint64_t number) {
  const std::lock_guard lock(mutex_);
  stored_ = std::max(stored_, number);
  changed_.notify_all();
}

void OperationLog::committed(uint64_t number) {
  const std::lock_guard lock(mutex_);
  progress_.committed = std::max(progress_.committed.load(), number);
  trouble_.reset();
  troubled_ = false;
  changed_.notify_all();
}

void OperationLog::set_trouble(uint64_t epoch, const Error& error) {
  const std::lock_guard lock(mutex_);
  if (epoch != epoch_) return;
  trouble_ = error;
  troubled_ = true;
  changed_.notify_all();
}

void OperationLog::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  work_.notify_all();
}

void OperationLog::abandon() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
  bytes_ = 0;
  ++epoch_;
  stored_ = last_;
  progress_.committed = last_;
  trouble_.reset();
  troubled_ = false;
  changed_.notify_all();
}

uint64_t OperationLog::epoch() const {
  const std::lock_guard lock(mutex_);
  return epoch_;
}

}  // namespace lace::fs
