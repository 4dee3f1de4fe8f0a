#include "fs/client/staging.h"

#include <algorithm>
#include <span>

#include "common/base/log.h"

namespace lace::fs {

namespace {

constexpr Millis retry_pause{500};

// The mount's timeout ended: that is for those who wait, not for what nobody waits for.
bool is_away(const Error& error) { return error.code == Code::io || error.code == Code::unavailable; }

// Pieces of less are copied together, so that a message carries many of them.
constexpr size_t small_piece = size_t{512} << 10;

// Puts pieces that follow each other in a block into one message.
class Merging {
 public:
  void add(BlockWrite write) {
    if (!writes_.empty() && goes_on(writes_.back(), write)) {
      if (!gathering_) gathered_.assign(writes_.back().bytes.view());
      gathering_ = true;
      gathered_ += write.bytes.view();
      length_ += write.bytes.size();
      return;
    }
    finish();
    length_ = write.bytes.size();
    writes_.push_back(std::move(write));
  }
  std::vector<BlockWrite> take() {
    finish();
    return std::move(writes_);
  }

 private:
  bool goes_on(const BlockWrite& last, const BlockWrite& next) const {
    return last.block == next.block && last.offset + length_ == next.offset && length_ + next.bytes.size() <= max_io_bytes &&
           next.bytes.size() < small_piece;
  }
  void finish() {
    if (!std::exchange(gathering_, false)) return;
    writes_.back().bytes = Bytes(std::move(gathered_));
    gathered_ = {};
  }

  std::vector<BlockWrite> writes_;
  std::string gathered_;
  bool gathering_ = false;
  size_t length_ = 0;  // of the last one
};

}  // namespace

Result<FileData::Staging::Added> FileData::Staging::add(net::Caller& caller, const LogEntry& entry, size_t place,
                                                        wire::Write& operation) {
  const InodePtr& inode = entry.content;
  if (auto entered = inode->gate.enter(caller); !entered) return pass(entered);
  Member member{inode, entry.number, place, entry.written, {}, 0, {}, {}, FlushGate::Pass(&inode->gate)};
  operation.inode = inode->id;
  operation.layout = wire::Write::any_layout;
  operation.modified = entry.written;
  {
    const std::lock_guard lock(inode->mutex);
    if (data_.core_.log.epoch() != epoch_) return fail(Code::fenced);
    const uint64_t most = entry.ripe ? flush_bytes : UINT64_MAX;
    if (entry.number > inode->resized_logged) member.batch.data = inode->dirty.snapshot(most, entry.ripe);
    member.batch.file_end = inode->size();
    member.cuts = inode->cuts;
    if (!member.batch.data.empty() && inode->progress.pending(std::max(inode->made_logged, inode->stored_logged))) {
      for (const Range& run : member.batch.data.runs()) {
        if (!data_.knows(*inode, page_floor(run.begin), page_ceil(run.end))) return Added::later;
      }
    }
  }
  if (member.batch.data.empty()) return Added::done;
  Status placed = this->place(caller, member);
  while (!placed && is_away(placed.error())) {
    if (auto waited = caller.pause(retry_pause); !waited) return pass(waited);
    placed = this->place(caller, member);
  }
  if (!placed && placed.error().code == Code::interrupted) return pass(placed);
  if (!placed) {
    data_.give_back(member.plan, placed.error());
    data_.give_up(inode, placed.error());
    const std::lock_guard lock(inode->mutex);
    data_.core_.remember(*inode, placed.error());
    return Added::done;
  }
  bytes_ += member.batch.data.bytes();
  files_.insert(inode->id);
  members_.push_back(std::move(member));
  return Added::yes;
}

Status FileData::Staging::place(net::Caller& caller, Member& member) {
  member.plan = {};
  member.plan.inode = member.inode->id;
  member.plan.file_end = member.batch.file_end;
  const std::vector<Range> runs = member.batch.data.runs();
  const auto allocate = [&](Range pages) { return data_.allocate(caller, member.plan, pages); };
  if (auto known = data_.know_extents(caller, *member.inode, runs, member.plan); !known) return known;
  auto placement = lace::fs::place(runs, member.plan.extents, allocate);
  if (!placement) return pass(placement);
  member.placement = std::move(*placement);
  return {};
}

// What lies nowhere yet goes elsewhere if all servers of its block are away.
Status FileData::Staging::store_at_last(net::Caller& caller, Member& member) {
  for (;;) {
    const Status stored = store(caller, {&member, 1});
    if (stored || !is_away(stored.error())) return stored;
    log::warn("client.content_waits", {{"inode", raw(member.inode->id)}, {"what", stored.error().what}});
    if (auto waited = caller.pause(retry_pause); !waited) return waited;
    for (const Extent& extent : member.placement.extents) data_.core_.pool.avoid(extent.block);
    if (auto placed = place(caller, member); !placed && !is_away(placed.error())) return placed;
  }
}

std::vector<BlockWrite> FileData::Staging::merged(std::span<const Member> members) {
  Merging merging;
  for (const Member& member : members) {
    for (const PlacedWrite& placed : member.placement.writes) {
      for (uint64_t done = 0; done < placed.length;) {
        // Pieces end at whole MiB of the file, as the buffers do: most large ones go out uncopied.
        const uint64_t at = placed.offset + done;
        const uint64_t now = std::min(max_io_bytes - at % max_io_bytes, placed.length - done);
        merging.add({placed.block, placed.block_offset + done, member.inode->id, at, member.batch.data.payload(at, now)});
        done += now;
      }
    }
  }
  return merging.take();
}

Status FileData::Staging::store(net::Caller& caller, std::span<Member> members) {
  const std::vector<BlockWrite> writes = merged(members);
  const auto written = data_.write_out(caller, writes, hurried_);
  if (!written) return pass(written);
  if (written->synced) return {};
  for (Member& member : members) {
    std::vector<BlockId> touched;
    for (const PlacedWrite& placed : member.placement.writes) touched.push_back(placed.block);
    std::sort(touched.begin(), touched.end());
    touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
    BlockEpochs epochs;
    for (const BlockId block : touched) {
      if (const auto at = written->at.find(block); at != written->at.end()) epochs.insert(*at);
    }
    const uint64_t number = data_.core_.writes.wrote(epochs);
    const std::lock_guard lock(member.inode->mutex);
    data_.wrote(*member.inode, touched, number);
  }
  return {};
}

// It is there: reading goes there from now on. Unless it was cut meanwhile: then the cut is behind it in the log, too.
wire::Write FileData::Staging::finish(Member& member, std::vector<BlockId>& fresh) {
  wire::Write operation;
  operation.inode = member.inode->id;
  operation.layout = wire::Write::any_layout;
  operation.modified = member.written;
  operation.size = member.batch.data.end();
  Inode& inode = *member.inode;
  const std::lock_guard lock(inode.mutex);
  const size_t known_fresh = fresh.size();
  for (const Extent& extent : member.placement.extents) fresh.push_back(extent.block);
  // The slack of the last page has a home already, but no bytes yet.
  const uint64_t end_before = inode.attributes.size;
  for (const PlacedWrite& placed : member.placement.writes) {
    if (placed.offset + placed.length > end_before) fresh.push_back(placed.block);
  }
  if (fresh.size() > known_fresh) inode.fresh_logged = std::max(inode.fresh_logged, member.number);
  if (inode.cuts == member.cuts) {
    for (const Extent& extent : member.placement.extents) {
      inode.attributes.stored += new_bytes(inode.extents, extent);
      inode.extents.insert(extent);
    }
    for (const auto& [chunk, block] : member.plan.new_own_blocks) inode.own_blocks[chunk] = block;
    inode.attributes.size = std::max(inode.attributes.size, operation.size);
  }
  inode.stored_logged = std::max(inode.stored_logged, member.number);
  const uint64_t before = inode.dirty.bytes();
  inode.dirty.forget(member.batch.data);
  data_.account(before, inode.dirty.bytes());
  operation.extents = std::move(member.placement.extents);
  return operation;
}

std::vector<BlockId> FileData::Staging::send(net::Caller& caller, const std::function<void(size_t place, wire::Write)>& sent) {
  std::vector<BlockId> fresh;
  const bool together = store(caller, members_).has_value();
  for (Member& member : members_) {
    // One that can't be stored must not take the others with it.
    const Status stored = together ? Status{} : store_at_last(caller, member);
    if (stored) {
      sent(member.place, finish(member, fresh));
      continue;
    }
    data_.give_back(member.plan, stored.error());
    data_.give_up(member.inode, stored.error());
    const std::lock_guard lock(member.inode->mutex);
    data_.core_.remember(*member.inode, stored.error());
  }
  members_.clear();
  files_.clear();
  bytes_ = 0;
  std::sort(fresh.begin(), fresh.end());
  fresh.erase(std::unique(fresh.begin(), fresh.end()), fresh.end());
  return fresh;
}

}  // namespace lace::fs
