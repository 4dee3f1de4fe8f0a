// What all requests of a mount share.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "fs/client/file_system.h"
#include "fs/client/profile.h"
#include "fs/fuse/change_table.h"
#include "fs/fuse/chores.h"
#include "fs/fuse/interrupts.h"
#include "fs/fuse/lock_owners.h"
#include "fs/fuse/parked_locks.h"
#include "fs/fuse/releases.h"

struct fuse_session;

namespace lace::fs::fuse {

// -o uid=N,gid=N: what owner every file shows, and new files get.
struct Squash {
  std::optional<uint32_t> uid, gid;
};

struct Service {
  Service(FileSystem& its_file_system, net::Network& network, const Clock& its_clock, Squash its_squash,
          std::string its_controls);

  FileSystem& file_system;
  const Clock& clock;
  const Squash squash;
  const std::string controls;  // what the attribute lace.control says
  const InodeId root;

  fuse_session* session = nullptr;  // set before the first request
  Profile* profile = nullptr;       // the same; null: nobody counts

  ChangeTable changes;
  LockOwners owners;
  Releases releases;
  Interrupts interrupts;
  Chores chores;
  ParkedLocks parked;

  // For ParkedLocks::interrupt, on a worker's thread. Gives up after a while: the program that waits has been interrupted.
  Result<bool> cancel_lock(uint64_t waiter);
  // Gives back a lock, or all of an owner, on the chores' thread.
  void unlock_later(wire::LockRange range);
  void release_locks_later(InodeId inode, LockOwner owner, bool flock);

 private:
  std::atomic<uint64_t> cancels_{0};
};

}  // namespace lace::fs::fuse
