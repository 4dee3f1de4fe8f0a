#include "fs/client/flusher.h"

namespace lace::fs {

void Flusher::start() {
  for (int index = 0; index < std::max(1, core_.options.flush_threads); ++index)
    workers_.push_back(std::make_unique<Worker>(core_.network, [this](net::Caller& caller) { run(caller); }));
}

void Flusher::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    work_.notify_all();
  }
  for (auto& worker : workers_) worker->interrupt();
  workers_.clear();
}

void Flusher::changed(const InodePtr& inode) {
  const std::lock_guard lock(mutex_);
  if (changed_.empty()) work_.notify_one();
  changed_[inode->id] = inode;
}

void Flusher::ripe(const InodePtr& inode) {
  const std::lock_guard lock(mutex_);
  ripe_.push_back(inode);
  work_.notify_one();
}

void Flusher::press() {
  const std::lock_guard lock(mutex_);
  pressed_ = true;
  work_.notify_one();
}

void Flusher::run(net::Caller& caller) {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!ripe_.empty()) {
      const InodePtr inode = std::move(ripe_.front());
      ripe_.pop_front();
      lock.unlock();
      flush_ripe(caller, inode);
      lock.lock();
      continue;
    }
    const bool due = !changed_.empty() && core_.clock.now() - scanned_ >= tick;
    if (!scanning_ && (pressed_ || due)) {
      scanning_ = true;
      scanned_ = core_.clock.now();
      const bool all = std::exchange(pressed_, false);
      lock.unlock();
      flush_aged(caller, all);
      lock.lock();
      scanning_ = false;
      continue;
    }
    if (changed_.empty())
      work_.wait(lock);
    else
      work_.wait_for(lock, tick);
  }
}

void Flusher::flush_ripe(net::Caller& caller, const InodePtr& inode) {
  uint64_t before = 0;
  {
    const std::lock_guard lock(inode->mutex);
    before = inode->dirty.bytes();
  }
  data_.flush_behind(caller, inode, before < scattered_bytes ? FileData::Flush::ripe : FileData::Flush::all);
  bool again = false;
  {
    const std::lock_guard lock(inode->mutex);
    const uint64_t after = inode->dirty.bytes();
    again = after >= FileData::ripe_bytes && after < before;
    inode->queued = again;
    inode->ripe_at = after < before ? FileData::ripe_bytes : after + FileData::ripe_bytes;
  }
  const std::lock_guard lock(mutex_);
  if (again && !stopping_) ripe_.push_back(inode);
}

// Those whose changes are old enough; forgets those that have none any more.
std::vector<InodePtr> Flusher::with_changes(bool all) {
  std::vector<InodePtr> candidates;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, inode] : changed_) candidates.push_back(inode);
  }
  std::vector<InodePtr> result;
  std::vector<InodePtr> flushed;
  const Instant now = core_.clock.now();
  for (const InodePtr& inode : candidates) {
    // Both locks, in their order: a change that comes right now must not be forgotten.
    const std::lock_guard inode_lock(inode->mutex);
    if (!inode->has_changes()) {
      const std::lock_guard lock(mutex_);
      changed_.erase(inode->id);
      flushed.push_back(inode);
    } else if (all || now - inode->dirty_since >= oldest) {
      result.push_back(inode);
    }
  }
  for (const InodePtr& inode : flushed) on_flushed(inode);
  return result;
}

void Flusher::flush_aged(net::Caller& caller, bool all) {
  for (const InodePtr& inode : with_changes(all)) {
    if (data_.log_content(inode, FileData::Flush::all)) continue;
    data_.flush_behind(caller, inode, FileData::Flush::all);
    on_flushed(inode);
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
  }
}

Status Flusher::flush_all(net::Caller& caller, Instant until) {
  Status result;
  std::vector<InodePtr> logged;
  for (const InodePtr& inode : with_changes(true)) {
    if (data_.log_content(inode, FileData::Flush::all)) {
      logged.push_back(inode);
      continue;
    }
    if (core_.clock.now() >= until) return result ? fail(Code::io, "there was no time for all of it") : result;
    const Status done = data_.flush(caller, inode, FileData::Flush::all);
    if (done) {
      on_flushed(inode);
      continue;
    }
    if (done.error().code == Code::interrupted) return done;
    if (result)
      result = done;
    else {
      const std::lock_guard lock(inode->mutex);
      core_.remember(*inode, done.error());
    }
  }
  const auto left =
      std::chrono::duration_cast<Millis>(std::min(until, core_.clock.now() + core_.options.timeout) - core_.clock.now());
  for (;;) {
    const Status told = core_.log.wait(caller, core_.log.last(), std::max(left, Millis{0}));
    if (told) break;
    // Who unmounts gives trouble its time to go away.
    if (until == Instant::max() || core_.clock.now() >= until || !caller.pause(Millis{100})) return told;
  }
  for (const InodePtr& inode : logged) {
    const std::lock_guard lock(inode->mutex);
    if (result && inode->error.code != Code{}) result = tl::unexpected<Error>(inode->error);
  }
  return result;
}

}  // namespace lace::fs
