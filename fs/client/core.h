// The client on one page: its parts in the order of their construction. Files with behaviour take a Core&.
//
// Threads: those of the user (FUSE), each with its own Caller; Flusher's, which write behind; Keeper's two, which keep the
// session and listen for events; Housekeeper's, for what can wait a moment. Locks: each part has its own, held for a
// few instructions, never across a round trip, and never while another part is called; Inode::mutex comes before those
// of the parts. Only Inode::gate and `placing` are held while servers
// are asked.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <functional>

#include "fs/cache/entry_cache.h"
#include "fs/cache/given.h"
#include "fs/cache/held_locks.h"
#include "fs/cache/leases.h"
#include "fs/cache/write_errors.h"
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
        inodes(progress, leases),
        entries(progress) {}

  // Under what the names of a directory may be believed, or changed alone, now: the session's stamp if it is the only one, else
  // that of the lease on the directory; 0: control is to be asked. Who changes holds EntryCache::decide().
  uint64_t stamp_of(InodeId directory) const {
    if (const uint64_t sole = session.stamp()) return sole;
    return session.lease_holds() ? leases.stamp(directory) : 0;
  }
  uint64_t deciding_stamp_of(InodeId directory) const {
    if (!decides()) return 0;
    if (const uint64_t sole = session.stamp()) return sole;
    const uint64_t stamp = session.lease_holds() ? leases.stamp(directory) : 0;
    return leases.is_exclusive(stamp) ? stamp : 0;
  }
  // The same for what is known of an inode, whose mutex is held. A lease is good for directories of their own, and for files
  // with one name in the directory.
  bool believes(const Inode& inode) const {
    if (inode.stamp == 0) return false;
    if (!Leases::is_stamp(inode.stamp)) return inode.stamp == session.stamp();
    return has_home(inode) && leases.good(inode.stamp) && session.lease_holds();
  }
  uint64_t believed_under(const Inode& inode) const { return believes(inode) ? inode.stamp : 0; }
  bool knows(const Inode& inode) const { return inode.known && (believes(inode) || inode.pending()); }
  uint64_t deciding_stamp_of(const Inode& inode) const {
    if (!decides() || !inode.known) return 0;
    if (const uint64_t sole = session.stamp()) return inode.stamp == sole || inode.pending() ? sole : 0;
    return has_home(inode) && leases.is_exclusive(inode.stamp) && session.lease_holds() ? inode.stamp : 0;
  }
  // Under what an answer that was asked for while `sole` was the session's stamp may be believed, of things whose lease is that
  // of `home`.
  uint64_t learned(uint64_t sole, const std::vector<wire::Lease>& came, InodeId home) {
    return sole != 0 ? sole : leases.take(came, home);
  }
  // The same of a change of one inode: the only lease that can come with its answer is the one that is good for it.
  uint64_t learned_of_file(uint64_t sole, const std::vector<wire::Lease>& came) {
    return learned(sole, came, came.size() == 1 ? came.front().directory : no_inode);
  }
  // Not when control takes no changes, nor where every change is to wait for it.
  bool decides() const { return !options.synchronous && !log.is_troubled(); }
  static bool has_home(const Inode& inode) { return S_ISDIR(inode.attributes.mode) || inode.attributes.links == 1; }

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
  Leases leases;

  InodeTable inodes;
  EntryCache entries;
  GivenToKernel given;
  HeldLocks locks;
  WriteErrors write_errors;
  std::atomic<uint64_t> dirty_bytes{0};  // of all inodes

  // What was written behind is lost: who has the inode open is told next, and who syncs everything. Its mutex is held.
  void remember(Inode& inode, const Error& error) {
    inode.error = error;
    write_errors.note(error);
  }

  // Wired by Mount; called without locks.
  std::function<void()> pool_is_low = [] {};
};

}  // namespace lace::fs
