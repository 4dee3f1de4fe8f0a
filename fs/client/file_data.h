// The content of files: read, written behind, flushed, synced, cut. Thread-safe.
#pragma once

#include <functional>

#include "fs/client/core.h"

namespace lace::fs {

class FileData {
 public:
  static constexpr uint64_t small_file_bytes = uint64_t{256} << 10;  // files up to this share pack blocks
  static constexpr uint64_t flush_bytes = uint64_t{64} << 20;        // stored and committed at once, at most
  static constexpr uint64_t ripe_bytes = uint64_t{4} << 20;          // worth sending while the file still grows
  static constexpr Millis extents_good_for{1'000};                   // while other mounts exist

  explicit FileData(Core& core) : core_(core) {}
  // Called when an inode has changes (again), and when so many that they should be sent; and when memory is short.
  std::function<void(const InodePtr&)> on_changed = [](const InodePtr&) {};
  std::function<void(const InodePtr&)> on_ripe = [](const InodePtr&) {};
  std::function<void()> on_pressure = [] {};

  // The attributes must be known. Short only at the end of the file.
  Result<size_t> read(net::Caller& caller, const InodePtr& inode, uint64_t offset, char* into, size_t length);
  enum class Place {
    at_offset,
    at_end,          // wherever that is now; errors: stale (other mounts may append: not done, take turns)
    at_end_in_turn,  // nobody else appends; what others did is asked for
  };
  Result<size_t> write(net::Caller& caller, const InodePtr& inode, uint64_t offset, std::string_view bytes,
                       Place place = Place::at_offset);

  enum class Flush {
    all,   // what is dirty now, and what waits with it
    ripe,  // whole runs only
  };
  // While this mount may decide alone: what is dirty goes into the operation log, to be stored and told to control in its turn.
  // Answers the number to wait for; unset: it can't, flush() has to do it.
  std::optional<uint64_t> log_content(const InodePtr& inode, Flush what);
  // The same for who decides already (EntryCache::decide, with this stamp) and holds inode.mutex.
  void log_content(const InodePtr& inode, Flush what, uint64_t stamp);
  // The size was changed as `number` of the log. Content that was logged before and is still here goes behind it.
  void log_resized(const InodePtr& inode, uint64_t number, uint64_t stamp);
  // Errors: interrupted (everything is still dirty); others: what could not be stored is dropped, and this is the only word.
  Status flush(net::Caller& caller, const InodePtr& inode, Flush what);
  // For those who can't be told: the error is remembered for who asks next.
  void flush_behind(net::Caller& caller, const InodePtr& inode, Flush what);
  // `data_only`: as fdatasync(2), which does not wait for times.
  Status sync(net::Caller& caller, const InodePtr& inode, bool data_only);
  Status sync_written(net::Caller& caller);  // all blocks of all files

  Result<wire::Attributes> set_size(net::Caller& caller, const InodePtr& inode, const wire::SetAttributes& request);
  // `size`: see wire::Punch.
  Status punch(net::Caller& caller, const InodePtr& inode, uint64_t offset, uint64_t length, uint64_t size);
  // The next data at or after `offset` (dirty bytes are data); unset: none before the end of the file.
  Result<std::optional<Range>> next_data(net::Caller& caller, const InodePtr& inode, uint64_t offset);

  // Many files' content on its way to the servers at once: for LogWriter.
  class Staging;

  Result<wire::Attributes> refresh(net::Caller& caller, const InodePtr& inode);  // asks control, when it knows all
  void drop_dirty(Inode& inode);                                                 // inode.mutex held
  // Extents that came with other answers, e.g. OpenInode's. `sole`: the session's stamp when it was asked; `extents_epoch`:
  // Core's then.
  void learn(Inode& inode, const wire::ExtentsReply& reply, uint64_t sole, uint64_t extents_epoch);
  // Pages of this inode (no_inode: of any) have become shared: what is known of where it lies is asked anew, and new pages go
  // to blocks that have none yet. Nobody is placing.
  void void_extents(InodeId id);

 private:
  struct Batch;
  struct Plan;

  Result<wire::Attributes> ask_attributes(net::Caller& caller, const InodePtr& inode);
  bool extents_good(const Inode& inode) const;  // inode.mutex held
  bool knows(const Inode& inode, uint64_t begin, uint64_t end) const;
  Status fetch_extents(net::Caller& caller, Inode& inode, uint64_t offset, uint64_t end);
  void distrust_extents(Inode& inode);
  bool take_batch(Inode& inode, Flush what, Batch& batch);
  Status enter_told(net::Caller& caller, Inode& inode);
  Status flush_in_gate(net::Caller& caller, const InodePtr& inode, Flush what);
  Status sync_logged(net::Caller& caller, const InodePtr& inode, uint64_t number, bool data_only);
  // Unset: it is no case for it.
  std::optional<Status> sync_in_place(net::Caller& caller, const InodePtr& inode, bool data_only);
  std::optional<Result<uint64_t>> overwrite(net::Caller& caller, const InodePtr& inode, bool data_only);
  bool plan_overwrite(Inode& inode, DirtySnapshot& data, std::vector<BlockWrite>& writes);
  uint64_t log_overwritten(const InodePtr& inode, uint64_t stamp, bool data_only);
  // Unless it is synced, WriteLog has to be told.
  Result<WriteDone> write_out(net::Caller& caller, std::span<const BlockWrite> writes, bool sync);
  Status sync_stored(net::Caller& caller, Inode& inode);
  Status store(net::Caller& caller, const InodePtr& inode, Batch& batch, bool again);
  std::optional<BlockId> recognise(const ExtentMap& extents, uint64_t chunk) const;
  Status know_extents(net::Caller& caller, Inode& inode, const std::vector<Range>& runs, Plan& plan);
  Result<std::vector<Extent>> allocate(net::Caller& caller, Plan& plan, Range pages);
  Result<BlockId> own_block(net::Caller& caller, Plan& plan, uint64_t chunk);
  Status send(net::Caller& caller, Inode& inode, Batch& batch, const Placement& placement, bool sync);
  void wrote(Inode& inode, const std::vector<BlockId>& blocks, uint64_t number);
  void give_back(const Plan& plan, const Error& error);
  Status commit(net::Caller& caller, Inode& inode, Batch& batch, Plan& plan, std::vector<Extent> extents);
  void give_up(const InodePtr& inode, const Error& error);
  Status wait_for_room(net::Caller& caller, size_t bytes);
  bool plan_read(Inode& inode, uint64_t offset, size_t length, char* into, std::vector<BlockRead>& reads, Range& unknown);
  void account(uint64_t before, uint64_t after);
  void settle_times(Inode& inode);
  DirtySnapshot freeze(Inode& inode, uint64_t begin, uint64_t end);

  Core& core_;
};

}  // namespace lace::fs
