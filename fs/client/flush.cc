// FileData: from memory to the servers. Data before metadata: bytes first, then one commit that says where they are.
#include <algorithm>

#include "common/base/log.h"
#include "fs/client/flush_batch.h"

namespace lace::fs {

namespace {

constexpr int max_replacements = 20;

}  // namespace

// What goes together in one commit. False: there is nothing.
bool FileData::take_batch(Inode& inode, Flush what, Batch& batch) {
  const std::lock_guard lock(inode.mutex);
  batch.data = inode.dirty.snapshot(flush_bytes, what == Flush::ripe);
  batch.touched = inode.touched && (what == Flush::all || !batch.data.empty());
  batch.written = inode.written;
  batch.file_end = inode.size();
  batch.stored_end = inode.attributes.size;
  batch.layout = inode.attributes.layout;
  batch.cuts = inode.cuts;
  if (what == Flush::all) {
    batch.attributes = inode.deferred.changes();
    batch.attributes_version = inode.deferred.version();
    // What is committed later must not turn the time of change back.
    const FileTime changed = inode.shown_times().changed;
    for (wire::SetAttributes& change : batch.attributes) change.now = std::max(change.now, changed);
  }
  return batch.touched || !batch.attributes.empty();
}

// ---------------------------------------------------------------- the operation log

void FileData::log_content(const InodePtr& inode, Flush what, uint64_t stamp) {
  LogEntry entry;
  entry.content = inode;
  entry.ripe = what == Flush::ripe;
  entry.written = inode->written;
  entry.inodes.push_back(inode);
  const uint64_t number = core_.log.append(std::move(entry), inode->dirty.bytes());
  // As if control had been told of the write: changes of attributes that come later are later.
  inode->attributes.modified = inode->written;
  if (what == Flush::all) inode->touched = false;
  inode->changed_here(inode->written, number);
  if (inode->stamp == 0) inode->set_stamp(stamp);
}

void FileData::log_resized(const InodePtr& inode, uint64_t number, uint64_t stamp) {
  inode->resized_logged = number;
  if (inode->dirty.empty()) return;
  inode->written = inode->attributes.modified;
  log_content(inode, Flush::all, stamp);
}

std::optional<uint64_t> FileData::log_content(const InodePtr& inode, Flush what) {
  const auto deciding = core_.entries.decide();
  const std::lock_guard lock(inode->mutex);
  const uint64_t stamp = core_.deciding_stamp_of(*inode);
  if (stamp == 0 || !inode->deferred.empty()) return std::nullopt;
  // What is on its way already may fail to arrive: then its turn comes again.
  if (inode->touched || inode->overwriting) log_content(inode, what, stamp);
  return inode->logged;
}

// Control knows all that was logged of it when it is answered, and nobody else flushes.
Status FileData::enter_told(net::Caller& caller, Inode& inode) {
  for (;;) {
    if (auto told = core_.tell(caller, inode); !told) return told;
    if (auto entered = inode.gate.enter(caller); !entered) return entered;
    {
      const std::lock_guard lock(inode.mutex);
      if (!inode.pending()) return {};
    }
    inode.gate.leave();
  }
}

// ---------------------------------------------------------------- flush

Status FileData::flush(net::Caller& caller, const InodePtr& inode, Flush what) {
  if (const auto number = log_content(inode, what)) {
    if (what == Flush::ripe) return core_.log.wait_stored(caller, *number, core_.options.timeout);
    for (uint64_t until = *number;;) {
      if (auto told = core_.log.wait(caller, until, core_.options.timeout); !told) return told;
      Status done;
      const std::lock_guard lock(inode->mutex);
      if (std::exchange(until, inode->logged) < inode->resized_logged) continue;  // the content went behind that
      inode->take_error(done);
      return done;
    }
  }
  bool changes = false;
  Status earlier;
  {
    const std::lock_guard lock(inode->mutex);
    changes = inode->has_changes();
    if (!changes && what == Flush::all) inode->take_error(earlier);
  }
  // Without changes of its own, a flush still waits for one that is under way: changes stay until they are stored.
  if (!changes) {
    if (auto told = core_.tell(caller, *inode); !told) return told;
    const std::lock_guard lock(inode->mutex);
    if (what == Flush::all) inode->take_error(earlier);
    return earlier;
  }
  if (auto entered = enter_told(caller, *inode); !entered) return entered;
  const FlushGate::Pass gate(&inode->gate);
  Status done = flush_in_gate(caller, inode, what);
  const std::lock_guard lock(inode->mutex);
  if (what == Flush::all) inode->take_error(done);
  return done;
}

Status FileData::flush_in_gate(net::Caller& caller, const InodePtr& inode, Flush what) {
  uint64_t left = 0;
  {
    const std::lock_guard lock(inode->mutex);
    left = inode->dirty.bytes();
  }
  for (int replaced = 0;;) {
    Batch batch;
    if (!take_batch(*inode, what, batch)) return {};
    const Status stored = store(caller, inode, batch, replaced > 0);
    if (stored) {
      // What is written meanwhile is somebody else's flush.
      if (batch.data.bytes() >= left) return {};
      left -= batch.data.bytes();
      continue;
    }
    if (stored.error().code == Code::interrupted) return stored;
    if (stored.error().code == Code::stale && ++replaced < max_replacements) {
      distrust_extents(*inode);
      if (auto fresh = ask_attributes(caller, inode); !fresh && fresh.error().code == Code::interrupted) return pass(fresh);
      continue;
    }
    const Error error =
        stored.error().code == Code::stale ? Error{Code::io, "the file's layout changes all the time"} : stored.error();
    give_up(inode, error);
    return tl::unexpected<Error>(error);
  }
}

// As a disk that can't be written: the data is dropped, so that it does not fill the memory for ever.
void FileData::give_up(const InodePtr& inode, const Error& error) {
  uint64_t lost = 0;
  {
    const std::lock_guard lock(inode->mutex);
    lost = inode->dirty.bytes();
    drop_dirty(*inode);
    inode->deferred.clear();
    inode->pages_change = 0;  // the kernel's pages show what is lost
  }
  if (lost > 0) core_.writes.failed(error);
  log::error("client.write_behind_failed",
             {{"inode", raw(inode->id)}, {"lost_bytes", lost}, {"error", name_of(error.code)}, {"what", error.what}});
}

void FileData::flush_behind(net::Caller& caller, const InodePtr& inode, Flush what) {
  if (const auto number = log_content(inode, what)) {  // LogWriter remembers errors
    static_cast<void>(what == Flush::all ? core_.log.wait(caller, *number, core_.options.timeout)
                                         : core_.log.wait_stored(caller, *number, core_.options.timeout));
    return;
  }
  const Status done = flush(caller, inode, what);
  if (done || done.error().code == Code::interrupted) return;
  const std::lock_guard lock(inode->mutex);
  core_.remember(*inode, done.error());
}

Status FileData::store(net::Caller& caller, const InodePtr& inode, Batch& batch, bool again) {
  Plan plan;
  plan.inode = inode->id;
  plan.file_end = batch.file_end;
  plan.refused = again;
  plan.layout = batch.layout;
  if (batch.data.empty()) return commit(caller, *inode, batch, plan, {});
  const auto placing = core_.placing.enter(caller, core_.options.timeout);
  if (!placing) return pass(placing);
  const std::vector<Range> runs = batch.data.runs();
  if (auto known = know_extents(caller, *inode, runs, plan); !known) return known;
  auto placement = place(runs, plan.extents, [&](Range pages) { return allocate(caller, plan, pages); });
  if (!placement) {
    give_back(plan, placement.error());
    return pass(placement);
  }
  // As in LogWriter: bytes where none were are on stable storage before control is told of them.
  const bool fresh = !placement->extents.empty() || batch.data.end() > batch.stored_end;
  if (auto sent = send(caller, *inode, batch, *placement, fresh); !sent) {
    give_back(plan, sent.error());
    return sent;
  }
  if (fresh) {
    if (auto synced = sync_stored(caller, *inode); !synced) return synced;
  }
  return commit(caller, *inode, batch, plan, std::move(placement->extents));
}

// The servers are full: blocks that were to be the file's own are for the next one. After other errors a write may still be on
// its way to them.
void FileData::give_back(const Plan& plan, const Error& error) {
  if (error.code != Code::no_space) return;
  for (const BlockId block : plan.taken) core_.pool.take_back(block);
}

Status FileData::send(net::Caller& caller, Inode& inode, Batch& batch, const Placement& placement, bool sync) {
  std::vector<BlockWrite> writes;
  for (const PlacedWrite& placed : placement.writes) {
    for (uint64_t done = 0; done < placed.length;) {
      // Pieces end at whole MiB of the file, as the buffers do: most go out uncopied.
      const uint64_t at = placed.offset + done;
      const uint64_t now = std::min(max_io_bytes - at % max_io_bytes, placed.length - done);
      writes.push_back({placed.block, placed.block_offset + done, inode.id, at, batch.data.payload(at, now)});
      done += now;
    }
  }
  const auto written = write_out(caller, writes, sync);
  if (!written) return pass(written);
  if (written->synced) return {};
  const uint64_t number = core_.writes.wrote(written->at);
  std::vector<BlockId> touched;
  for (const auto& [block, epoch] : written->at) touched.push_back(block);
  const std::lock_guard lock(inode.mutex);
  wrote(inode, touched, number);
  return {};
}

void FileData::wrote(Inode& inode, const std::vector<BlockId>& blocks, uint64_t number) {
  for (const BlockId block : blocks) {
    const auto found = std::find_if(inode.unsynced.begin(), inode.unsynced.end(), [&](auto& w) { return w.first == block; });
    if (found == inode.unsynced.end()) {
      inode.unsynced.emplace_back(block, number);
      continue;
    }
    inode.lost = inode.lost || core_.writes.lost({*found});
    found->second = number;
  }
}

Status FileData::commit(net::Caller& caller, Inode& inode, Batch& batch, Plan& plan, std::vector<Extent> extents) {
  std::vector<wire::Operation> operations;
  if (batch.touched) {
    wire::Write write;
    write.inode = inode.id;
    write.extents = extents;
    write.size = batch.data.end();
    write.layout = plan.layout;
    write.modified = batch.written;
    write.fresh = true;
    operations.push_back(std::move(write));
  }
  operations.insert(operations.end(), batch.attributes.begin(), batch.attributes.end());
  const uint64_t sole = core_.session.stamp();
  uint64_t logged = 0;
  {
    const std::lock_guard lock(inode.mutex);
    logged = inode.logged;
  }
  auto reply = core_.control.commit(caller, std::move(operations));
  if (!reply) return pass(reply);
  const uint64_t stamp = core_.learned_of_file(sole, reply->leases);

  Status stored;
  Status attributes_set;
  const std::lock_guard lock(inode.mutex);
  for (size_t index = 0; index < reply->results.size(); ++index) {
    const wire::OperationResult& result = reply->results[index];
    const bool is_write = batch.touched && index == 0;
    if (auto status = wire::status_of(result.outcome); !status)
      (is_write ? stored : attributes_set) = status;
    else if (inode.logged == logged || !inode.by_ourselves)  // else it was changed here, maybe since control answered
      inode.learn(result.inode, stamp, core_.clock.now(), true);
  }
  inode.deferred.committed(batch.attributes.size(), batch.attributes_version);
  if (stored && batch.touched) {
    if (inode.cuts == batch.cuts) {
      // If this mount decides alone since the flush began, not control's word on the file counts but its own: what was stored
      // is to be in that, too.
      const bool by_ourselves = inode.by_ourselves;
      if (by_ourselves) inode.attributes.size = std::max(inode.attributes.size, batch.data.end());
      for (const Extent& extent : extents) {
        if (by_ourselves) inode.attributes.stored += new_bytes(inode.extents, extent);
        inode.extents.insert(extent);
      }
      for (const auto& [chunk, block] : plan.new_own_blocks) inode.own_blocks[chunk] = block;
    }
    const uint64_t before = inode.dirty.bytes();
    inode.dirty.forget(batch.data);
    account(before, inode.dirty.bytes());
    if (inode.written == batch.written && inode.dirty.empty()) inode.touched = false;
    inode.dirty_since = core_.clock.now();
  }
  return stored ? attributes_set : stored;
}

Status FileData::sync(net::Caller& caller, const InodePtr& inode, bool data_only) {
  if (const auto done = sync_in_place(caller, inode, data_only)) return *done;
  if (const auto number = log_content(inode, Flush::all)) return sync_logged(caller, inode, *number, data_only);
  if (auto flushed = flush(caller, inode, Flush::all); !flushed) return flushed;
  return sync_stored(caller, *inode);
}

// Bytes that went where bytes were before are synced while control is told when; others are before it is told where.
Status FileData::sync_logged(net::Caller& caller, const InodePtr& inode, uint64_t number, bool data_only) {
  if (data_only) {
    const std::lock_guard lock(inode->mutex);
    if (number == inode->times_logged) number = inode->before_times;
  }
  if (auto stored = core_.log.wait_stored(caller, number, core_.options.timeout); !stored) return stored;
  bool fresh = false;
  {
    const std::lock_guard lock(inode->mutex);
    if (number < inode->resized_logged) number = inode->logged;  // the content went behind that
    fresh = inode->progress.pending(inode->fresh_logged);
  }
  if (auto stored = core_.log.wait_stored(caller, number, core_.options.timeout); !stored) return stored;
  if (!fresh) {
    if (auto synced = sync_stored(caller, *inode); !synced) return synced;
  }
  if (auto told = core_.log.wait(caller, number, core_.options.timeout); !told) return told;
  Status done = sync_stored(caller, *inode);  // asks nobody if all is synced
  const std::lock_guard lock(inode->mutex);
  inode->take_error(done);
  return done;
}

Status FileData::sync_stored(net::Caller& caller, Inode& inode) {
  std::vector<WriteLog::Written> written;
  {
    const std::lock_guard lock(inode.mutex);
    written = inode.unsynced;
  }
  const std::vector<BlockId> blocks = core_.writes.unsynced(written);
  const uint64_t begun_at = core_.writes.begin_sync();
  if (!blocks.empty()) {
    const auto synced = core_.storage.sync(caller, blocks);
    if (!synced) return pass(synced);
    core_.writes.synced(blocks, begun_at, *synced);
  }
  const bool lost = core_.writes.lost(written);
  // What was written meanwhile is not in it, whatever its number.
  const std::lock_guard lock(inode.mutex);
  std::erase_if(inode.unsynced,
                [&](const auto& write) { return std::find(written.begin(), written.end(), write) != written.end(); });
  if (std::exchange(inode.lost, false) || lost) return fail(Code::io, what_was_lost);
  return {};
}

Status FileData::sync_written(net::Caller& caller) {
  const uint64_t begun_at = core_.writes.begin_sync();
  const std::vector<BlockId> blocks = core_.writes.unsynced();
  if (!blocks.empty()) {
    const auto synced = core_.storage.sync(caller, blocks);
    if (!synced) return pass(synced);
    core_.writes.synced(blocks, begun_at, *synced);
  }
  return core_.writes.take_trouble();
}

}  // namespace lace::fs
