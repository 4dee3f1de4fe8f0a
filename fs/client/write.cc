// FileData: writing into memory, and what changes a file's extent other than by writing.
#include "fs/client/file_data.h"

namespace lace::fs {

void FileData::account(uint64_t before, uint64_t after) {
  if (after >= before)
    core_.dirty_bytes += after - before;
  else
    core_.dirty_bytes -= before - after;
}

void FileData::drop_dirty(Inode& inode) {
  account(inode.dirty.bytes(), 0);
  inode.dirty.clear();
  inode.touched = false;
}

// Memory is bounded: who writes faster than the servers take it waits.
Status FileData::wait_for_room(net::Caller& caller, size_t bytes) {
  const uint64_t most = std::max<uint64_t>(core_.options.dirty_bytes, bytes);
  if (core_.dirty_bytes.load() + bytes <= most) return {};
  Backoff backoff(core_.clock, core_.options.timeout, Millis{1}, Millis{20});
  while (core_.dirty_bytes.load() + bytes > most) {
    core_.log.hurry();
    on_pressure();
    if (backoff.expired()) return fail(Code::io, "the servers take no data: the mount's timeout ended");
    if (auto waited = backoff.wait(caller); !waited) return waited;
  }
  return {};
}

Result<size_t> FileData::write(net::Caller& caller, const InodePtr& inode, uint64_t offset, std::string_view bytes,
                               Place place) {
  if (bytes.empty()) return size_t{0};
  if (auto room = wait_for_room(caller, bytes.size()); !room) return pass(room);
  if (place == Place::at_end_in_turn) {
    if (auto fresh = refresh(caller, inode); !fresh) return pass(fresh);
  }
  std::unique_lock<std::mutex> alone;  // no other mount gets in before it is written
  if (place == Place::at_end) {
    alone = core_.entries.decide();
    if (!core_.session.sole()) return fail(Code::stale);
  }
  bool changed = false;
  bool ripe = false;
  {
    const std::lock_guard lock(inode->mutex);
    Status earlier;
    inode->take_error(earlier);
    if (!earlier) return pass(earlier);
    if (place != Place::at_offset) offset = inode->size();
    if (offset >= max_file_bytes) return fail(Code::file_too_big);
    bytes = bytes.substr(0, max_file_bytes - offset);
    changed = !inode->has_changes();
    if (changed) inode->dirty_since = core_.clock.now();
    const uint64_t before = inode->dirty.bytes();
    inode->dirty.write(offset, bytes);
    account(before, inode->dirty.bytes());
    inode->touched = true;
    inode->written = core_.clock.wall();
    inode->deferred.written();
    ripe = inode->dirty.bytes() >= std::max(ripe_bytes, inode->ripe_at) && !inode->queued;
    if (ripe) inode->queued = true;
  }
  if (alone.owns_lock()) alone.unlock();
  if (changed) on_changed(inode);
  if (ripe) on_ripe(inode);
  return bytes.size();
}

// What is dirty in [begin, end) now, and stays as it is in the snapshot.
DirtySnapshot FileData::freeze(Inode& inode, uint64_t begin, uint64_t end) {
  DirtySnapshot all = inode.dirty.snapshot(UINT64_MAX, false);
  DirtySnapshot inside;
  for (const DirtyPiece& piece : all.pieces) {
    const uint64_t from = std::max(begin, piece.offset);
    const uint64_t to = std::min(end, piece.end());
    if (from >= to) continue;
    inside.pieces.push_back(piece);
    inside.pieces.back().offset = from;
    inside.pieces.back().start += from - piece.offset;
    inside.pieces.back().length = to - from;
  }
  return inside;
}

// The content was changed now: what is told later must not turn the time of modification back.
void FileData::settle_times(Inode& inode) {
  inode.deferred.written();
  inode.written = core_.clock.wall();
  if (inode.dirty.empty()) inode.touched = false;
}

Result<wire::Attributes> FileData::set_size(net::Caller& caller, const InodePtr& inode, const wire::SetAttributes& request) {
  if (request.size > max_file_bytes) return fail(Code::file_too_big);
  if (auto entered = enter_told(caller, *inode); !entered) return pass(entered);
  const FlushGate::Pass gate(&inode->gate);
  DirtySnapshot beyond;
  {
    const std::lock_guard lock(inode->mutex);
    beyond = freeze(*inode, request.size, UINT64_MAX);
  }
  const uint64_t sole = core_.session.stamp();
  auto result = core_.control.commit_one(caller, request);
  if (!result) return pass(result);
  const uint64_t stamp = core_.learned_of_file(sole, result->leases);
  const std::lock_guard lock(inode->mutex);
  const uint64_t before = inode->dirty.bytes();
  inode->dirty.forget(beyond);
  account(before, inode->dirty.bytes());
  settle_times(*inode);
  inode->learn_asked(result->inode, stamp, core_.clock.now());
  inode->attributes.size = request.size;
  inode->attributes.stored = result->inode.stored;
  inode->attributes.modified = result->inode.modified;
  inode->extents.cut(request.size, UINT64_MAX);
  inode->own_blocks.clear();
  ++inode->cuts;
  return inode->shown();
}

Status FileData::punch(net::Caller& caller, const InodePtr& inode, uint64_t offset, uint64_t length, uint64_t size) {
  if (auto entered = enter_told(caller, *inode); !entered) return entered;
  const FlushGate::Pass gate(&inode->gate);
  DirtySnapshot inside;
  {
    const std::lock_guard lock(inode->mutex);
    inside = freeze(*inode, offset, offset + length);
    // The file must keep its size where only dirty bytes made it so long.
    if (inside.end() > inode->attributes.size && inside.end() == inode->dirty.end()) size = std::max(size, inside.end());
  }
  const uint64_t sole = core_.session.stamp();
  auto result = core_.control.commit_one(caller, wire::Punch{inode->id, offset, length, size, core_.clock.wall()});
  if (!result) return pass(result);
  const uint64_t stamp = core_.learned_of_file(sole, result->leases);
  const std::lock_guard lock(inode->mutex);
  const uint64_t before = inode->dirty.bytes();
  inode->dirty.forget(inside);
  account(before, inode->dirty.bytes());
  settle_times(*inode);
  inode->learn_asked(result->inode, stamp, core_.clock.now());
  inode->attributes.size = std::max(inode->attributes.size, size);
  inode->attributes.stored = result->inode.stored;
  inode->attributes.modified = result->inode.modified;
  inode->extents.cut(offset, offset + length);
  inode->own_blocks.clear();
  ++inode->cuts;
  return {};
}

}  // namespace lace::fs
