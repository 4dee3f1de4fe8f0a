#include "fs/fuse/service.h"

#include <fcntl.h>

#include "common/base/log.h"

namespace lace::fs::fuse {

Service::Service(FileSystem& its_file_system, net::Network& network, const Clock& its_clock, Squash its_squash,
                 std::string its_controls)
    : file_system(its_file_system),
      clock(its_clock),
      squash(its_squash),
      controls(std::move(its_controls)),
      root(its_file_system.root()),
      interrupts(its_clock),
      chores(network.make_caller()),
      parked([this](const wire::LockRange& range) { unlock_later(range); }) {
  interrupts.set_parked(
      [this](uint64_t unique) { return parked.interrupt(unique, [this](uint64_t waiter) { return cancel_lock(waiter); }); });
}

Result<bool> Service::cancel_lock(uint64_t waiter) {
  constexpr Millis longest{2000};
  Worker& worker = *Worker::current();
  // A request of our own: the kernel's numbers are even and far from here.
  const uint64_t unique = (uint64_t{1} << 63) | (++cancels_ << 1) | 1;
  interrupts.begin(worker, unique, 0, false);
  interrupts.deliver_later(unique, longest);
  Context context{*worker.caller};
  auto cancelled = file_system.cancel_lock(context, waiter);
  interrupts.end(worker);
  return cancelled;
}

void Service::unlock_later(wire::LockRange range) {
  range.type = F_UNLCK;
  chores.add([this, range](net::Caller& caller) {
    Context context{caller};
    const auto unlocked = file_system.lock(context, range, false);
    if (!unlocked) log::warn("mount.unlock_failed", {{"inode", raw(range.inode)}, {"what", unlocked.error().what}});
  });
}

void Service::release_locks_later(InodeId inode, LockOwner owner, bool flock) {
  chores.add([this, inode, owner, flock](net::Caller& caller) {
    Context context{caller};
    const auto released = file_system.release_locks(context, inode, owner, flock);
    if (!released) log::warn("mount.unlock_failed", {{"inode", raw(inode)}, {"what", released.error().what}});
  });
}

}  // namespace lace::fs::fuse
