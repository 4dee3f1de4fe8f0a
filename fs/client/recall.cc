// Mount: leases that control wants back. What was decided under them is told first; then what was learned under them is not
// believed any more, here and in the kernel; only then control hears that they are given back.
#include "common/base/log.h"
#include "fs/client/mount.h"

namespace lace::fs {

namespace {

constexpr Millis pages_within{1'000};  // after that, open() has to see to a file's pages

}  // namespace

struct Mount::Recall {
  InodeId directory{};
  uint64_t up_to = 0;
  bool shared = false;
  Leases::Recalled lease{};
};

std::vector<InodeId> Mount::known_under(uint64_t stamp) {
  std::vector<InodeId> known;
  for (const InodePtr& inode : core_.inodes.all()) {
    const std::lock_guard lock(inode->mutex);
    if (inode->stamp == stamp) known.push_back(inode->id);
  }
  return known;
}

// From here on nothing is decided under the lease. What is in memory of its files goes into the log, behind all that was
// decided before. False: the lease is not here.
bool Mount::stop_deciding(Recall& recall) {
  const auto nobody_decides = core_.entries.decide();
  recall.lease = core_.leases.recalled(recall.directory, recall.up_to);
  if (recall.lease.more) recall.lease.covered = known_under(recall.lease.stamp);
  if (recall.lease.exclusive) {
    for (const InodeId id : recall.lease.covered) {
      const InodePtr inode = core_.inodes.find(id);
      if (!inode) continue;
      const std::lock_guard lock(inode->mutex);
      const uint64_t stamp = core_.deciding_stamp_of(*inode);
      const bool has_content = inode->touched || inode->overwriting;
      if (inode->stamp == recall.lease.stamp && has_content && stamp != 0 && inode->deferred.empty())
        data_.log_content(inode, FileData::Flush::all, stamp);
    }
  }
  if (recall.shared)
    core_.leases.sharing(recall.directory, recall.up_to);
  else
    core_.leases.ended(recall.directory, recall.up_to);
  return recall.lease.stamp != 0;
}

// False: the mount ends.
bool Mount::tell_for_others(net::Caller& caller) {
  for (;;) {
    const Status told = core_.tell_all(caller);
    if (told) return true;
    log::warn("client.recall_waits", {{"error", name_of(told.error().code)}, {"what", told.error().what}});
    if (core_.session.stopping() || !caller.pause(Millis{200})) return false;
  }
}

void Mount::forget_covered(net::Caller& caller, const Recall& recall) {
  for (const InodeId id : recall.lease.covered) {
    const InodePtr inode = core_.inodes.find(id);
    if (!inode) continue;
    const std::lock_guard lock(inode->mutex);
    if (inode->stamp != recall.lease.stamp) continue;
    if (recall.lease.exclusive) inode->others_may_change();  // control counts changes otherwise than we did
    if (recall.shared) continue;
    inode->set_stamp(0);
    inode->extents_change = 0;  // who reads on asks, and so makes the next holder tell
  }
  if (recall.shared) return;
  // Others may take the names of files that are open here: these must live on.
  if (auto secured = secure(caller, recall.lease.covered); !secured)
    log::warn("client.hold_failed", {{"what", secured.error().what}});
}

// An operation here that waits for the other mount may hold the directory in the kernel. Then what the kernel was given is
// waited for: it forgets by itself.
void Mount::drop_from_kernel(net::Caller& caller, const Recall& recall) {
  const GivenToKernel::Taken given = core_.given.take(recall.directory, recall.shared, recall.lease.covered);
  const KernelCache kernel = drop(given);
  if (!recall.shared && kernel.drop_pages) {
    for (const InodeId id : recall.lease.covered) {
      const InodePtr inode = core_.inodes.find(id);
      if (!inode) continue;
      bool open = false;
      {
        const std::lock_guard lock(inode->mutex);
        open = inode->handles > 0;
      }
      if (open) kernel.drop_pages(id);
    }
  }
  Instant latest = core_.clock.now() + (recall.shared ? Millis{0} : pages_within);
  for (const GivenToKernel::Thing& thing : given.things) latest = std::max(latest, thing.until);
  const auto left_until = [this](Instant until) {
    return std::chrono::duration_cast<Millis>(std::max(until - core_.clock.now(), Instant::duration{0})) + Millis{1};
  };
  if (kernel.settle) kernel.settle(left_until(latest));
  if (given.until > core_.clock.now()) static_cast<void>(caller.pause(left_until(given.until)));
}

void Mount::on_recalled(net::Caller& caller, InodeId directory, uint64_t up_to, bool shared) {
  Recall recall{directory, up_to, shared};
  const bool held = stop_deciding(recall);
  // Of a directory that was removed here the lease is gone, but control may not know.
  if ((!held || recall.lease.exclusive) && !tell_for_others(caller)) return;
  core_.leases.given_back(directory);
  if (!held) return;
  forget_covered(caller, recall);
  drop_from_kernel(caller, recall);
  log::debug("client.lease_given_back", {{"directory", raw(directory)}, {"shared", shared}});
}

}  // namespace lace::fs
