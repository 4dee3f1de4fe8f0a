#include "fs/client/placing_gate.h"

#include <algorithm>

#include "common/base/check.h"

namespace lace::fs {

namespace {

constexpr Millis look_again{20};  // whether the caller was interrupted

}  // namespace

Result<PlacingGate::Pass> PlacingGate::enter(net::Caller& caller, Millis within) {
  std::unique_lock lock(mutex_);
  for (Millis left = within; closed_ > 0; left -= look_again) {
    if (changed_.wait_for(lock, look_again, [this] { return closed_ == 0; })) break;
    if (left <= look_again) return fail(Code::io, "pages are being shared, and nobody says that they are");
    lock.unlock();
    if (auto alive = caller.pause(Millis{0}); !alive) return pass(alive);
    lock.lock();
  }
  ++inside_;
  return Pass(this);
}

Status PlacingGate::close(net::Caller& caller, Millis within) {
  std::unique_lock lock(mutex_);
  ++closed_;
  const auto nobody = [this] { return inside_ == 0; };
  Status waited;
  for (Millis left = within; waited && !changed_.wait_for(lock, std::min(left, look_again), nobody); left -= look_again) {
    if (left <= look_again) waited = fail(Code::try_again, "what is being written takes long");
    lock.unlock();
    if (auto alive = caller.pause(Millis{0}); !alive) waited = alive;
    lock.lock();
  }
  if (waited) return {};
  --closed_;
  changed_.notify_all();
  return waited;
}

void PlacingGate::open() {
  const std::lock_guard lock(mutex_);
  CHECK(closed_ > 0);
  --closed_;
  changed_.notify_all();
}

void PlacingGate::leave() {
  const std::lock_guard lock(mutex_);
  CHECK(inside_ > 0);
  --inside_;
  changed_.notify_all();
}

}  // namespace lace::fs
