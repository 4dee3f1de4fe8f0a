// The leases on directories that control gave this mount (wire::Lease). What is learned under one carries its stamp, and is
// believed as long as the stamp is good. Stamps are never used twice, nor as those of Session are. Thread-safe; good() takes
// no lock.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "common/wire/control_messages.h"

namespace lace::fs {

class Leases {
 public:
  static constexpr size_t most = 32'768;           // directories; control gives fewer
  static constexpr size_t most_covered = 131'072;  // inodes of one lease that are remembered
  static constexpr size_t most_ended = 65'536;     // directories of which it is remembered which leases have ended

  Leases();

  static bool is_stamp(uint64_t stamp) { return (stamp & mark) != 0; }
  // Whether the lease is still there, and exclusive. That the session's own lease holds is the caller's to see.
  bool good(uint64_t stamp) const;
  bool is_exclusive(uint64_t stamp) const;
  // Of the lease on the directory; 0: there is none.
  uint64_t stamp(InodeId directory) const;

  // The leases that came with an answer. Answers the stamp for what it says of things whose lease is that of `home`; 0: none.
  uint64_t take(const std::vector<wire::Lease>& leases, InodeId home);
  // An exclusive one on a directory that this mount makes by itself, and control does not know yet. 0: there are too many.
  uint64_t made(InodeId directory);
  // Something was learned under the stamp.
  void covers(uint64_t stamp, InodeId inode);

  // Control wants back what it gave up to this number, of the right to change or of all. Until sharing() or ended(), nothing
  // changes: whoever decides alone is to be kept from it meanwhile.
  struct Recalled {
    uint64_t stamp = 0;  // 0: it is not here (any more)
    bool exclusive = false;
    std::vector<InodeId> covered;  // each once
    bool more = false;             // too many were learned: look for the stamp in all inodes instead
  };
  Recalled recalled(InodeId directory, uint64_t up_to);
  void sharing(InodeId directory, uint64_t up_to);
  void ended(InodeId directory, uint64_t up_to);
  // Control knows all that was decided under it. Until then, a right to change is among those that tell_all() tells.
  void given_back(InodeId directory);
  // The directory is gone.
  void forget(InodeId directory);

  // All of them, and what is being given back; none that comes later counts until accept().
  std::vector<wire::Lease> tell_all();
  // Leases up to this number that are not here have ended.
  void accept(uint64_t up_to);
  void end_all();  // and none counts until accept()
  // What was learned may be wrong, and nothing more is to be decided alone.
  void distrust();

 private:
  static constexpr uint64_t mark = uint64_t{1} << 63;
  static constexpr uint64_t slot_bits = 15;
  static_assert(most == uint64_t{1} << slot_bits);

  struct Slot {
    std::atomic<uint64_t> stamp{0};
    std::atomic<bool> exclusive{false};
  };
  struct Held {
    uint64_t slot = 0;
    uint64_t number = 0, exclusive = 0;
    std::vector<InodeId> covered;
    bool more = false;
  };
  struct Ended {
    uint64_t all = 0, exclusive = 0;
  };
  Slot& slot_of(uint64_t stamp) const { return (*slots_)[stamp & (most - 1)]; }
  Held* put(InodeId directory);  // null: no room
  void drop(std::unordered_map<InodeId, Held>::iterator held);
  bool came_too_late(const wire::Lease& lease) const;
  void take_one(const wire::Lease& lease);
  Ended& note_ended(InodeId directory);
  void note_returning(InodeId directory, const Held& held);

  const std::unique_ptr<std::array<Slot, most>> slots_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::unordered_map<InodeId, Held> held_;
  std::unordered_map<uint64_t, InodeId> directories_;  // by slot
  std::unordered_map<InodeId, Ended> ended_;
  std::unordered_map<InodeId, uint64_t> returning_;  // numbers of those that are being given back, and were exclusive
  std::vector<uint64_t> free_;
  uint64_t generation_ = 0;
  uint64_t ended_up_to_ = 0;  // of every directory
  bool accepting_ = false;
};

}  // namespace lace::fs
