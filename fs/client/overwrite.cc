// FileData: fsync of what was written over bytes that the file has already. It goes straight to the servers, who answer when it
// is on stable storage, and takes no turn in the operation log: control has nothing to learn but the time.
#include <algorithm>

#include "fs/client/file_data.h"

namespace lace::fs {

namespace {

// More is a matter for the log, which sends it in long messages, followed by one sync.
constexpr uint64_t most_bytes = uint64_t{256} << 10;
constexpr size_t most_writes = 8;

}  // namespace

Result<WriteDone> FileData::write_out(net::Caller& caller, std::span<const BlockWrite> writes, bool sync) {
  const uint64_t begun_at = core_.writes.begin_sync();
  auto written = core_.storage.write(caller, writes, sync && writes.size() <= most_writes);
  if (!written || !written->synced) return written;
  std::vector<BlockId> blocks;
  for (const auto& [block, epoch] : written->at) blocks.push_back(block);
  core_.writes.synced(blocks, begun_at, written->accepted);  // with what was written there before
  return written;
}

// All that is dirty, if the file has bytes of its own everywhere there, and not much. inode.mutex is held.
bool FileData::plan_overwrite(Inode& inode, DirtySnapshot& data, std::vector<BlockWrite>& writes) {
  if (inode.dirty.empty() || inode.dirty.bytes() > most_bytes || inode.dirty.end() > inode.attributes.size) return false;
  if (inode.progress.pending(inode.resized_logged)) return false;
  std::vector<Extent> places;
  for (const Range& run : inode.dirty.ranges(0, UINT64_MAX)) {
    if (!knows(inode, run.begin, run.end)) return false;
    uint64_t covered = run.begin;
    for (const Extent& extent : inode.extents.within(run.begin, run.end)) {
      if (extent.offset != covered || extent.shared) return false;
      covered += extent.length;
      places.push_back(extent);
    }
    if (covered != run.end || places.size() > most_writes) return false;
  }
  data = inode.dirty.snapshot(most_bytes, false);
  for (const Extent& place : places) {
    writes.push_back({place.block, place.block_offset, inode.id, place.offset, data.payload(place.offset, place.length)});
  }
  return true;
}

// Control is to be told the time, if it is another one than it was told. Answers up to where the sync has to wait for the log.
uint64_t FileData::log_overwritten(const InodePtr& inode, uint64_t stamp, bool data_only) {
  inode->touched = false;
  if (inode->attributes.modified != inode->written) {
    wire::Write operation;
    operation.inode = inode->id;
    operation.layout = wire::Write::any_layout;
    operation.modified = inode->written;
    LogEntry entry;
    entry.operation = std::move(operation);
    entry.inodes.push_back(inode);
    const uint64_t number = core_.log.append(std::move(entry));
    inode->before_times = inode->logged_but_times();
    inode->times_logged = number;
    inode->attributes.modified = inode->written;
    inode->changed_here(inode->written, number);
    if (inode->stamp == 0) inode->set_stamp(stamp);
  }
  return data_only ? inode->logged_but_times() : inode->logged;
}

// All that is dirty, with the gate held, so that whoever stores the file's content meanwhile finds none of it, or what failed
// to arrive. Answers up to where to wait for the log then; unset: it is no case for this.
std::optional<Result<uint64_t>> FileData::overwrite(net::Caller& caller, const InodePtr& inode, bool data_only) {
  if (auto entered = inode->gate.enter(caller); !entered) return pass(entered);
  const FlushGate::Pass gate(&inode->gate);
  const auto placing = core_.placing.enter(caller, core_.options.timeout);
  if (!placing) return pass(placing);
  DirtySnapshot data;
  std::vector<BlockWrite> writes;
  uint64_t number = 0;
  {
    const auto deciding = core_.entries.decide();
    const std::lock_guard lock(inode->mutex);
    const uint64_t stamp = core_.deciding_stamp_of(*inode);
    if (stamp == 0 || !inode->deferred.empty()) return std::nullopt;
    if (!plan_overwrite(*inode, data, writes)) return std::nullopt;
    number = log_overwritten(inode, stamp, data_only);
    inode->overwriting = true;
  }
  core_.log.hurry(number);  // beside the bytes
  const auto done = write_out(caller, writes, true);
  std::vector<BlockId> blocks;
  for (const BlockWrite& write : writes) blocks.push_back(write.block);
  const uint64_t written = done && !done->synced ? core_.writes.wrote(done->at) : 0;
  const std::lock_guard lock(inode->mutex);
  inode->overwriting = false;
  if (!done) {
    inode->touched = inode->touched || !inode->dirty.empty();
    return pass(done);
  }
  if (written != 0) wrote(*inode, blocks, written);
  const uint64_t before = inode->dirty.bytes();
  inode->dirty.forget(data);
  account(before, inode->dirty.bytes());
  return number;
}

std::optional<Status> FileData::sync_in_place(net::Caller& caller, const InodePtr& inode, bool data_only) {
  {
    const std::lock_guard lock(inode->mutex);
    if (inode->dirty.empty() || inode->dirty.bytes() > most_bytes) return std::nullopt;
  }
  const auto number = overwrite(caller, inode, data_only);
  if (!number) return std::nullopt;
  if (!*number) {
    // What else may be wrong is for the log to find out: it goes on trying, or gives up for good.
    const Code code = number->error().code;
    if (code != Code::interrupted && code != Code::io) return std::nullopt;
    return pass(*number);
  }
  if (auto told = core_.log.wait(caller, **number, core_.options.timeout); !told) return told;
  Status done = sync_stored(caller, *inode);  // asks nobody if all is synced
  const std::lock_guard lock(inode->mutex);
  inode->take_error(done);
  return done;
}

}  // namespace lace::fs
