#include "fs/client/housekeeper.h"

#include "common/base/log.h"

namespace lace::fs {

void Housekeeper::start() {
  worker_ = std::make_unique<Worker>(core_.network, [this](net::Caller& caller) { run(caller); });
}

void Housekeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    work_.notify_all();
  }
  if (worker_) worker_->interrupt();
  worker_.reset();
}

void Housekeeper::close(const InodePtr& inode) {
  const std::lock_guard lock(mutex_);
  if (closing_.empty()) {
    closing_since_ = core_.clock.now();
    work_.notify_one();
  }
  closing_.push_back(inode);
}

void Housekeeper::accessed(const InodePtr& inode) {
  const std::lock_guard lock(mutex_);
  if (accessed_.empty()) {
    accessed_since_ = core_.clock.now();
    work_.notify_one();
  }
  accessed_.push_back(inode);
}

void Housekeeper::refill() {
  const std::lock_guard lock(mutex_);
  refill_ = true;
  work_.notify_one();
}

void Housekeeper::run(net::Caller& caller) {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (std::exchange(refill_, false)) {
      lock.unlock();
      static_cast<void>(core_.pool.refill(caller));  // who needs a block asks again, and is told the error
      lock.lock();
      continue;
    }
    const Instant now = core_.clock.now();
    const Instant close_at = closing_.empty() ? Instant::max() : closing_since_ + batch_for;
    const Instant tell_at = accessed_.empty() ? Instant::max() : accessed_since_ + accessed_after;
    const Instant next = std::min(close_at, tell_at);
    if (next == Instant::max()) {
      work_.wait(lock);
    } else if (now < next) {
      work_.wait_for(lock, next - now);
    } else {
      lock.unlock();
      finish(caller);
      lock.lock();
    }
  }
}

void Housekeeper::finish(net::Caller& caller) {
  std::vector<InodePtr> closing;
  std::vector<InodePtr> accessed;
  {
    const std::lock_guard lock(mutex_);
    closing.swap(closing_);
    accessed.swap(accessed_);
  }
  for (size_t at = 0; at < accessed.size(); at += most_at_once) {
    const size_t end = std::min(accessed.size(), at + most_at_once);
    tell_accessed(caller,
                  {accessed.begin() + static_cast<std::ptrdiff_t>(at), accessed.begin() + static_cast<std::ptrdiff_t>(end)});
  }
  for (size_t at = 0; at < closing.size(); at += most_at_once) {
    const size_t end = std::min(closing.size(), at + most_at_once);
    close_batch(caller,
                {closing.begin() + static_cast<std::ptrdiff_t>(at), closing.begin() + static_cast<std::ptrdiff_t>(end)});
  }
}

// An inode with changes is closed later: whoever flushes it hands it in again.
void Housekeeper::close_batch(net::Caller& caller, const std::vector<InodePtr>& inodes) {
  wire::CloseInodes message;
  uint64_t last = 0;  // change in the log
  std::vector<InodePtr> closed;
  for (const InodePtr& inode : inodes) {
    const std::lock_guard lock(inode->mutex);
    if (inode->handles != 0 || inode->has_changes()) continue;
    if (inode->hold == Hold::deferred) inode->hold = Hold::none;
    if (inode->hold != Hold::held) continue;
    inode->hold = Hold::closing;
    message.inodes.push_back(inode->id);
    closed.push_back(inode);
    last = std::max(last, inode->logged);
  }
  if (!closed.empty()) {
    static_cast<void>(core_.log.wait(caller, last, core_.options.timeout));  // else they are held until the session ends
    const auto done = core_.control.ask(caller, message);
    if (!done) log::warn("client.close_failed", {{"inodes", closed.size()}, {"error", name_of(done.error().code)}});
  }
  for (const InodePtr& inode : closed) {
    const std::lock_guard lock(inode->mutex);
    if (inode->hold == Hold::closing) inode->hold = Hold::none;
  }
}

void Housekeeper::tell_accessed(net::Caller& caller, const std::vector<InodePtr>& inodes) {
  if (!core_.tell_all(caller)) return;
  std::vector<wire::Operation> operations;
  std::vector<InodePtr> told;
  for (const InodePtr& inode : inodes) {
    const std::lock_guard lock(inode->mutex);
    if (!std::exchange(inode->has_accessed, false) || inode->pending()) continue;  // not worth a wait
    wire::SetAttributes change;
    change.inode = inode->id;
    change.set = wire::SetAttributes::set_accessed | wire::SetAttributes::keep_changed;
    change.accessed = inode->accessed;
    change.now = core_.clock.wall();
    operations.emplace_back(change);
    told.push_back(inode);
    if (inode->known) inode->attributes.accessed = std::max(inode->attributes.accessed, inode->accessed);
  }
  if (operations.empty()) return;
  const uint64_t stamp = core_.session.stamp();
  const auto reply = core_.control.commit(caller, std::move(operations));
  if (!reply) return;  // an access time is not worth more
  for (size_t index = 0; index < told.size(); ++index) {
    if (reply->results[index].outcome.code != 0) continue;
    const std::lock_guard lock(told[index]->mutex);
    // Not as our own change: what was done here meanwhile is newer. What a lease is good for is not learned of here.
    const uint64_t as_of = stamp != 0 || !core_.believes(*told[index]) ? stamp : told[index]->stamp;
    told[index]->learn(reply->results[index].inode, as_of, core_.clock.now(), false);
  }
}

}  // namespace lace::fs
