// The copies of one data directory: what is written, read, punched, synced, filled and removed, with every byte verified.
//
// All members are for one thread (the server's loop), except where said. What blocks is handed to `offload`; its results come
// back on the loop. Changes of one copy are done in the order of the calls. Callbacks come on the loop, possibly before the
// call returns. Errors of callbacks: stale (the copy is at another epoch, or not here), unavailable (filling or suspect),
// corrupt, no_space, io, invalid.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "common/base/bytes.h"
#include "storage/copy/copy.h"
#include "storage/copy/index.h"
#include "storage/copy/journal.h"

namespace lace::storage {

struct StoreOptions {
  std::string cluster;     // copies of another cluster are set aside
  std::string index_path;  // of the index, a path of the system; empty: none, the copies' files are looked at
  size_t max_open = 512;   // copies with an open file and table in memory (128 KiB each at most)
  // Whole pages written at once, from so many bytes on, are a piece of a stream: they go past the page cache, which costs less
  // than what the page cache would cost.
  uint64_t stream_bytes = max_io_bytes;
  Millis clean_after{5'000};  // a region that was not written for so long, and is synced, is marked clean
  Millis sync_after{10'000};  // written and not synced for so long: synced in the background
};

struct Run {  // pages of one kind
  uint32_t page = 0;
  uint32_t count = 0;
  Epoch epoch = 0;
  bool zero = false;
};

// wire::ComparePagesReply
struct Comparison {
  std::vector<Run> newer;
  std::vector<uint64_t> digests;
};
Comparison comparison_of(const PageTable& table, Epoch base, uint32_t unit, const std::vector<uint32_t>& units);
// Empty: all of them. Error: invalid.
Status check_units(uint32_t unit, std::vector<uint32_t>& units);

struct ReadData {
  std::vector<Range> ranges;  // by offset; what lies between them is zero
  Bytes bytes;                // theirs, one after another
};

struct Verified {
  uint64_t bytes = 0;      // that were read
  uint32_t next_page = 0;  // block_pages: that was all
};

struct FetchedPages {
  std::vector<Run> runs;
  uint32_t next_page = 0;  // block_pages: that was all
  Bytes bytes;
  std::vector<Run> missing;  // lost here
};

// What this server is for a block from an epoch on. Refilling: as filling, and what it has is kept where it can be.
enum class Role : uint8_t { member, filling, none, refilling };

struct CopyInfo {
  BlockId block{};
  Epoch epoch = 0;
  State state{};
  bool rotten = false;
  uint64_t stored_bytes = 0;
  uint64_t missing_bytes = 0;
  Epoch base = 0, joined = 0;  // Copy's
};

struct StoreTotals {
  uint64_t copies = 0;
  uint64_t stored_bytes = 0;
  uint64_t missing_bytes = 0;
  uint64_t missed_bytes = 0;    // of the holes since there were none last
  uint64_t filled_bytes = 0;    // of holes, since the start
  uint64_t received_bytes = 0;  // by hole copies, since the server was made
  uint64_t corrupt_pages = 0;   // found since the start
  uint64_t healed_pages = 0;    // of lost pages, since the start
  uint64_t disk_errors = 0;     // reads and syncs that failed, since the start
};

class CopyStore {
 public:
  CopyStore(disk::Disk& disk, const Clock& clock, Offload offload, StoreOptions options);
  ~CopyStore();

  // Blocking, first: finds the copies, and which of them may have lost something. Errors: io, corrupt, ...
  Status open();
  // Whether nothing is under way: no journal group, no sync, no change in line.
  bool idle() const;
  // Blocking, last: syncs everything and says so in the journal. Nothing may be under way.
  Status close();
  void set_cluster(const std::string& cluster) { options_.cluster = cluster; }
  // Whether streams go past the page cache. Not on a disk that is nearly full: what the page cache takes the disk counts at
  // once, so that writes which will not fit are refused before they begin.
  void set_streams(bool on) { streams_ = on; }

  // Says each copy whose state changed other than on control's word: filled, corrupt.
  void on_changed(std::function<void(BlockId)> changed) { changed_ = std::move(changed); }

  std::optional<CopyInfo> find(BlockId block) const;
  // Whether `block` may be made by its first write: unknown here, never removed, and never told to leave.
  bool may_appear(BlockId block) const;
  std::vector<CopyInfo> list(BlockId behind, size_t most) const;  // in order of id
  StoreTotals totals() const { return totals_; }
  // How many bytes a write would add to the disk: pages that hold nothing yet. As far as is known without waiting.
  uint64_t new_bytes(BlockId block, uint64_t offset, uint64_t length) const;
  // Of writes that were taken and are not in their files yet: the disk does not count them.
  uint64_t bytes_under_way() const { return bytes_under_way_; }

  // Makes the copy if it may appear and `epoch` is 1. `inode` and `file_offset` say whose bytes these are.
  // `done` gets what was written as it now is in whole pages, from the border in front of `offset` on: for members that miss
  // the rest of these pages.
  using Written = std::function<void(Result<Bytes>)>;
  void write(BlockId block, Epoch epoch, uint64_t offset, Bytes bytes, InodeId inode, uint64_t file_offset, bool whole_pages,
             Written done);
  void read(BlockId block, Epoch epoch, uint64_t offset, uint64_t length, std::function<void(Result<ReadData>)> done);
  void punch(BlockId block, Epoch epoch, uint64_t offset, uint64_t length, Done done);
  // All writes answered before are durable when it is done. A copy that is not here has nothing to sync.
  void sync(BlockId block, Epoch epoch, Done done);

  // See wire::EpochChange. Durable when done.
  void set_epoch(BlockId block, Epoch from, Epoch to, Role role, Done done);
  void remove(BlockId block, Done done);      // durable; not here: done
  void quarantine(BlockId block, Done done);  // moved aside

  // Source of a comparison: see wire::ComparePages.
  void compare(BlockId block, Epoch base, Epoch end, uint32_t unit, std::vector<uint32_t> units,
               std::function<void(Result<Comparison>)> done);
  // Destination: those of the units that are not the same here.
  void differing(BlockId block, uint32_t unit, std::vector<uint32_t> units, Comparison source,
                 std::function<void(Result<std::vector<uint32_t>>)> done);
  // Pages that are newer at the source, or different, become holes, but for those written since it `joined`. After that all of
  // its holes are known. Durable when done. Error: stale (it is not behind, or joined again).
  void settle(BlockId block, Epoch joined, const std::vector<Run>& newer, const std::vector<uint32_t>& different, Done done);

  // Source of a hole copy: the pages of [offset, offset + length) with an epoch past `start`, up to about max_io_bytes.
  // `partial`: pages that are lost here are named; else one is an error.
  void fetch(BlockId block, Epoch start, Epoch end, std::vector<Range> holes, bool partial,
             std::function<void(Result<FetchedPages>)> done);
  // Destination: applies those of these pages that are still missing; what no run names was never written.
  void fill(BlockId block, Epoch epoch, std::vector<Range> pages, std::vector<Run> runs, Bytes bytes, Done done);
  // The missing ranges from `first_page` on, at most `most`; empty: nothing is missing there.
  void missing(BlockId block, uint32_t first_page, size_t most, std::function<void(Result<std::vector<Range>>)> done);
  // Nothing is missing any more: makes that durable; the copy is whole then.
  void finish_fill(BlockId block, Epoch epoch, Done done);

  // Reads some pages with data from `page` on, from the disk, and checks them. Error: corrupt (a page is lost, which is noted;
  // the others are to be read again), and those of read().
  void verify(BlockId block, uint32_t page, uint32_t most, std::function<void(Result<Verified>)> done);

  // The account of a copy's pages, merged.
  void inspect(BlockId block, std::function<void(Result<std::vector<Run>>)> done);

  // Every second: marks what is clean, syncs what waits too long, compacts the journal.
  void tick();

 private:
  struct WriteOp;
  struct ReadOp;
  struct FillOp;
  struct EpochOp;
  struct SettleOp;
  using Resume = std::function<void(Status)>;

  // copy_store.cc: which copies there are, open files, order of changes
  CopyRef find_ref(BlockId block) const;
  static Status serves(const Copy& copy);  // whether it may be read and written now
  CopyRef add_copy(BlockId block, Epoch epoch, State state);
  Status make_file(Copy& copy);
  Status write_identity(Copy& copy);
  Result<OpenCopy*> opened(const CopyRef& copy);
  Status replace_lost_file(Copy& copy, OpenCopy& open);
  void close_unused();
  void drop_copy(const CopyRef& copy);
  void count(Copy& copy, int64_t data, int64_t missing);
  // `change` runs when those before it are done, and calls next_in_order once when it is done itself.
  void in_order(const CopyRef& copy, std::function<void()> change);
  void next_in_order(const CopyRef& copy);
  void lose_page(Copy& copy, uint32_t page);
  void distrust(Copy& copy);
  void remember_removed(BlockId block, Epoch until);
  void refuse_unmade(BlockId block, Epoch until, Done done);
  // True: these chunks of the table are in memory. Else they will be, and then `resume` is called, or with the error.
  bool table_ready(const CopyRef& copy, uint32_t first, uint32_t count, const Resume& resume);

  // intents.cc: marks, syncs, housekeeping
  bool marked(const CopyRef& copy, RegionMask regions, const Resume& resume);
  void mark(const CopyRef& copy, RegionMask regions);
  void touched(Copy& copy, RegionMask regions);
  void start_sync(const CopyRef& copy);
  void finish_sync(const CopyRef& copy, RegionMask regions, const Status& status);
  void mark_clean(Copy& copy);
  std::vector<JournalRecord> live_records() const;
  static JournalRecord epoch_record(const Copy& copy);
  // Brings the index up to date for these copies. False: it could not, and the journal must not forget them.
  bool index_copies(const std::vector<CopyRef>& copies);

  // writing.cc
  void advance_write(const std::shared_ptr<WriteOp>& op);
  bool old_page_ready(const std::shared_ptr<WriteOp>& op, uint32_t page, std::unique_ptr<std::string>& into);
  Status write_data(WriteOp& op);
  void write_through(const std::shared_ptr<WriteOp>& op);
  Status finish_write(WriteOp& op, Status status);
  void undo_failed(Copy& copy, uint32_t first, const std::vector<PageEntry>& before);
  void punch_now(const CopyRef& copy, Epoch epoch, uint64_t offset, uint64_t length, const Done& done);

  // reading.cc
  void advance_read(const std::shared_ptr<ReadOp>& op);
  void read_blocking(const std::shared_ptr<ReadOp>& op);
  void finish_read(const std::shared_ptr<ReadOp>& op, Status status);

  // filling.cc
  void advance_fill(const std::shared_ptr<FillOp>& op);
  Status apply_fill(FillOp& op);

  // comparing.cc
  void advance_settle(const std::shared_ptr<SettleOp>& op);
  Status make_holes(Copy& copy, const std::function<bool(uint32_t)>& wanted);
  void examine(const CopyRef& copy, std::function<void(Result<Epoch>)> done);

  // epochs.cc
  void advance_epoch(const std::shared_ptr<EpochOp>& op);
  Status install_epoch(EpochOp& op);
  Status reset_to_hole(Copy& copy);
  void accept_suspect(const CopyRef& copy, const Done& done);
  void remove_now(const CopyRef& copy, bool aside, const Done& done);

  // recovery.cc
  struct Known;
  using KnownBlocks = std::map<BlockId, Known>;
  KnownBlocks replay_records(const std::vector<JournalRecord>& records);
  // The copies of the index that the journal does not speak of, and those that it does. False: there is no good index.
  Result<bool> load_index(const KnownBlocks& known, const Journal::Replayed& replayed);
  Status adopt_known(const KnownBlocks& known, bool same_boot);
  Status scan(const KnownBlocks& known, bool same_boot);
  Status renew_index();
  Status adopt(BlockId block, const Known* known, bool same_boot);
  Status adopt_dirty(Copy& copy, const Known& known, bool same_boot);
  Status bring_back(const KnownBlocks& known, bool same_boot);
  Status set_aside(BlockId block, const std::string& why);
  Status finish_removal(BlockId block, const Known& known);

  disk::Disk& disk_;
  const Clock& clock_;
  const Offload offload_;
  StoreOptions options_;
  std::function<void(BlockId)> changed_;
  Journal journal_;
  std::unique_ptr<Index> index_;
  std::vector<BlockId> unindexed_;  // removed, and still in the index
  std::map<BlockId, CopyRef> copies_;
  std::list<BlockId> open_;              // copies with an OpenCopy, least recently used first
  std::unordered_set<BlockId> unclean_;  // copies with dirty regions, or with something to sync
  std::deque<BlockId> removed_order_;
  std::unordered_map<BlockId, Epoch> removed_;  // and from which epoch on it may be made again; 0: only anew, as one hole
  StoreTotals totals_;
  uint64_t bytes_under_way_ = 0;
  bool streams_ = true;
  uint64_t received_noted_ = 0;
};

}  // namespace lace::storage
