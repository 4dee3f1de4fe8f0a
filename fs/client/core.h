// The client on one page: its parts in the order of their construction. Files with behaviour take a Core&.
//
// Threads: those of the user (FUSE), each with its own Caller; Flusher's, which write behind; Keeper's two, which keep the
// session and listen for events; Housekeeper's, for what can wait a moment. Locks: each part has its own, held for a
// few instructions, never across a round trip, and never while another part is called; Inode::mutex comes before those
// of the parts. Only Inode::gate and `placing` are held while servers
// are asked.
#pragma once

#include <atomic>
#include <functional>

#include "fs/cache/entry_cache.h"
#include "fs/cache/given.h"
#include "fs/cache/held_locks.h"
#include "fs/client/block_map.h"
#include "fs/client/block_pool.h"
#include "fs/client/inode.h"
#include "fs/client/operation_log.h"
#include "fs/client/placing_gate.h"
#include "fs/client/storage_channel.h"
#include "fs/client/write_log.h"

namespace lace::fs {

struct Core {
  Core(net::Network& net, const Clock& the_clock, MountOptions mount_options)
      : network(net),
        clock(the_clock),
        options(std::move(mount_options)),
        session(clock),
        control(clock, options.controls, options.timeout, session),
        blocks(control, servers),
        storage(blocks, options.local_reads),
        pool(control, blocks, [this] { pool_is_low(); }),
        log(clock, progress),
        inodes(progress),
        entries(progress) {}

  // As Session::stamp, for who wants to decide alone what control is told later; 0 also when control takes no changes.
  uint64_t deciding_stamp() const { return log.is_troubled() ? 0 : session.stamp(); }
  // Until control knows what happened here to the inode. Errors: interrupted, and what keeps control from it.
  Status tell(net::Caller& caller, Inode& inode) {
    uint64_t number = 0;
    {
      const std::lock_guard lock(inode.mutex);
      number = inode.logged;
    }
    return log.wait(caller, number, options.timeout);
  }
  Status tell(net::Caller& caller, InodeId id) {
    const InodePtr inode = inodes.find(id);
    return inode ? tell(caller, *inode) : Status{};
  }
  Status tell_all(net::Caller& caller) { return log.wait(caller, log.last(), options.timeout); }

  net::Network& network;
  const Clock& clock;
  const MountOptions options;

  Session session;
  ControlChannel control;
  Servers servers;
  BlockMap blocks;
  StorageChannel storage;
  BlockPool pool;
  WriteLog writes;
  PlacingGate placing;                     // held across round trips, as Inode::gate is, and entered after it
  std::atomic<uint64_t> extents_epoch{0};  // grows when extents that were known, or are being asked for, become void

  LogProgress progress;
  OperationLog log;

  InodeTable inodes;
  EntryCache entries;
  GivenToKernel given;
  HeldLocks locks;
  std::atomic<uint64_t> dirty_bytes{0};  // of all inodes

  // Wired by Mount; called without locks.
  std::function<void()> pool_is_low = [] {};
};

}  // namespace lace::fs
