// Filling a copy that is being re-made: pages from the source go only where nothing newer was written meanwhile.
#include "common/copyfile/checksum.h"
#include "storage/copy/copy_store.h"

namespace lace::storage {

struct CopyStore::FillOp {
  CopyRef copy;
  Epoch epoch = 0;
  std::vector<Range> pages;
  std::vector<Run> runs;
  Bytes bytes;
  Done done;

  uint32_t first() const { return static_cast<uint32_t>(pages.front().offset / page_bytes); }
  uint32_t end() const { return static_cast<uint32_t>((pages.back().offset + pages.back().length) / page_bytes); }
};

static bool are_sound_pages(const std::vector<Range>& pages) {
  uint64_t behind = 0;
  for (const Range& range : pages) {
    const bool whole = range.offset % page_bytes == 0 && range.length % page_bytes == 0 && range.length > 0;
    if (!whole || range.offset < behind || range.offset >= block_bytes || range.length > block_bytes - range.offset)
      return false;
    behind = range.offset + range.length;
  }
  return !pages.empty();
}

// The runs come from another server: within the pages asked for, in order, with the bytes they promise, not of the future.
static bool are_sound(const std::vector<Run>& runs, const std::vector<Range>& pages, Epoch epoch, size_t bytes) {
  uint64_t data = 0;
  uint64_t behind = 0;
  auto asked = pages.begin();
  for (const Run& run : runs) {
    const uint64_t begin = run.page * page_bytes;
    const uint64_t end = begin + run.count * page_bytes;
    if (run.count == 0 || begin < behind || run.epoch == 0 || run.epoch > epoch) return false;
    while (asked != pages.end() && asked->offset + asked->length <= begin) ++asked;
    if (asked == pages.end() || begin < asked->offset || end > asked->offset + asked->length) return false;
    behind = end;
    if (!run.zero) data += run.count;
  }
  return data * page_bytes == bytes;
}

void CopyStore::fill(BlockId block, Epoch epoch, std::vector<Range> pages, std::vector<Run> runs, Bytes bytes, Done done) {
  const CopyRef copy = find_ref(block);
  if (!copy || !copy->on_disk) return done(fail(Code::stale, to_string(block) + " is not here"));
  if (!are_sound_pages(pages) || !are_sound(runs, pages, epoch, bytes.size()))
    return done(fail(Code::malformed, "the source sent what was not asked for"));
  if (const auto open = opened(copy); !open) return done(pass(open));
  auto op = std::make_shared<FillOp>(FillOp{copy, epoch, std::move(pages), std::move(runs), std::move(bytes), nullptr});
  op->done = [this, copy, done = std::move(done)](Status status) {
    done(std::move(status));
    next_in_order(copy);
  };
  in_order(copy, [this, op] { advance_fill(op); });
}

void CopyStore::advance_fill(const std::shared_ptr<FillOp>& op) {
  Copy& copy = *op->copy;
  const bool has_holes = (copy.state == State::filling && !copy.behind()) || copy.state == State::whole;
  if (copy.gone || copy.epoch != op->epoch || !has_holes) {
    return op->done(fail(Code::stale, to_string(copy.block) + " is not filling at this epoch any more"));
  }
  const Resume resume = [this, op](const Status& status) { status ? advance_fill(op) : op->done(status); };
  const uint32_t count = op->end() - op->first();
  RegionMask regions = 0;
  for (const Range& range : op->pages) regions |= regions_of(range.offset, range.length);
  if (!marked(op->copy, regions, resume)) return;
  if (!table_ready(op->copy, op->first(), count, resume)) return;
  totals_.received_bytes += op->bytes.size();
  touched(copy, regions);
  op->done(apply_fill(*op));
}

Status CopyStore::apply_fill(FillOp& op) {
  Copy& copy = *op.copy;
  OpenCopy& open = *copy.open;
  int64_t data = 0;
  int64_t filled = 0;
  uint64_t healed = 0;
  std::vector<PageEntry> before;
  for (uint32_t page = op.first(); page < op.end(); ++page) before.push_back(open.table.at(page));
  const auto is_missing = [&](uint32_t page) { return before[page - op.first()].missing(); };
  std::string_view bytes = op.bytes.view();
  Status status;
  for (const Run& run : op.runs) {
    const uint32_t end = run.page + run.count;
    for (uint32_t page = run.page; page < end && status;) {
      if (!is_missing(page)) {
        ++page;
        continue;
      }
      uint32_t stop = page;  // as many as are missing side by side are written at once
      for (; stop < end && is_missing(stop); ++stop, ++filled) {
        if (before[stop - op.first()].is_lost()) ++healed;
        if (run.zero) {
          open.table.set(stop, PageEntry::make_zero(run.epoch));
          continue;
        }
        const std::string_view content = bytes.substr((stop - run.page) * page_bytes, page_bytes);
        open.table.set(stop, PageEntry::make_data(crc32c(content), run.epoch));
        ++data;
      }
      if (run.zero) {
        (void)open.file->punch(page * page_bytes, (stop - page) * page_bytes);  // what was there takes no space any more
      } else {
        status = open.file->write(page * page_bytes, bytes.substr((page - run.page) * page_bytes, (stop - page) * page_bytes));
      }
      page = stop;
    }
    if (!run.zero) bytes.remove_prefix(run.count * page_bytes);
  }
  for (const Range& range : op.pages) {  // what no run has named was never written
    const auto end = static_cast<uint32_t>((range.offset + range.length) / page_bytes);
    for (auto page = static_cast<uint32_t>(range.offset / page_bytes); page < end && status;) {
      uint32_t stop = page;
      for (; stop < end && open.table.at(stop).missing(); ++stop, ++filled) open.table.set(stop, PageEntry{});
      if (stop > page) (void)open.file->punch(page * page_bytes, (stop - page) * page_bytes);  // of a copy from before
      page = std::max(stop, page + 1);
    }
  }
  if (status) status = open.table.store(*open.file, op.first(), op.end() - op.first());
  if (!status) {
    for (uint32_t page = op.first(); page < op.end(); ++page) open.table.set(page, before[page - op.first()]);
    return status;
  }
  count(copy, data, -filled);
  totals_.healed_pages += healed;
  return {};
}

void CopyStore::missing(BlockId block, uint32_t first_page, size_t most, std::function<void(Result<std::vector<Range>>)> done) {
  const CopyRef copy = find_ref(block);
  if (!copy || !copy->on_disk) return done(fail(Code::stale, to_string(block) + " is not here"));
  if (first_page >= block_pages || copy->missing_pages == 0) return done(std::vector<Range>{});
  if (const auto open = opened(copy); !open) return done(pass(open));
  const auto work = [copy, first_page, most, done](const Status& status) {
    if (!status) return done(pass(status));
    std::vector<Range> ranges;
    for (uint32_t page = first_page; page < block_pages; ++page) {
      if (!copy->open->table.at(page).missing()) continue;
      if (!ranges.empty() && ranges.back().offset + ranges.back().length == page * page_bytes) {
        ranges.back().length += page_bytes;
      } else if (ranges.size() == most) {
        break;
      } else {
        ranges.push_back({page * page_bytes, page_bytes});
      }
    }
    done(std::move(ranges));
  };
  if (table_ready(copy, first_page, block_pages - first_page, work)) work({});
}

void CopyStore::finish_fill(BlockId block, Epoch epoch, Done done) {
  const CopyRef copy = find_ref(block);
  if (!copy || !copy->on_disk) return done(fail(Code::stale, to_string(block) + " is not here"));
  if (const auto open = opened(copy); !open) return done(pass(open));
  in_order(copy, [this, copy, epoch, done = std::move(done)] {
    const Done finish = [this, copy, done](Status status) {
      done(std::move(status));
      next_in_order(copy);
    };
    if (copy->gone || copy->epoch != epoch) return finish(fail(Code::stale, to_string(copy->block) + " is at another epoch"));
    if (copy->state == State::whole) return finish({});
    if (copy->state != State::filling || copy->behind() || copy->missing_pages != 0)
      return finish(fail(Code::unavailable, "pages are missing still"));
    // Durable first, then said: control counts on it at once.
    copy->sync_next.push_back([this, copy, finish](Status synced) {
      if (!synced) return finish(std::move(synced));
      received_noted_ = totals_.received_bytes;  // the count survives a kill as the copy does
      journal_.append({{JournalRecord::Kind::epoch, StoredState::whole, 0, copy->block, copy->epoch, 0},
                       {JournalRecord::Kind::received, no_state, 0, BlockId{}, 0, received_noted_}},
                      [this, copy, finish](Status noted) {
                        if (!noted) return finish(std::move(noted));
                        copy->state = State::whole;
                        Status put = write_identity(*copy);
                        if (put && changed_) changed_(copy->block);
                        finish(std::move(put));
                      });
    });
    if (!copy->syncing) start_sync(copy);
  });
}

}  // namespace lace::storage
