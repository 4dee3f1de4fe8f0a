// Which regions of a copy may be lost in a crash: marks in the journal before writes, syncs, and marks taken away later.
#include "common/base/log.h"
#include "storage/copy/copy_store.h"

namespace lace::storage {
namespace {

constexpr size_t background_syncs = 16;  // started in one tick

}  // namespace

bool CopyStore::marked(const CopyRef& copy, RegionMask regions, const Resume& resume) {
  const auto unmarked = static_cast<RegionMask>(regions & ~copy->dirty);
  if (unmarked != 0) {
    copy->wait_marks.push_back(resume);
    mark(copy, unmarked);
    return false;
  }
  // A stream that comes into a region soon comes into the next: that one is marked ahead, so that it needs no wait.
  const auto entered = static_cast<RegionMask>(regions & ~copy->unsynced);
  const auto ahead = static_cast<RegionMask>(static_cast<uint32_t>(entered) << 1);
  if ((ahead & ~(copy->dirty | copy->marking)) != 0) mark(copy, static_cast<RegionMask>(ahead & ~copy->dirty));
  return true;
}

void CopyStore::mark(const CopyRef& copy, RegionMask regions) {
  const auto fresh = static_cast<RegionMask>(regions & ~copy->marking);
  if (fresh == 0) return;  // the mark that is under way will wake who waits
  copy->marking |= fresh;
  journal_.append({{JournalRecord::Kind::dirty, stored_state(*copy), fresh, copy->block, copy->epoch, 0}},
                  [this, copy, fresh](const Status& status) {
                    copy->marking = static_cast<RegionMask>(copy->marking & ~fresh);
                    if (status && !copy->gone) {
                      copy->dirty |= fresh;
                      unclean_.insert(copy->block);
                    }
                    const std::vector<Done> waiting = std::exchange(copy->wait_marks, {});
                    for (const Done& resume : waiting) resume(status);
                  });
}

void CopyStore::touched(Copy& copy, RegionMask regions) {
  copy.last_change = clock_.now();
  if (copy.unsynced == 0) copy.first_unsynced = copy.last_change;
  copy.unsynced |= regions;
  ++copy.open->version;
}

void CopyStore::sync(BlockId block, Epoch epoch, Done done) {
  const CopyRef copy = find_ref(block);
  if (!copy || !copy->on_disk) {
    if (epoch == 1 && may_appear(block)) return done({});
    return done(fail(Code::stale, to_string(block) + " is not here"));
  }
  if (copy->epoch != epoch) return done(fail(Code::stale, to_string(block) + " is at another epoch"));
  if (Status may = serves(*copy); !may) return done(may);
  if (copy->sync_failed) return done(fail(Code::io, to_string(block) + ": an earlier sync failed"));
  if (copy->unsynced == 0 && !copy->identity_unsynced && !copy->name_unsynced) {
    if (!copy->syncing) return done({});
    copy->sync_now.push_back(std::move(done));  // everything answered so far is in the sync that runs
    return;
  }
  copy->sync_next.push_back(std::move(done));
  if (!copy->syncing) start_sync(copy);
}

void CopyStore::start_sync(const CopyRef& copy) {
  if (const auto open = opened(copy); !open) {
    const std::vector<Done> dones = std::exchange(copy->sync_next, {});
    for (const Done& done : dones) done(pass(open));
    return;
  }
  copy->syncing = true;
  copy->sync_now = std::exchange(copy->sync_next, {});
  const RegionMask regions = std::exchange(copy->unsynced, RegionMask{0});
  copy->identity_unsynced = false;
  const bool name = std::exchange(copy->name_unsynced, false);
  auto status = std::make_shared<Status>();
  offload_(
      [&disk = disk_, file = copy->open->file, directory = copy_directory(copy->block), name, status] {
        *status = file->sync_data();
        if (*status && name) *status = disk.sync_directory(directory);
      },
      [this, copy, regions, status] { finish_sync(copy, regions, *status); });
}

void CopyStore::finish_sync(const CopyRef& copy, RegionMask regions, const Status& status) {
  copy->syncing = false;
  if (!status && !copy->gone) {
    // What the kernel could not write it may have dropped: this copy can't be trusted again by a sync that succeeds later.
    copy->unsynced |= regions;
    copy->identity_unsynced = copy->name_unsynced = true;
    copy->sync_failed = true;
    log::error("storage.sync_failed", {{"block", to_string(copy->block)}, {"what", status.error().what}});
    ++totals_.disk_errors;
    distrust(*copy);
  }
  const std::vector<Done> dones = std::exchange(copy->sync_now, {});
  for (const Done& done : dones) done(status);
  if (!copy->syncing && !copy->sync_next.empty()) start_sync(copy);
}

void CopyStore::mark_clean(Copy& copy) {
  journal_.note({JournalRecord::Kind::clean, no_state, copy.dirty, copy.block, copy.epoch, 0});
  copy.dirty = 0;
}

void CopyStore::tick() {
  const Instant now = clock_.now();
  size_t started = 0;
  std::vector<CopyRef> late;
  std::vector<CopyRef> clean;
  for (auto block = unclean_.begin(); block != unclean_.end();) {
    const CopyRef copy = find_ref(*block);
    const bool unsynced = copy->unsynced != 0 || copy->identity_unsynced || copy->name_unsynced || copy->syncing;
    const bool waits =
        unsynced || copy->behind() || copy->marking != 0 || copy->suspect != 0 || (copy->open && copy->open->busy);
    if (unsynced && !copy->syncing && !copy->sync_failed && copy->on_disk && started < background_syncs &&
        now - copy->first_unsynced >= options_.sync_after) {
      late.push_back(copy);
      ++started;
    }
    if (waits || now - copy->last_change < options_.clean_after) {
      ++block;
      continue;
    }
    clean.push_back(copy);
    ++block;
  }
  if ((!clean.empty() || !unindexed_.empty()) && index_copies(clean)) {
    for (const CopyRef& copy : clean) {
      if (copy->dirty != 0) mark_clean(*copy);
      unclean_.erase(copy->block);
    }
  }
  for (const CopyRef& copy : late) start_sync(copy);
  if (totals_.received_bytes != received_noted_) {
    received_noted_ = totals_.received_bytes;
    journal_.note({JournalRecord::Kind::received, no_state, 0, BlockId{}, 0, received_noted_});
  }
  if (journal_.wants_compaction() && unindexed_.empty()) journal_.compact(live_records());
}

static IndexRow row_of(const Copy& copy) {
  return {copy.block, copy.epoch, stored_state(copy), copy.data_pages, copy.missing_pages, copy.inode, copy.file_offset};
}

bool CopyStore::index_copies(const std::vector<CopyRef>& copies) {
  if (!index_) return true;
  std::vector<IndexRow> rows;
  for (const CopyRef& copy : copies) {
    if (copy->on_disk) rows.push_back(row_of(*copy));
  }
  const std::vector<BlockId> removed = std::exchange(unindexed_, {});
  const Status put = index_->update(rows, removed);
  if (put) return true;
  unindexed_.insert(unindexed_.end(), removed.begin(), removed.end());
  static log::Limiter limiter;
  if (limiter.pass()) log::warn("storage.index_failed", {{"what", put.error().what}, {"suppressed", limiter.taken()}});
  return false;
}

Status CopyStore::renew_index() {
  if (!index_) return {};
  std::vector<IndexRow> rows;
  for (const auto& [block, copy] : copies_) {
    if (copy->on_disk) rows.push_back(row_of(*copy));
  }
  unindexed_.clear();
  return index_->make_anew(rows);
}

JournalRecord CopyStore::epoch_record(const Copy& copy) {
  const StoredState state = copy.state == State::filling ? StoredState::filling : stored_state(copy);
  return {JournalRecord::Kind::epoch, state, 0, copy.block, copy.epoch, JournalRecord::behind(copy.base, copy.joined)};
}

std::vector<JournalRecord> CopyStore::live_records() const {
  using Kind = JournalRecord::Kind;
  std::vector<JournalRecord> records;
  for (const BlockId block : removed_order_) {
    const auto removed = removed_.find(block);
    if (removed != removed_.end()) records.push_back({Kind::removed, no_state, 0, block, removed->second, 0});
  }
  for (const auto& [block, copy] : copies_) {
    const StoredState state = stored_state(*copy);
    const bool identity = copy->on_disk && unclean_.contains(block);  // its identity page or its row may be older
    if (identity || copy->state == State::filling || copy->behind()) records.push_back(epoch_record(*copy));
    const auto regions = static_cast<RegionMask>(copy->dirty | copy->suspect);
    const uint64_t suspect = copy->suspect != 0 ? JournalRecord::suspect : 0;
    if (regions != 0) records.push_back({Kind::dirty, state, regions, block, copy->epoch, suspect});
  }
  records.push_back({Kind::received, no_state, 0, BlockId{}, 0, totals_.received_bytes});
  return records;
}

Status CopyStore::close() {
  Status all;
  for (const BlockId block : std::vector<BlockId>(unclean_.begin(), unclean_.end())) {
    const CopyRef copy = find_ref(block);
    if (!copy || !copy->on_disk || copy->suspect != 0 || copy->behind()) continue;
    const auto open = opened(copy);
    Status status = open ? (*open)->file->sync_data() : pass(open);
    if (status && copy->name_unsynced) status = disk_.sync_directory(copy_directory(block));
    if (!status) {
      all = status;
      continue;
    }
    copy->unsynced = 0;
    copy->identity_unsynced = copy->name_unsynced = false;
    if (copy->dirty != 0) mark_clean(*copy);
  }
  std::vector<CopyRef> clean;
  for (const BlockId block : unclean_) {
    const CopyRef copy = find_ref(block);
    if (copy && copy->suspect == 0 && !copy->behind()) clean.push_back(copy);
  }
  if (!index_copies(clean) && all) all = fail(Code::io, "the index could not be written");
  if (index_ && all) all = index_->checkpoint();
  journal_.note({JournalRecord::Kind::received, no_state, 0, BlockId{}, 0, totals_.received_bytes});
  if (all) journal_.note({JournalRecord::Kind::closed, no_state, 0, BlockId{}, 0, 0});
  if (Status closed = journal_.close(); !closed) return closed;
  return all;
}

}  // namespace lace::storage
