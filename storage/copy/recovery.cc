// The start: what the journal says, what the disk has, and what follows from both.
#include <cstdio>

#include "common/base/log.h"
#include "common/copyfile/checksum.h"
#include "storage/copy/copy_store.h"

namespace lace::storage {

// What the journal says about a block.
struct CopyStore::Known {
  bool removed = false;
  bool aside = false;    // removed by setting it aside: never deleted
  bool decided = false;  // there is an epoch record: control made it so, and the identity page may be older
  StoredState state = StoredState::whole;
  Epoch epoch = 0;
  RegionMask dirty = 0;
  RegionMask suspect = 0;      // were so at an earlier start already
  Epoch base = 0, joined = 0;  // Copy's
};

CopyStore::KnownBlocks CopyStore::replay_records(const std::vector<JournalRecord>& records) {
  KnownBlocks blocks;
  for (const JournalRecord& record : records) {
    Known& known = blocks[record.block];
    switch (record.kind) {
      case JournalRecord::Kind::dirty:
        known.dirty |= record.regions;
        if (record.value == JournalRecord::suspect) known.suspect |= record.regions;
        known.epoch = std::max(known.epoch, record.epoch);
        break;
      case JournalRecord::Kind::clean:  // all of the copy was synced, and its row in the index written
        known.dirty = static_cast<RegionMask>(known.dirty & ~record.regions);
        if (known.dirty == 0) known = {};
        break;
      case JournalRecord::Kind::epoch:
        if (known.removed) known.dirty = 0;
        // Who leaves stays suspect: should it count again, it must be looked at.
        if (known.removed || record.state != StoredState::dropped) known.suspect = 0;
        known = {false,
                 false,
                 true,
                 record.state,
                 record.epoch,
                 known.dirty,
                 known.suspect,
                 static_cast<Epoch>(record.value),
                 static_cast<Epoch>(record.value >> 32)};
        removed_.erase(record.block);
        break;
      case JournalRecord::Kind::removed:
        known = {true, false, false, no_state, 0, 0, 0, 0, 0};
        remember_removed(record.block, record.epoch);
        break;
      case JournalRecord::Kind::forgotten: known = {true, true, false, no_state, 0, 0, 0, 0, 0}; break;
      case JournalRecord::Kind::received: totals_.received_bytes = received_noted_ = record.value; break;
      case JournalRecord::Kind::closed: break;
    }
  }
  blocks.erase(BlockId{});
  return blocks;
}

Status CopyStore::open() {
  for (const char* directory : {"blocks", "quarantine"}) {
    if (Status made = disk_.make_directory(directory); !made) return made;
  }
  for (unsigned i = 0; i < 256; ++i) {
    if (Status made = disk_.make_directory(copy_directory(BlockId{uint64_t{i} << 8})); !made) return made;
  }
  for (const char* directory : {"", "blocks"}) {
    if (Status synced = disk_.sync_directory(directory); !synced) return synced;
  }
  const auto replayed = journal_.replay();
  if (!replayed) return pass(replayed);
  const KnownBlocks known = replay_records(replayed->records);
  const auto indexed = load_index(known, *replayed);
  if (!indexed) return pass(indexed);
  if (Status found = *indexed ? adopt_known(known, replayed->same_boot) : scan(known, replayed->same_boot); !found)
    return found;
  if (Status back = bring_back(known, replayed->same_boot); !back) return back;
  // The index first: until the journal begins anew it says that the machine was down, and the index is not believed.
  if (!*indexed) {
    if (Status renewed = renew_index(); !renewed) return renewed;
  }
  if (Status begun = journal_.restart(live_records()); !begun) return begun;
  log::info("storage.copies_found", {{"copies", totals_.copies},
                                     {"stored_bytes", totals_.stored_bytes},
                                     {"machine_was_down", replayed->same_boot ? "no" : "yes"}});
  return {};
}

Result<bool> CopyStore::load_index(const KnownBlocks& known, const Journal::Replayed& replayed) {
  if (options_.index_path.empty()) return false;
  auto index = Index::open(options_.index_path);
  if (!index) return pass(index);
  index_ = std::move(*index);
  const bool closed = !replayed.records.empty() && replayed.records.back().kind == JournalRecord::Kind::closed;
  if (!index_->is_complete() || !(replayed.same_boot || closed)) return false;
  const Status read = index_->each([&](const IndexRow& row) -> Status {
    const auto about = known.find(row.block);
    const bool spoken_of = about != known.end() && (about->second.removed || about->second.epoch != 0);
    if (spoken_of) return {};
    const CopyRef copy = add_copy(row.block, row.epoch, state_of(row.state));
    copy->on_disk = true;
    copy->inode = row.inode;
    copy->file_offset = row.file_offset;
    count(*copy, row.data_pages, row.missing_pages);
    ++totals_.copies;
    return {};
  });
  if (!read) return pass(read);
  return true;
}

// The journal's copies, where the index has the others.
Status CopyStore::adopt_known(const KnownBlocks& known, bool same_boot) {
  for (const auto& [block, about] : known) {
    if (!about.removed && about.epoch == 0) continue;
    const auto file = disk_.open(copy_path(block), false);
    if (!file && file.error().code == Code::no_entry) {
      if (about.removed || !about.decided) unindexed_.push_back(block);
      continue;
    }
    if (!file) return pass(file);
    if (about.removed) unindexed_.push_back(block);
    if (Status done = about.removed ? finish_removal(block, about) : adopt(block, &about, same_boot); !done) return done;
  }
  return {};
}

Status CopyStore::scan(const KnownBlocks& known, bool same_boot) {
  for (unsigned i = 0; i < 256; ++i) {
    const std::string directory = copy_directory(BlockId{uint64_t{i} << 8});
    const auto names = disk_.list(directory);
    if (!names) return pass(names);
    for (const std::string& name : *names) {
      const BlockId block = block_of_name(name);
      if (raw(block) == 0 || copy_path(block) != directory + "/" + name) {
        log::warn("storage.strange_file", {{"path", directory + "/" + name}});
        continue;
      }
      const auto found = known.find(block);
      const Known* about = found == known.end() ? nullptr : &found->second;
      const bool removed = about != nullptr && about->removed;
      if (Status done = removed ? finish_removal(block, *about) : adopt(block, about, same_boot); !done) return done;
    }
  }
  return {};
}

Status CopyStore::finish_removal(BlockId block, const Known& known) {
  return known.aside ? disk_.rename(copy_path(block), quarantine_path(block)) : disk_.remove(copy_path(block));
}

Status CopyStore::set_aside(BlockId block, const std::string& why) {
  log::error("storage.copy_set_aside", {{"block", to_string(block)}, {"why", why}, {"moved_to", quarantine_path(block)}});
  const CopyRef copy = find_ref(block);
  if (copy) drop_copy(copy);
  return disk_.rename(copy_path(block), quarantine_path(block));
}

Status CopyStore::adopt(BlockId block, const Known* known, bool same_boot) {
  const CopyRef copy = add_copy(block, 0, State::whole);
  copy->on_disk = true;
  const auto open = opened(copy);
  if (!open) return pass(open);
  ++totals_.copies;
  disk::File& file = *copy->open->file;
  std::string page(identity_bytes, '\0');
  const auto got = file.read(identity_offset, page.data(), page.size());
  if (!got) return pass(got);
  const auto identity = decode_identity(std::string_view(page).substr(0, *got));
  if (!identity && (known == nullptr || known->epoch == 0)) return set_aside(block, identity.error().what);
  if (identity) {
    const bool ours = identity->cluster.empty() || options_.cluster.empty() || identity->cluster == options_.cluster;
    if (identity->block != block || !ours) return set_aside(block, "it belongs to another block or cluster");
    copy->epoch = identity->epoch;
    copy->inode = identity->inode;
    copy->file_offset = identity->file_offset;
    copy->state = state_of(identity->state);
  }
  const auto counts = count_pages(file);
  if (!counts) return pass(counts);
  count(*copy, counts->data, counts->missing);
  if (known == nullptr) return {};
  const bool behind = copy->epoch < known->epoch;  // the identity page was lost, or had not followed yet
  copy->epoch = std::max(copy->epoch, known->epoch);
  if (known->decided) copy->state = state_of(known->state);
  if (copy->state != State::whole) copy->base = known->base, copy->joined = known->joined;
  if (Status sized = file.truncate(copy_file_bytes); !sized) return sized;
  const bool start_anew = copy->state == State::filling && ((behind && !copy->behind()) || (known->dirty != 0 && !same_boot));
  if (start_anew) {
    copy->dirty = all_regions;
    return reset_to_hole(*copy);
  }
  if (known->dirty != 0 && copy->state == State::dropped) {  // it may count again one day
    copy->dirty = known->dirty;
    if (!same_boot || known->suspect != 0) copy->suspect = known->dirty;
  } else if (known->dirty != 0) {
    if (Status looked = adopt_dirty(*copy, *known, same_boot); !looked) return looked;
  }
  copy->name_unsynced = true;
  return write_identity(*copy);
}

// Regions that were being written when the server went down.
Status CopyStore::adopt_dirty(Copy& copy, const Known& known, bool same_boot) {
  copy.dirty = known.dirty;
  touched(copy, known.dirty);
  unclean_.insert(copy.block);
  if (!same_boot ||
      known.suspect != 0) {  // writes may be lost without a trace: control must say whether a better copy is there
    copy.state = State::suspect;
    copy.suspect = known.dirty;
    log::warn("storage.copy_suspect", {{"block", to_string(copy.block)}, {"why", "the machine went down"}});
    return {};
  }
  // Only the server went down: nothing is lost, except that the last write, never answered, may have been cut between its
  // data and its table entry.
  OpenCopy& open = *copy.open;
  std::string content(page_bytes, '\0');
  for (uint32_t page = 0; page < block_pages; ++page) {
    if (!is_in(known.dirty, page)) continue;
    const uint32_t chunk = PageTable::chunk_of(page);
    if (!open.table.has(chunk)) {
      auto loaded = PageTable::load(*open.file, chunk, false);
      if (!loaded) return pass(loaded);
      open.table.install(chunk, std::move(*loaded));
    }
    const PageEntry entry = open.table.at(page);
    if (!entry.data()) continue;
    const auto got = open.file->read(page * page_bytes, content.data(), page_bytes);
    if (!got) return pass(got);
    if (*got == page_bytes && crc32c(content) == entry.crc) continue;
    if (copy.state == State::filling) {
      open.table.set(page, PageEntry::make_missing());
      count(copy, -1, 1);
      if (Status put = open.table.store(*open.file, page, 1); !put) return put;
      continue;
    }
    copy.state = State::suspect;
    copy.suspect = known.dirty;
    log::warn("storage.copy_suspect", {{"block", to_string(copy.block)}, {"why", "a write was cut"}, {"page", page}});
    return {};
  }
  for (const Range& hole : empty_ranges(open.table, known.dirty)) {  // bytes of a write that did not reach its table entry
    if (Status punched = open.file->punch(hole.offset, hole.length); !punched) return punched;
  }
  return {};
}

// Copies that the journal knows and the disk does not have: made just before the machine went down.
Status CopyStore::bring_back(const KnownBlocks& known, bool same_boot) {
  for (const auto& [block, about] : known) {
    if (about.removed || copies_.contains(block)) continue;
    const bool lost = about.dirty != 0 && (!same_boot || about.suspect != 0);
    if (!about.decided && !lost) continue;  // no write to it was answered
    const CopyRef copy = add_copy(block, about.epoch, State::whole);
    if (const auto open = opened(copy); !open) return pass(open);
    copy->dirty = about.dirty;
    copy->state = state_of(about.state);
    if (Status made = make_file(*copy); !made) return made;
    if (copy->state == State::filling) {
      copy->dirty = all_regions;
      if (Status reset = reset_to_hole(*copy); !reset) return reset;
    } else if (lost && copy->state == State::whole) {
      copy->state = State::suspect;
      copy->suspect = about.dirty;
      log::warn("storage.copy_suspect", {{"block", to_string(block)}, {"why", "its file was lost when the machine went down"}});
    }
  }
  return {};
}

}  // namespace lace::storage
