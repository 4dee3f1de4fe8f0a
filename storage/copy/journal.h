// The intent journal: what must be known about the copies after the machine went down, with one small sync for many of them.
//  - A region of a copy is marked dirty here, durably, before it is written for the first time since it was clean. After a
//    crash only dirty regions can have lost something.
//  - A new epoch of a copy counts once it is here: a thousand copies get a new epoch with one sync. The identity page follows.
//  - Blocks removed here: a client that has not heard of it must not bring one back (the last removed_kept of them). With an
//    epoch: the server had no copy when it was told to leave, and it may count again from that epoch on, when control says so.
//
// Two files, journal-a and journal-b, of which the one with the higher generation counts. They are filled with zeros when made,
// so that a full disk does not stop the journal. A file: a header page, then records of 32 bytes, up to the first one whose
// checksum (seeded with the generation) does not match.
//
//   header:  0 8 "LACEJRNL"   8 4 format, 1   12 4 crc32c of bytes 16-103   16 8 generation   24 16 unused   40 64 boot id
//   record:  0 4 crc32c of bytes 4-31 and generation   4 1 kind   5 1 state   6 2 regions   8 8 block   16 4 epoch   20 4
//   unused
//            24 8 value
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/disk/disk.h"
#include "storage/copy/format.h"
#include "storage/copy/offload.h"

namespace lace::storage {

inline constexpr size_t removed_kept = 16'384;

struct JournalRecord {
  enum class Kind : uint8_t {
    dirty = 1,      // `regions` of the copy, which is at `epoch`
    clean = 2,      // `regions` are as on disk
    epoch = 3,      // the copy is at `epoch`, in `state`
    removed = 4,    // the block
    received = 5,   // `value` bytes were received by hole copies since the server was made
    closed = 6,     // everything was synced, and the server stopped
    forgotten = 7,  // the copy is gone from here, but may come back (quarantine)
  };
  Kind kind{};
  StoredState state = StoredState::whole;
  RegionMask regions = 0;
  BlockId block{};
  Epoch epoch = 0;
  uint64_t value = 0;  // of dirty: `suspect`, or 0; of epoch: behind()

  // Of a copy that is behind (Copy::base).
  static uint64_t behind(Epoch base, Epoch joined) { return uint64_t{joined} << 32 | base; }

  static constexpr uint64_t suspect = 1;  // these regions may have lost something, and control has not said yet what counts
};

class Journal {
 public:
  Journal(disk::Disk& disk, Offload offload) : disk_(disk), offload_(std::move(offload)) {}

  struct Replayed {
    bool same_boot = false;  // un-synced writes are still there: the machine was not down since
    std::vector<JournalRecord> records;
  };
  // Blocking, before anything else. An empty directory replays as nothing, with same_boot.
  Result<Replayed> replay();
  // Blocking: goes on in the other file, which starts with `live`.
  Status restart(const std::vector<JournalRecord>& live);

  // `done` is called when the records are durable, in the order of the calls. Errors: no_space, io.
  void append(std::vector<JournalRecord> records, Done done);
  // Goes with the next append; lost in a crash before that, which must be harmless.
  void note(const JournalRecord& record);

  bool busy() const { return busy_; }
  bool wants_compaction() const;
  // Goes on in the other file with `live`: what the caller needs of all records appended so far.
  void compact(std::vector<JournalRecord> live);
  // Blocking, with nothing under way: all that was noted is made durable.
  Status close();

 private:
  void start_group();
  void finish_group(Status status, std::vector<Done> dones, uint64_t bytes);

  disk::Disk& disk_;
  const Offload offload_;
  std::string boot_id_;
  uint64_t generation_ = 0;
  std::shared_ptr<disk::File> file_;
  uint64_t end_ = 0;       // where the next record goes
  uint64_t live_end_ = 0;  // after the last compaction
  std::vector<JournalRecord> pending_;
  std::vector<Done> waiting_;
  bool busy_ = false;
  bool broken_ = false;  // a sync failed: nothing may be called durable any more
};

}  // namespace lace::storage
