#include "storage/copy/copy_store.h"

#include "common/base/check.h"
#include "common/base/log.h"

namespace lace::storage {

CopyStore::CopyStore(disk::Disk& disk, const Clock& clock, Offload offload, StoreOptions options)
    : disk_(disk), clock_(clock), offload_(offload), options_(std::move(options)), journal_(disk, std::move(offload)) {}
CopyStore::~CopyStore() = default;

CopyRef CopyStore::find_ref(BlockId block) const {
  const auto found = copies_.find(block);
  return found == copies_.end() ? nullptr : found->second;
}

static CopyInfo info_of(const Copy& copy) {
  return {copy.block, copy.epoch, copy.state, copy.rotten, copy.stored_bytes(), copy.missing_bytes(), copy.base, copy.joined};
}

std::optional<CopyInfo> CopyStore::find(BlockId block) const {
  const CopyRef copy = find_ref(block);
  if (!copy || !copy->on_disk) return std::nullopt;
  return info_of(*copy);
}

bool CopyStore::may_appear(BlockId block) const { return !removed_.contains(block) && raw(block) != 0; }

std::vector<CopyInfo> CopyStore::list(BlockId behind, size_t most) const {
  std::vector<CopyInfo> infos;
  for (auto copy = copies_.upper_bound(behind); copy != copies_.end() && infos.size() < most; ++copy) {
    if (copy->second->on_disk) infos.push_back(info_of(*copy->second));
  }
  return infos;
}

uint64_t CopyStore::new_bytes(BlockId block, uint64_t offset, uint64_t length) const {
  const uint64_t first = offset / page_bytes;
  const uint64_t last = (offset + length - 1) / page_bytes;
  const CopyRef copy = find_ref(block);
  if (!copy) return (last - first + 1) * page_bytes;
  if (!copy->open) return 0;  // not known: the disk will say
  uint64_t pages = 0;
  for (uint64_t page = first; page <= last; ++page) {
    const auto number = static_cast<uint32_t>(page);
    const bool known = copy->open->table.has(PageTable::chunk_of(number));
    if (known && !copy->open->table.at(number).data()) ++pages;
  }
  return pages * page_bytes;
}

Status CopyStore::serves(const Copy& copy) {
  if (copy.state == State::suspect)
    return fail(Code::unavailable, to_string(copy.block) + " waits for control to say what counts");
  if (copy.state == State::dropped) return fail(Code::stale, to_string(copy.block) + " is no member any more");
  return {};
}

bool CopyStore::idle() const {
  if (journal_.busy()) return false;
  for (const BlockId block : open_) {
    const CopyRef copy = find_ref(block);
    if (copy->syncing || copy->open->busy || copy->open->readers > 0) return false;
  }
  return true;
}

CopyRef CopyStore::add_copy(BlockId block, Epoch epoch, State state) {
  auto copy = std::make_shared<Copy>();
  copy->block = block;
  copy->epoch = epoch;
  copy->state = state;
  copies_[block] = copy;
  return copy;
}

void CopyStore::count(Copy& copy, int64_t data, int64_t missing) {
  copy.data_pages = static_cast<uint32_t>(copy.data_pages + data);
  copy.missing_pages = static_cast<uint32_t>(copy.missing_pages + missing);
  totals_.stored_bytes += static_cast<uint64_t>(data) * page_bytes;  // wraps below zero and back, as meant
  if (missing > 0) {
    if (totals_.missing_bytes == 0) totals_.missed_bytes = 0;
    totals_.missed_bytes += static_cast<uint64_t>(missing) * page_bytes;
  } else {
    totals_.filled_bytes += static_cast<uint64_t>(-missing) * page_bytes;
  }
  totals_.missing_bytes += static_cast<uint64_t>(missing) * page_bytes;
}

Status CopyStore::write_identity(Copy& copy) {
  CopyIdentity identity{copy.block, copy.epoch, stored_state(copy), copy.inode, copy.file_offset, options_.cluster};
  copy.identity_unsynced = true;
  unclean_.insert(copy.block);
  copy.identity_behind = true;
  const Status put = copy.open->file->write(identity_offset, encode_identity(identity));
  if (put) copy.identity_behind = false;
  return put;
}

// The file of a copy that is new here. What fails half-way is done again by the next attempt, if there is one.
Status CopyStore::make_file(Copy& copy) {
  auto file = disk_.open(copy_path(copy.block), true);
  if (!file) return pass(file);
  copy.open->file = std::move(*file);
  copy.open->table.fill_all(PageEntry{});
  Status made = copy.open->file->truncate(copy_file_bytes);
  if (made) made = write_identity(copy);
  if (!made) {
    (void)disk_.remove(copy_path(copy.block));
    return made;
  }
  copy.on_disk = true;
  copy.name_unsynced = true;
  ++totals_.copies;
  return {};
}

Result<OpenCopy*> CopyStore::opened(const CopyRef& copy) {
  if (copy->open) {
    open_.splice(open_.end(), open_, copy->open->used);
    return copy->open.get();
  }
  auto open = std::make_unique<OpenCopy>();
  if (copy->on_disk) {
    auto file = disk_.open(copy_path(copy->block), false);
    const bool lost = !file && file.error().code == Code::no_entry;
    if (lost) file = disk_.open(copy_path(copy->block), true);
    if (!file) {
      log::error("storage.copy_open_failed", {{"block", to_string(copy->block)}, {"what", file.error().what}});
      return fail(Code::io, file.error().what);
    }
    open->file = std::move(*file);
    if (lost) {
      if (Status made = replace_lost_file(*copy, *open); !made) return pass(made);
    }
  }
  open->used = open_.insert(open_.end(), copy->block);
  copy->open = std::move(open);
  close_unused();
  return copy->open.get();
}

// Somebody has removed it. All of it is missing from now on, and control goes on without this copy.
Status CopyStore::replace_lost_file(Copy& copy, OpenCopy& open) {
  log::error("storage.copy_lost",
             {{"block", to_string(copy.block)}, {"path", copy_path(copy.block)}, {"remedy", "it is made anew"}});
  open.table.fill_all(PageEntry::make_missing());
  Status made = open.file->truncate(copy_file_bytes);
  if (made) made = open.table.store(*open.file, 0, block_pages);
  if (!made) {
    (void)disk_.remove(copy_path(copy.block));
    return made;
  }
  count(copy, -int64_t{copy.data_pages}, int64_t{block_pages} - copy.missing_pages);
  copy.name_unsynced = copy.identity_behind = true;
  unclean_.insert(copy.block);
  distrust(copy);
  return {};
}

void CopyStore::close_unused() {
  size_t looked_at = 0;
  for (auto used = open_.begin(); open_.size() > options_.max_open && looked_at < 64 && std::next(used) != open_.end();
       ++looked_at) {
    const CopyRef copy = find_ref(*used);
    CHECK(copy && copy->open);
    if (copy->open->busy || !copy->open->queue.empty() || copy->open->readers > 0) {
      ++used;
      continue;
    }
    used = open_.erase(used);
    copy->open.reset();
  }
}

void CopyStore::drop_copy(const CopyRef& copy) {
  totals_.missed_bytes -= std::min(totals_.missed_bytes, copy->missing_bytes());
  totals_.filled_bytes -= copy->missing_bytes();
  count(*copy, -int64_t{copy->data_pages}, -int64_t{copy->missing_pages});
  if (copy->on_disk) --totals_.copies;
  copy->gone = true;
  copy->on_disk = false;
  unclean_.erase(copy->block);
  if (index_) unindexed_.push_back(copy->block);
  if (copy->open) open_.erase(copy->open->used);
  copies_.erase(copy->block);
  // The OpenCopy stays with what is still in line; that finds it gone.
}

void CopyStore::in_order(const CopyRef& copy, std::function<void()> change) {
  OpenCopy& open = *copy->open;
  open.queue.push_back(std::move(change));
  if (!open.busy) {
    open.busy = true;
    next_in_order(copy);
  }
}

void CopyStore::next_in_order(const CopyRef& copy) {
  OpenCopy& open = *copy->open;
  open.busy = false;
  if (open.draining) return;
  open.draining = true;
  const CopyRef keep = copy;
  while (!open.busy && !open.queue.empty()) {
    const std::function<void()> change = std::move(open.queue.front());
    open.queue.pop_front();
    open.busy = true;
    change();
  }
  open.draining = false;
}

bool CopyStore::table_ready(const CopyRef& copy, uint32_t first, uint32_t count, const Resume& resume) {
  OpenCopy& open = *copy->open;
  bool cold = false;
  const uint32_t last_chunk = PageTable::chunk_of(first + count - 1);
  for (uint32_t chunk = PageTable::chunk_of(first); chunk <= last_chunk; ++chunk) {
    if (open.table.has(chunk)) continue;
    auto loaded = PageTable::load(*open.file, chunk, true);
    if (loaded) {
      open.table.install(chunk, std::move(*loaded));
    } else if (loaded.error().code == Code::try_again) {
      cold = true;
    } else {
      resume(pass(loaded));
      return false;
    }
  }
  if (!cold) return true;
  struct Work {
    std::vector<std::pair<uint32_t, PageTable::ChunkRef>> chunks;
    Status status;
  };
  auto work = std::make_shared<Work>();
  for (uint32_t chunk = PageTable::chunk_of(first); chunk <= last_chunk; ++chunk) {
    if (!open.table.has(chunk)) work->chunks.emplace_back(chunk, nullptr);
  }
  ++open.readers;
  offload_(
      [work, file = open.file] {
        for (auto& [chunk, into] : work->chunks) {
          auto loaded = PageTable::load(*file, chunk, false);
          if (!loaded) {
            work->status = pass(loaded);
            return;
          }
          into = std::move(*loaded);
        }
      },
      [work, copy, resume] {
        --copy->open->readers;
        if (work->status) {
          for (auto& [chunk, loaded] : work->chunks) copy->open->table.install(chunk, std::move(loaded));
        }
        resume(work->status);
      });
  return false;
}

// A page does not match its checksum, or can't be read: it is missing here from now on, and is had from another copy. That need
// not be durable: it will be found again. Its part of the table is in memory.
void CopyStore::lose_page(Copy& copy, uint32_t page) {
  const PageEntry entry = copy.open->table.at(page);
  if (!entry.data()) return;
  ++totals_.corrupt_pages;
  static log::Limiter limiter;
  if (limiter.pass()) {
    log::error("storage.page_corrupt", {{"block", to_string(copy.block)},
                                        {"page", page},
                                        {"suppressed", limiter.taken()},
                                        {"remedy", "it is had from another copy; look at the disk's health"}});
  }
  copy.open->table.set(page, entry.lost());
  ++copy.open->version;
  count(copy, -1, 1);
  (void)copy.open->table.store(*copy.open->file, page, 1);
  if (copy.state == State::whole && changed_) changed_(copy.block);
}

// The copy as a whole is worth nothing now: control goes on without it.
void CopyStore::distrust(Copy& copy) {
  if (!std::exchange(copy.rotten, true) && changed_) changed_(copy.block);
}

void CopyStore::remember_removed(BlockId block, Epoch until) {
  const auto [known, added] = removed_.emplace(block, until);
  if (!added) {
    known->second = known->second == 0 || until == 0 ? 0 : std::max(known->second, until);
    return;
  }
  removed_order_.push_back(block);
  if (removed_order_.size() <= removed_kept) return;
  removed_.erase(removed_order_.front());
  removed_order_.pop_front();
}

}  // namespace lace::storage
