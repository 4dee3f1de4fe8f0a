// What control decides about copies: their epochs, that one is to be made anew, that one is removed or set aside.
#include "common/base/log.h"
#include "common/copyfile/checksum.h"
#include "storage/copy/copy_store.h"

namespace lace::storage {

struct CopyStore::EpochOp {
  CopyRef copy;
  Epoch from = 0;
  Epoch to = 0;
  Role role = Role::member;
  bool filling_on = false;
  bool reset = false;     // decided: the copy becomes one big hole
  bool examined = false;  // it was looked at whether it can be kept
  Epoch base = 0;         // as of which it is kept
  Done done;
};

void CopyStore::set_epoch(BlockId block, Epoch from, Epoch to, Role role, Done done) {
  if (to == 0 || to > PageEntry::epoch_mask || raw(block) == 0) return done(fail(Code::invalid, "no epoch to go to"));
  if (role == Role::member && from == 0) role = Role::filling;
  CopyRef copy = find_ref(block);
  if (!copy && role == Role::none) return refuse_unmade(block, to, std::move(done));
  // Said before it was removed or told to leave, and overtaken by that: only who begins anew may have it again, or who counts
  // at a later epoch all the same.
  if (const auto removed = removed_.find(block); !copy && from != 0 && removed != removed_.end()) {
    if (removed->second == 0 || to < removed->second) return done(fail(Code::stale, to_string(block) + " was removed here"));
  }
  if (!copy) {
    if (role == Role::member && from != 1) return done(fail(Code::stale, to_string(block) + " is not here"));
    copy = add_copy(block, from, State::whole);
  }
  if (const auto open = opened(copy); !open) return done(pass(open));
  auto op = std::make_shared<EpochOp>(EpochOp{copy, from, to, role, false, false, false, 0, nullptr});
  op->done = [this, copy, done = std::move(done)](Status status) {
    if (!status && !copy->on_disk && !copy->gone && copy->open->queue.empty()) drop_copy(copy);  // it could not be made
    done(std::move(status));
    next_in_order(copy);
  };
  in_order(copy, [this, op] { advance_epoch(op); });
}

void CopyStore::advance_epoch(const std::shared_ptr<EpochOp>& op) {
  Copy& copy = *op->copy;
  const auto stale = [&] { return fail(Code::stale, to_string(copy.block) + " is at epoch " + std::to_string(copy.epoch)); };
  if (copy.gone) {  // removed by what was in line before: begin anew
    return set_epoch(copy.block, op->from, op->to, op->role, [op](Status status) { op->done(std::move(status)); });
  }
  if (copy.on_disk && copy.epoch > op->to) return op->done(stale());
  const bool there = copy.on_disk && copy.epoch == op->to && !copy.needs_reset && !copy.identity_behind;
  const bool half_there = copy.on_disk && copy.epoch == op->to && copy.identity_behind;
  if (op->role == Role::none) {
    if (there && copy.state == State::dropped) return op->done({});
  } else if (op->role != Role::member) {
    if (there && (copy.state == State::whole || copy.state == State::filling)) return op->done({});
    // It goes on filling when only the epoch grew by one and it was a member all the time: it had every write.
    const bool goes_on = copy.on_disk && copy.state == State::filling && op->from != 0 && copy.epoch == op->from &&
                         op->to == op->from + 1 && !copy.needs_reset;
    op->reset = !goes_on;
    const bool worth = copy.on_disk && !copy.needs_reset && !copy.sync_failed;
    if (op->reset && op->role == Role::refilling && worth && !std::exchange(op->examined, true)) {
      return examine(op->copy, [this, op](const Result<Epoch>& last) {
        if (last) op->base = op->copy->behind() ? std::min(*last, op->copy->base) : *last;
        if (op->base >= op->to) op->base = 0;
        advance_epoch(op);
      });
    }
    if (op->base != 0) op->reset = false;
  } else {
    const bool dropped = copy.on_disk && copy.state == State::dropped;
    const bool suspect = copy.on_disk && copy.suspect != 0;
    if (there && !suspect && !dropped) return op->done({});
    if (!copy.on_disk && op->from != 1) return op->done(stale());
    // Dropped for an epoch that never came to be without it: then this copy counts again, when that epoch comes with it.
    if (dropped && !there) return op->done(stale());
    if (copy.on_disk && !there && !half_there && copy.epoch != op->from) return op->done(stale());
    op->filling_on = copy.state == State::filling;  // it has had every write as a member, and keeps its holes
    if (suspect && !copy.accepted) {
      return accept_suspect(op->copy, [this, op](const Status& status) { status ? advance_epoch(op) : op->done(status); });
    }
  }
  StoredState state = StoredState::whole;
  if (op->role == Role::filling || op->role == Role::refilling || op->filling_on) state = StoredState::filling;
  if (op->role == Role::none) state = StoredState::dropped;
  uint64_t behind = JournalRecord::behind(copy.base, copy.joined);  // who is behind stays so until it has been compared
  if (op->base != 0) behind = JournalRecord::behind(op->base, op->to);
  if (op->reset || state == StoredState::whole) behind = 0;
  std::vector<JournalRecord> records{{JournalRecord::Kind::epoch, state, 0, copy.block, op->to, behind}};
  if (op->reset) records.push_back({JournalRecord::Kind::dirty, state, all_regions, copy.block, op->to, 0});
  journal_.append(std::move(records), [this, op](Status status) {
    if (status) status = install_epoch(*op);
    op->done(std::move(status));
  });
}

Status CopyStore::install_epoch(EpochOp& op) {
  Copy& copy = *op.copy;
  copy.epoch = op.to;
  removed_.erase(copy.block);
  ++copy.open->version;  // reads at the old epoch that are under way look again
  copy.dirty |= copy.suspect;
  if (op.role == Role::none) {
    copy.state = State::dropped;
  } else {
    copy.suspect = 0;
    if (copy.state == State::suspect || copy.state == State::dropped) copy.state = State::whole;
  }
  copy.accepted = false;
  if (op.role == Role::member) copy.rotten = copy.sync_failed;  // it counts, by control's word; lost pages stay lost
  if (op.base != 0) {
    copy.state = State::filling;
    copy.base = op.base;
    copy.joined = op.to;
    copy.rotten = false;
  }
  if (copy.state == State::whole) copy.base = copy.joined = 0;
  if (op.reset) {
    copy.dirty = all_regions;
    copy.state = State::filling;
    copy.needs_reset = true;
  }
  if (!copy.on_disk) {
    if (Status made = make_file(copy); !made) return made;
  }
  return op.reset ? reset_to_hole(copy) : write_identity(copy);
}

Status CopyStore::reset_to_hole(Copy& copy) {
  OpenCopy& open = *copy.open;
  copy.needs_reset = true;
  copy.state = State::filling;
  copy.base = copy.joined = 0;
  count(copy, -int64_t{copy.data_pages}, int64_t{block_pages} - copy.missing_pages);
  open.table.fill_all(PageEntry::make_missing());
  touched(copy, all_regions);
  unclean_.insert(copy.block);
  if (Status cut = open.file->truncate(0); !cut) return cut;
  if (Status sized = open.file->truncate(copy_file_bytes); !sized) return sized;
  if (Status put = open.table.store(*open.file, 0, block_pages); !put) return put;
  if (Status put = write_identity(copy); !put) return put;
  copy.needs_reset = false;
  copy.rotten = copy.sync_failed = false;
  return {};
}

// No better copy exists: what is on the disk counts. In a page whose bytes and checksum were cut apart every sector is an old
// or a new one, so all that was synced is in it: it gets the checksum of what it is. Where the table says that nothing is
// stored, nothing stays in the file: a later write that is cut must not bring it to light.
void CopyStore::accept_suspect(const CopyRef& copy, const Done& done) {
  const Resume resume = [this, copy, done](const Status& status) { status ? accept_suspect(copy, done) : done(status); };
  if (!table_ready(copy, 0, block_pages, resume)) return;
  struct Work {
    std::vector<std::pair<uint32_t, PageEntry>> pages;
    std::vector<Range> holes;
    Status status;
  };
  auto work = std::make_shared<Work>();
  work->holes = empty_ranges(copy->open->table, copy->suspect);
  for (uint32_t page = 0; page < block_pages; ++page) {
    const PageEntry& entry = copy->open->table.at(page);
    if (is_in(copy->suspect, page) && entry.data()) work->pages.emplace_back(page, entry);
  }
  offload_(
      [work, file = copy->open->file] {
        for (const Range& hole : work->holes) {
          if (work->status) work->status = file->punch(hole.offset, hole.length);
        }
        if (work->status) work->status = file->sync_data();
        if (!work->status) return;
        std::string content(page_bytes, '\0');
        for (auto& [page, entry] : work->pages) {
          const auto got = file->read(page * page_bytes, content.data(), page_bytes);
          if (!got) {
            work->status = pass(got);
            return;
          }
          std::fill(content.begin() + static_cast<std::ptrdiff_t>(*got), content.end(), '\0');
          entry.crc = crc32c(content);
        }
      },
      [this, copy, work, done] {
        if (!work->status) return done(work->status);
        uint32_t mended = 0;
        for (const auto& [page, entry] : work->pages) {
          if (copy->open->table.at(page) == entry) continue;
          copy->open->table.set(page, entry);
          if (Status put = copy->open->table.store(*copy->open->file, page, 1); !put) return done(put);
          ++mended;
        }
        touched(*copy, copy->suspect);
        copy->accepted = true;
        log::warn("storage.copy_accepted", {{"block", to_string(copy->block)}, {"mended_pages", mended}});
        done({});
      });
}

void CopyStore::remove(BlockId block, Done done) {
  const CopyRef copy = find_ref(block);
  if (!copy) {
    if (const auto known = removed_.find(block); known != removed_.end() && known->second == 0) return done({});
    return refuse_unmade(block, 0, std::move(done));
  }
  if (const auto open = opened(copy); !open) return done(pass(open));
  in_order(copy, [this, copy, done = std::move(done)] { remove_now(copy, false, done); });
}

// There is no copy, and no first write is to make one.
void CopyStore::refuse_unmade(BlockId block, Epoch until, Done done) {
  remember_removed(block, until);
  journal_.append({{JournalRecord::Kind::removed, no_state, 0, block, removed_.at(block), 0}}, std::move(done));
}

void CopyStore::quarantine(BlockId block, Done done) {
  const CopyRef copy = find_ref(block);
  if (!copy) return done({});
  if (const auto open = opened(copy); !open) return done(pass(open));
  in_order(copy, [this, copy, done = std::move(done)] { remove_now(copy, true, done); });
}

void CopyStore::remove_now(const CopyRef& copy, bool aside, const Done& done) {
  if (copy->gone) {
    done({});
    return next_in_order(copy);
  }
  using Kind = JournalRecord::Kind;
  const BlockId block = copy->block;
  if (!aside) remember_removed(block, 0);
  // Whoever has the file open and reads it without asking sees by this that it does not count any more.
  if (copy->on_disk) {
    copy->state = State::dropped;
    Status marked = write_identity(*copy);
    if (!marked && !aside) marked = copy->open->file->truncate(0);
    if (!marked) {
      log::warn("storage.removal_not_marked", {{"block", to_string(block)}, {"what", marked.error().what}});
      done(marked);
      return next_in_order(copy);
    }
  }
  const auto unlink = [this, copy, aside, done, block](const Status& noted) {
    if (!noted) log::warn("storage.removal_not_noted", {{"block", to_string(block)}, {"what", noted.error().what}});
    auto status = std::make_shared<Status>();
    offload_(
        [&disk = disk_, aside, block, status, file = copy->on_disk ? copy->open->file : nullptr] {
          // The space is free even while somebody has the file open.
          if (!aside && file) (void)file->punch(0, table_offset);
          *status = aside ? disk.rename(copy_path(block), quarantine_path(block)) : disk.remove(copy_path(block));
        },
        [this, copy, done, status] {
          if (!*status && status->error().code == Code::no_entry) *status = {};
          if (*status) drop_copy(copy);
          done(*status);
          next_in_order(copy);
        });
  };
  journal_.append({{aside ? Kind::forgotten : Kind::removed, no_state, 0, block, 0, 0}}, unlink);
}

}  // namespace lace::storage
