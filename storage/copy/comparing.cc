// A copy that was away is filled again without being made anew: what it has is compared with its source, and only what differs
// becomes a hole. Why that is right is in README.md, Design notes.
#include <algorithm>
#include <bitset>

#include "common/base/log.h"
#include "common/copyfile/checksum.h"
#include "storage/copy/copy_store.h"
#include "storage/copy/digest.h"

namespace lace::storage {
namespace {

using Pages = std::bitset<block_pages>;

Pages pages_of(const std::vector<Run>& runs) {
  Pages pages;
  for (const Run& run : runs) {
    for (uint32_t i = 0; i < run.count; ++i) pages.set(run.page + i);
  }
  return pages;
}

bool are_within_block(const std::vector<Run>& runs) {
  return std::all_of(runs.begin(), runs.end(),
                     [](const Run& run) { return run.page < block_pages && run.count <= block_pages - run.page; });
}

uint64_t digest_of(const PageTable& table, const Pages& left_out, uint32_t first, uint32_t count) {
  PagesDigest digest;
  for (uint32_t page = first; page < first + count; ++page) {
    left_out[page] ? digest.skip() : digest.add(table.at(page));
  }
  return digest.value();
}

}  // namespace

Status check_units(uint32_t unit, std::vector<uint32_t>& units) {
  if (unit == 0 || block_pages % unit != 0) return fail(Code::invalid, "a unit must be a part of a block");
  const uint32_t all = block_pages / unit;
  if (units.empty()) {
    for (uint32_t i = 0; i < all; ++i) units.push_back(i);
  }
  const bool ordered = std::is_sorted(units.begin(), units.end()) && units.size() <= all && units.back() < all;
  return ordered ? Status() : fail(Code::invalid, "units must be in order, and of the block");
}

Comparison comparison_of(const PageTable& table, Epoch base, uint32_t unit, const std::vector<uint32_t>& units) {
  Comparison comparison;
  for (uint32_t page = 0; page < block_pages; ++page) {
    const PageEntry& entry = table.at(page);
    if (entry.epoch() <= base) continue;
    const bool zero = entry.zero();
    if (!comparison.newer.empty()) {
      Run& last = comparison.newer.back();
      if (last.page + last.count == page && last.epoch == entry.epoch() && last.zero == zero) {
        ++last.count;
        continue;
      }
    }
    comparison.newer.push_back({page, 1, entry.epoch(), zero});
  }
  const Pages newer = pages_of(comparison.newer);
  for (const uint32_t number : units) comparison.digests.push_back(digest_of(table, newer, number * unit, unit));
  return comparison;
}

void CopyStore::differing(BlockId block, uint32_t unit, std::vector<uint32_t> units, Comparison source,
                          std::function<void(Result<std::vector<uint32_t>>)> done) {
  const CopyRef copy = find_ref(block);
  if (!copy || !copy->on_disk) return done(fail(Code::stale, to_string(block) + " is not here"));
  if (Status sound = check_units(unit, units); !sound) return done(pass(sound));
  if (source.digests.size() != units.size() || !are_within_block(source.newer))
    return done(fail(Code::malformed, "the source answered what was not asked for"));
  if (const auto open = opened(copy); !open) return done(pass(open));
  const auto work = [copy, unit, units = std::move(units), source = std::move(source), done](const Status& status) {
    if (!status) return done(pass(status));
    const Pages newer = pages_of(source.newer);
    std::vector<uint32_t> different;
    for (size_t i = 0; i < units.size(); ++i) {
      if (digest_of(copy->open->table, newer, units[i] * unit, unit) != source.digests[i]) different.push_back(units[i]);
    }
    done(std::move(different));
  };
  if (table_ready(copy, 0, block_pages, work)) work({});
}

struct CopyStore::SettleOp {
  CopyRef copy;
  Epoch joined = 0;
  Pages replaced;  // those of the source that may be others
  Done done;
};

void CopyStore::settle(BlockId block, Epoch joined, const std::vector<Run>& newer, const std::vector<uint32_t>& different,
                       Done done) {
  const CopyRef copy = find_ref(block);
  if (!copy || !copy->on_disk) return done(fail(Code::stale, to_string(block) + " is not here"));
  if (!are_within_block(newer) ||
      std::any_of(different.begin(), different.end(), [](uint32_t page) { return page >= block_pages; }))
    return done(fail(Code::malformed, "the source answered what was not asked for"));
  if (const auto open = opened(copy); !open) return done(pass(open));
  auto op = std::make_shared<SettleOp>(SettleOp{copy, joined, pages_of(newer), nullptr});
  for (const uint32_t page : different) op->replaced.set(page);
  op->done = [this, copy, done = std::move(done)](Status status) {
    done(std::move(status));
    next_in_order(copy);
  };
  in_order(copy, [this, op] { advance_settle(op); });
}

void CopyStore::advance_settle(const std::shared_ptr<SettleOp>& op) {
  Copy& copy = *op->copy;
  if (copy.gone || copy.state != State::filling || !copy.behind() || copy.joined != op->joined)
    return op->done(fail(Code::stale, to_string(copy.block) + " is not to be compared any more"));
  RegionMask regions = 0;
  for (uint32_t page = 0; page < block_pages; ++page) {
    if (op->replaced[page]) regions |= regions_of(page * page_bytes, page_bytes);
  }
  const Resume resume = [this, op](const Status& status) { status ? advance_settle(op) : op->done(status); };
  if (regions != 0 && !marked(op->copy, regions, resume)) return;
  if (!table_ready(op->copy, 0, block_pages, resume)) return;
  if (Status made = make_holes(copy,
                               [&](uint32_t page) {
                                 // What was written since it joined is newer than what the source said.
                                 return op->replaced[page] && copy.open->table.at(page).epoch() < copy.joined;
                               });
      !made)
    return op->done(made);
  // Durable before it is said that the holes are known.
  if (regions != 0) touched(copy, regions);
  copy.sync_next.push_back([this, op](Status synced) {
    if (!synced) return op->done(std::move(synced));
    const Copy& here = *op->copy;
    journal_.append({{JournalRecord::Kind::epoch, StoredState::filling, 0, here.block, here.epoch, 0}},
                    [this, op](Status noted) {
                      if (!noted) return op->done(std::move(noted));
                      op->copy->base = op->copy->joined = 0;
                      op->done(write_identity(*op->copy));
                    });
  });
  if (!copy.syncing) start_sync(op->copy);
}

// The table must be in memory. What is in the file stays there until it is filled.
Status CopyStore::make_holes(Copy& copy, const std::function<bool(uint32_t)>& wanted) {
  int64_t data = 0;
  int64_t missing = 0;
  std::vector<uint32_t> pages;
  for (uint32_t page = 0; page < block_pages; ++page) {
    const PageEntry entry = copy.open->table.at(page);
    if (entry.missing() || !wanted(page)) continue;
    data -= entry.data() ? 1 : 0;
    ++missing;
    copy.open->table.set(page, PageEntry::make_missing());
    pages.push_back(page);
  }
  count(copy, data, missing);
  for (auto first = pages.begin(); first != pages.end();) {
    auto end = std::next(first);
    while (end != pages.end() && *end == *std::prev(end) + 1) ++end;
    if (Status put = copy.open->table.store(*copy.open->file, *first, static_cast<uint32_t>(end - first)); !put) return put;
    first = end;
  }
  return {};
}

// Before a copy is kept: pages that a power loss may have cut apart become holes, as do those that are rotten. Answers the
// epoch of the last write that is in it; 0: there is none, or the copy is not worth being kept.
void CopyStore::examine(const CopyRef& copy, std::function<void(Result<Epoch>)> done) {
  const Resume resume = [this, copy, done](const Status& status) { status ? examine(copy, done) : done(pass(status)); };
  if (!table_ready(copy, 0, block_pages, resume)) return;
  struct Work {
    std::vector<std::pair<uint32_t, PageEntry>> pages;
    std::vector<Range> empty;
    Pages bad;
  };
  auto work = std::make_shared<Work>();
  // Regions are dirty also when only the server ended: its last write may have been cut.
  const RegionMask regions = copy->rotten ? all_regions : static_cast<RegionMask>(copy->suspect | copy->dirty);
  if (regions != 0) work->empty = empty_ranges(copy->open->table, regions);
  for (uint32_t page = 0; page < block_pages; ++page) {
    const PageEntry& entry = copy->open->table.at(page);
    if (is_in(regions, page) && entry.data()) work->pages.emplace_back(page, entry);
  }
  const auto finish = [this, copy, work, done] {
    if (Status made = make_holes(*copy, [&](uint32_t page) { return work->bad[page]; }); !made) return done(pass(made));
    Epoch last = 0;
    for (uint32_t page = 0; page < block_pages; ++page) last = std::max(last, copy->open->table.at(page).epoch());
    if (work->bad.any())
      log::info("storage.pages_lost", {{"block", to_string(copy->block)}, {"pages", static_cast<uint64_t>(work->bad.count())}});
    done(last);
  };
  if (regions == 0) return finish();
  offload_(
      [work, file = copy->open->file] {
        // What the table does not know of must not come to light when a later write is cut.
        for (const Range& range : work->empty) (void)file->punch(range.offset, range.length);
        std::string content(page_bytes, '\0');
        for (const auto& [page, entry] : work->pages) {
          const auto got = file->read(page * page_bytes, content.data(), page_bytes);
          if (!got || *got != page_bytes || crc32c(content) != entry.crc) work->bad.set(page);
        }
      },
      finish);
}

}  // namespace lace::storage
