#include "fs/fuse/chores.h"

#include "fs/fuse/worker.h"

namespace lace::fs::fuse {

Chores::Chores(std::unique_ptr<net::Caller> caller) : caller_(std::move(caller)), thread_([this] { run(); }) {}

Chores::~Chores() { end(); }

void Chores::add(Chore chore) {
  std::unique_lock lock(mutex_);
  // A request's thread never waits here: the kernel might need it before the chore in hand can end.
  if (!Worker::current()) {
    changed_.wait(lock, [this] { return waiting_.size() < max_waiting || end_; });
  }
  if (end_) return;
  waiting_.push_back(std::move(chore));
  ++added_;
  changed_.notify_all();
}

void Chores::settle(Millis longest) {
  std::unique_lock lock(mutex_);
  const auto settled = [this, until = added_] { return done_ >= until || end_; };
  if (longest == Millis::max()) return changed_.wait(lock, settled);
  changed_.wait_for(lock, longest, settled);
}

void Chores::end() {
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  changed_.notify_all();
  caller_->interrupt();
  if (thread_.joinable()) thread_.join();
}

void Chores::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !waiting_.empty() || end_; });
    if (end_) return;
    const Chore chore = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    chore(*caller_);
    lock.lock();
    ++done_;
    changed_.notify_all();
  }
}

}  // namespace lace::fs::fuse
