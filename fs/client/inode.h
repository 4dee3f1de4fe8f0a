// What this mount knows of one inode.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "common/net/transport.h"
#include "fs/cache/deferred.h"
#include "fs/cache/dirty_map.h"
#include "fs/cache/extent_map.h"
#include "fs/cache/leases.h"
#include "fs/cache/log_progress.h"
#include "fs/client/file_system.h"

namespace lace::fs {

// One flush (or truncation, punch, ...) of an inode at a time. The only thing that is held across round trips.
class FlushGate {
 public:
  // Errors: interrupted.
  Status enter(net::Caller& caller);
  bool try_enter();
  void leave();

  class Pass {
   public:
    explicit Pass(FlushGate* gate) : gate_(gate) {}
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (gate_ != nullptr) gate_->leave();
    }

   private:
    FlushGate* gate_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  bool taken_ = false;
};

enum class Hold : uint8_t {
  none,
  deferred,  // open here, and control need not know yet: no other mount exists
  held,      // control keeps the inode for us
  closing,   // CloseInodes is under way
};

struct Inode {
  Inode(InodeId number, const LogProgress& how_far, Leases& its_leases) : id(number), progress(how_far), leases(its_leases) {}

  const InodeId id;
  const LogProgress& progress;
  Leases& leases;
  FlushGate gate;

  std::mutex mutex;  // guards all below; never held across a round trip

  // As control last told, with what this mount has done by itself since. `known` false: never.
  bool known = false;
  wire::Attributes attributes;
  uint64_t logged = 0;          // the last change of it in the operation log
  uint64_t made_logged = 0;     // the one that made it; 0: control knows it long since
  uint64_t stored_logged = 0;   // the last one that says where bytes are, or takes bytes away
  uint64_t resized_logged = 0;  // the last change of its size alone: content logged before must not be taken after
  uint64_t fresh_logged = 0;    // the last one that says where bytes are that were nowhere before
  uint64_t times_logged = 0;    // the last one that says only when bytes were overwritten in place
  uint64_t before_times = 0;    // the last one in front of those
  bool by_ourselves = false;    // changed here without control's answer: its count of changes is not ours
  uint64_t stamp = 0;           // of the session or of a lease, when they were asked for; see set_stamp()
  Instant asked;                // when

  ExtentMap extents;
  uint64_t extents_change = 0;  // Attributes::change that they belong to; 0: to none
  uint64_t extents_stamp = 0;
  uint64_t extents_until = 0;  // a change of ours: until control knows it, nobody else changes them
  Instant extents_asked;
  std::unordered_map<uint64_t, BlockId> own_blocks;  // chunk number -> block that only this file and mount write anew
  uint64_t cuts = 0;                                 // how often extents were taken away: what was placed before is void

  DirtyMap dirty;
  FileTime written;          // last write that is not committed
  bool touched = false;      // written since the last commit, maybe without bytes left
  bool overwriting = false;  // some of it is on its way to where the file has bytes already (FileData::sync_in_place)
  Instant dirty_since;
  bool queued = false;   // in the flusher's queue of ripe ones
  uint64_t ripe_at = 0;  // so many dirty bytes are worth a try; 0: the default
  DeferredAttributes deferred;
  bool has_accessed = false;  // a new access time to be told some time
  FileTime accessed;
  Error error{Code{}, {}};                             // of write-behind, to be told at the next chance; code 0: none
  std::vector<std::pair<BlockId, uint64_t>> unsynced;  // blocks written since the last fsync, and when (WriteLog number)
  bool lost = false;  // of what was written earlier to one of these, something is lost, which no fsync has said yet

  uint64_t lookups = 0;
  uint32_t handles = 0;
  uint32_t writers = 0;
  Hold hold = Hold::none;
  uint32_t removing = 0;      // removals of one of its names that are under way
  uint64_t pages_change = 0;  // Attributes::change that the kernel's pages show; 0: no pages

  uint64_t size() const { return std::max(attributes.size, dirty.end()); }
  bool has_changes() const { return touched || !dirty.empty() || !deferred.empty(); }
  bool pending() const { return progress.pending(logged); }
  // The last change that fdatasync(2) has to wait for.
  uint64_t logged_but_times() const { return logged == times_logged ? before_times : logged; }
  bool idle() const { return handles == 0 && hold == Hold::none && !has_changes() && !has_accessed; }

  // What is known is good as long as the stamp is.
  void set_stamp(uint64_t as_of) {
    if (stamp == as_of) return;
    stamp = as_of;
    leases.covers(as_of, id);
  }
  // This mount moved it: another lease is good for it from now on.
  void moved_under(uint64_t as_of) {
    if (extents_stamp == stamp) extents_stamp = as_of;
    set_stamp(as_of);
  }
  // Takes what control answered, unless something newer is known. `own`: this mount's change made it so. `as_of`: the stamp
  // of the session when control was asked.
  void learn(const wire::Attributes& fresh, uint64_t as_of, Instant when, bool own);
  // Takes control's answer to a change that it was asked for. If this mount changed content by itself, maybe since control
  // answered: all but what comes with content.
  void learn_asked(const wire::Attributes& fresh, uint64_t as_of, Instant when);
  // This mount changed it by itself, as `number` of its log: the attributes are as they are to be, but for the time and the
  // count of the change.
  void changed_here(const FileTime& now, uint64_t number);
  // Control knows everything, and another mount gets in: its word counts again.
  void others_may_change();
  // These are all there are.
  void knows_all_extents(const std::vector<Extent>& all, uint64_t as_of, Instant when);
  // With what only this mount knows yet.
  wire::Attributes shown() const;
  wire::Attributes shown_times() const;  // the same, except for size and stored
  void take_error(Status& status);       // moves a remembered error into a status that is good
};

using InodePtr = std::shared_ptr<Inode>;

class InodeTable {
 public:
  static constexpr size_t max_idle = 131'072;

  InodeTable(const LogProgress& progress, Leases& leases) : progress_(progress), leases_(leases) {}

  InodePtr find(InodeId id);  // null: not known
  InodePtr get(InodeId id);   // made if need be
  // Forgets it unless it is in use.
  void drop_if_idle(InodeId id);
  std::vector<InodePtr> all();

 private:
  struct Shard {
    std::mutex mutex;
    std::list<InodePtr> recent;  // the latest first
    std::unordered_map<InodeId, std::list<InodePtr>::iterator> inodes;
  };
  Shard& shard(InodeId id) { return shards_[raw(id) % shards_.size()]; }
  static void shrink(Shard& shard);
  const LogProgress& progress_;
  Leases& leases_;
  std::array<Shard, 64> shards_;
};

}  // namespace lace::fs
