// Reads: inline when the page cache has it, else on another thread. Every page is verified.
#include "common/base/check.h"
#include "common/copyfile/checksum.h"
#include "storage/copy/copy_store.h"

namespace lace::storage {
namespace {

constexpr int attempts_before_exclusive = 3;

// What the pages hold that are to be read, chosen anew at each attempt.
struct Plan {
  std::vector<Run> runs;             // pages with data, and those that are zero
  std::vector<PageEntry> entries;    // of the pages with data, in order
  uint32_t next_page = block_pages;  // for fetch()
  std::vector<Run> missing;          // likewise
};

void extend(std::vector<Run>& runs, uint32_t page, Epoch epoch, bool zero) {
  if (!runs.empty()) {
    Run& last = runs.back();
    if (last.page + last.count == page && last.epoch == epoch && last.zero == zero) {
      ++last.count;
      return;
    }
  }
  runs.push_back({page, 1, epoch, zero});
}

}  // namespace

struct CopyStore::ReadOp {
  CopyRef copy;
  Epoch epoch = 0;
  uint32_t first = 0;  // pages whose table entries are needed
  uint32_t count = 0;
  std::function<Result<Plan>(const PageTable&)> choose;
  std::function<void(Result<Plan>, std::shared_ptr<char[]>)> done;

  Plan plan;
  std::shared_ptr<char[]> buffer;
  uint64_t version = 0;
  int attempts = 0;
  bool exclusive = false;   // in line with the changes, so that nothing changes beside it
  bool from_disk = false;   // not from memory
  bool unreadable = false;  // the disk failed
  int32_t bad_page = -1;    // the first that does not match, or can't be read

  // Both: true when all was read.
  Result<bool> load(disk::File& file, bool cached) {
    size_t at = 0;
    for (const Run& run : plan.runs) {
      if (run.zero) continue;
      const size_t bytes = run.count * page_bytes;
      const uint64_t offset = run.page * page_bytes;
      const auto got = cached      ? file.read_cached(offset, buffer.get() + at, bytes)
                       : from_disk ? file.read_through(offset, buffer.get() + at, bytes)
                                   : file.read(offset, buffer.get() + at, bytes);
      if (!got && got.error().code == Code::try_again) return false;
      if (!got) return pass(got);
      if (*got != bytes) return fail(Code::corrupt, "the file is shorter than its table says");
      at += bytes;
    }
    return true;
  }

  // The disk failed: which page is it? None, if it was only this once.
  void find_unreadable(disk::File& file) {
    unreadable = true;
    for (const Run& run : plan.runs) {
      for (uint32_t i = 0; i < run.count && !run.zero && bad_page < 0; ++i) {
        const auto got = file.read((run.page + i) * page_bytes, buffer.get(), page_bytes);
        if (!got && got.error().code == Code::io) bad_page = static_cast<int32_t>(run.page + i);
      }
    }
  }

  void verify() {
    bad_page = -1;
    size_t at = 0;
    for (const Run& run : plan.runs) {
      if (run.zero) continue;
      for (uint32_t i = 0; i < run.count; ++i, ++at) {
        if (crc32c({buffer.get() + at * page_bytes, page_bytes}) == plan.entries[at].crc) continue;
        bad_page = static_cast<int32_t>(run.page + i);
        return;
      }
    }
  }
};

void CopyStore::advance_read(const std::shared_ptr<ReadOp>& op) {
  Copy& copy = *op->copy;
  if (copy.gone || copy.epoch != op->epoch)
    return finish_read(op, fail(Code::stale, to_string(copy.block) + " is at another epoch"));
  const Resume resume = [this, op](const Status& status) { status ? advance_read(op) : finish_read(op, status); };
  if (!table_ready(op->copy, op->first, op->count, resume)) return;
  if (copy.open->is_being_written(op->first, op->count)) {  // data and table do not match now
    op->exclusive = true;
    return in_order(op->copy, [this, op] { advance_read(op); });
  }
  auto plan = op->choose(copy.open->table);
  if (!plan) return finish_read(op, pass(plan));
  op->plan = std::move(*plan);
  op->version = copy.open->version;
  if (op->plan.entries.empty()) return finish_read(op, {});
  op->buffer = std::make_shared_for_overwrite<char[]>(op->plan.entries.size() * page_bytes);
  if (op->from_disk) return read_blocking(op);
  const auto loaded = op->load(*copy.open->file, true);
  if (!loaded) return finish_read(op, pass(loaded));
  if (!*loaded) return read_blocking(op);
  op->verify();
  finish_read(op, {});
}

void CopyStore::read_blocking(const std::shared_ptr<ReadOp>& op) {
  auto status = std::make_shared<Status>();
  offload_(
      [op, file = op->copy->open->file, status] {
        const auto loaded = op->load(*file, false);
        if (!loaded) {
          *status = pass(loaded);
          if (loaded.error().code == Code::io) op->find_unreadable(*file);
        } else {
          op->verify();
        }
      },
      [this, op, status] {
        // A write beside it may have changed data before table: what was read counts only if nothing changed.
        const bool raced = !op->copy->gone && op->version != op->copy->open->version;
        if (std::exchange(op->unreadable, false)) ++totals_.disk_errors;
        if (!raced) return finish_read(op, *status);
        op->bad_page = -1;
        if (++op->attempts < attempts_before_exclusive || op->exclusive) return advance_read(op);
        op->exclusive = true;
        in_order(op->copy, [this, op] { advance_read(op); });
      });
}

void CopyStore::finish_read(const std::shared_ptr<ReadOp>& op, Status status) {
  Copy& copy = *op->copy;
  if (op->bad_page >= 0) {
    lose_page(copy, static_cast<uint32_t>(op->bad_page));
    status =
        fail(Code::corrupt, to_string(copy.block) + " page " + std::to_string(op->bad_page) + " does not match its checksum");
  }
  --copy.open->readers;
  if (status) {
    op->done(std::move(op->plan), std::move(op->buffer));
  } else {
    op->done(pass(status), nullptr);
  }
  if (op->exclusive) next_in_order(op->copy);
}

void CopyStore::read(BlockId block, Epoch epoch, uint64_t offset, uint64_t length, std::function<void(Result<ReadData>)> done) {
  if (length == 0 || offset >= block_bytes || length > block_bytes - offset) {
    return done(fail(Code::invalid, "a read outside of the block"));
  }
  const CopyRef copy = find_ref(block);
  if (!copy || !copy->on_disk) {
    if (epoch == 1 && may_appear(block)) return done(ReadData{});
    return done(fail(Code::stale, to_string(block) + " is not here"));
  }
  if (Status may = serves(*copy); !may) return done(pass(may));
  if (const auto open = opened(copy); !open) return done(pass(open));
  auto op = std::make_shared<ReadOp>();
  op->copy = copy;
  op->epoch = epoch;
  op->first = static_cast<uint32_t>(offset / page_bytes);
  const auto last = static_cast<uint32_t>((offset + length - 1) / page_bytes);
  op->count = last - op->first + 1;
  op->choose = [copy, first = op->first, last](const PageTable& table) -> Result<Plan> {
    if (copy->behind()) return fail(Code::unavailable, "which pages are out of date here is not known yet");
    Plan plan;
    for (uint32_t page = first; page <= last; ++page) {
      const PageEntry& entry = table.at(page);
      if (entry.missing() && copy->state == State::whole) return fail(Code::corrupt, "a page of the range is lost here");
      if (entry.missing()) return fail(Code::unavailable, "the range is not filled yet");
      if (!entry.data()) continue;
      extend(plan.runs, page, 0, false);
      plan.entries.push_back(entry);
    }
    return plan;
  };
  op->done = [offset, length, done = std::move(done)](Result<Plan> plan, std::shared_ptr<char[]> buffer) {
    if (!plan) return done(pass(plan));
    ReadData data;
    const uint64_t end = offset + length;
    uint64_t skip = 0;  // bytes of the first page in front of the range
    uint64_t total = 0;
    for (const Run& run : plan->runs) {
      const uint64_t begin = std::max(run.page * page_bytes, offset);
      const uint64_t stop = std::min((uint64_t{run.page} + run.count) * page_bytes, end);
      if (data.ranges.empty()) skip = begin - run.page * page_bytes;
      data.ranges.push_back({begin, stop - begin});
      total += stop - begin;
    }
    if (buffer) {
      const char* bytes = buffer.get();
      data.bytes = Bytes({bytes + skip, total}, std::shared_ptr<const void>(std::move(buffer), bytes));
    }
    done(std::move(data));
  };
  ++copy->open->readers;
  advance_read(op);
}

// The pages of `holes` that were written after `start`, until `most` pages with data are together.
static Result<Plan> choose_pages(const PageTable& table, const std::vector<Range>& holes, Epoch start, uint32_t most,
                                 bool partial) {
  Plan plan;
  for (const Range& hole : holes) {
    const auto first = static_cast<uint32_t>(hole.offset / page_bytes);
    const auto end = first + static_cast<uint32_t>(hole.length / page_bytes);
    for (uint32_t page = first; page < end; ++page) {
      const PageEntry& entry = table.at(page);
      if (entry.missing()) {
        if (!partial) return fail(Code::unavailable, "the source misses this range itself");
        extend(plan.missing, page, 0, false);
        continue;
      }
      if (entry.tag == 0 || entry.epoch() <= start) continue;
      if (entry.data() && plan.entries.size() == most) {
        plan.next_page = page;
        return plan;
      }
      extend(plan.runs, page, entry.epoch(), entry.zero());
      if (entry.data()) plan.entries.push_back(entry);
    }
  }
  return plan;
}

void CopyStore::fetch(BlockId block, Epoch start, Epoch end, std::vector<Range> holes, bool partial,
                      std::function<void(Result<FetchedPages>)> done) {
  if (holes.empty()) holes.push_back({0, block_bytes});
  uint64_t behind = 0;
  for (const Range& hole : holes) {
    const bool aligned = hole.offset % page_bytes == 0 && hole.length % page_bytes == 0 && hole.length > 0;
    if (!aligned || hole.offset < behind || hole.offset >= block_bytes || hole.length > block_bytes - hole.offset) {
      return done(fail(Code::invalid, "holes must be whole pages, in order, within the block"));
    }
    behind = hole.offset + hole.length;
  }
  const CopyRef copy = find_ref(block);
  if (!copy || !copy->on_disk) {
    if (end == 1 && may_appear(block)) return done(FetchedPages{{}, block_pages, {}, {}});
    return done(fail(Code::stale, to_string(block) + " is not here"));
  }
  if (copy->state != State::whole) return done(fail(Code::unavailable, to_string(block) + " is not whole here"));
  if (const auto open = opened(copy); !open) return done(pass(open));
  auto op = std::make_shared<ReadOp>();
  op->copy = copy;
  op->epoch = end;
  op->first = static_cast<uint32_t>(holes.front().offset / page_bytes);
  op->count = static_cast<uint32_t>(behind / page_bytes) - op->first;
  op->choose = [holes = std::move(holes), start, partial](const PageTable& table) {
    return choose_pages(table, holes, start, max_io_bytes / page_bytes, partial);
  };
  op->done = [done = std::move(done)](Result<Plan> plan, std::shared_ptr<char[]> buffer) {
    if (!plan) return done(pass(plan));
    FetchedPages pages{std::move(plan->runs), plan->next_page, {}, std::move(plan->missing)};
    if (buffer) {
      const std::string_view view(buffer.get(), plan->entries.size() * page_bytes);
      pages.bytes = Bytes(view, std::shared_ptr<const void>(std::move(buffer), view.data()));
    }
    done(std::move(pages));
  };
  ++copy->open->readers;
  advance_read(op);
}

void CopyStore::verify(BlockId block, uint32_t page, uint32_t most, std::function<void(Result<Verified>)> done) {
  const CopyRef copy = find_ref(block);
  if (!copy || !copy->on_disk) return done(fail(Code::stale, to_string(block) + " is not here"));
  if (copy->state != State::whole) return done(fail(Code::unavailable, to_string(block) + " is not whole here"));
  if (const auto open = opened(copy); !open) return done(pass(open));
  auto op = std::make_shared<ReadOp>();
  op->copy = copy;
  op->epoch = copy->epoch;
  op->first = page;
  op->count = block_pages - page;
  op->from_disk = true;
  op->choose = [page, most](const PageTable& table) -> Result<Plan> {
    Plan plan;
    for (uint32_t next = page; next < block_pages; ++next) {
      const PageEntry& entry = table.at(next);
      if (!entry.data()) continue;
      if (plan.entries.size() == most) {
        plan.next_page = next;
        break;
      }
      extend(plan.runs, next, 0, false);
      plan.entries.push_back(entry);
    }
    return plan;
  };
  op->done = [done = std::move(done)](Result<Plan> plan, const std::shared_ptr<char[]>&) {
    if (!plan) return done(pass(plan));
    done(Verified{plan->entries.size() * page_bytes, plan->next_page});
  };
  ++copy->open->readers;
  advance_read(op);
}

void CopyStore::compare(BlockId block, Epoch base, Epoch end, uint32_t unit, std::vector<uint32_t> units,
                        std::function<void(Result<Comparison>)> done) {
  if (Status sound = check_units(unit, units); !sound) return done(pass(sound));
  const CopyRef copy = find_ref(block);
  if (!copy || !copy->on_disk) return done(fail(Code::stale, to_string(block) + " is not here"));
  if (copy->state != State::whole) return done(fail(Code::unavailable, to_string(block) + " is not whole here"));
  if (const auto open = opened(copy); !open) return done(pass(open));
  auto op = std::make_shared<ReadOp>();
  auto found = std::make_shared<Comparison>();
  op->copy = copy;
  op->epoch = end;
  op->count = block_pages;
  op->choose = [found, base, unit, units = std::move(units)](const PageTable& table) -> Result<Plan> {
    *found = comparison_of(table, base, unit, units);
    return Plan{};  // nothing is read
  };
  op->done = [found, done = std::move(done)](Result<Plan> plan, const std::shared_ptr<char[]>&) {
    if (!plan) return done(pass(plan));
    done(std::move(*found));
  };
  ++copy->open->readers;
  advance_read(op);
}

void CopyStore::inspect(BlockId block, std::function<void(Result<std::vector<Run>>)> done) {
  const CopyRef copy = find_ref(block);
  if (!copy || !copy->on_disk) return done(fail(Code::no_entry, to_string(block) + " is not here"));
  if (const auto open = opened(copy); !open) return done(pass(open));
  auto op = std::make_shared<ReadOp>();
  op->copy = copy;
  op->epoch = copy->epoch;
  op->count = block_pages;
  op->choose = [](const PageTable& table) -> Result<Plan> {
    Plan plan;
    for (uint32_t page = 0; page < block_pages; ++page) {
      const PageEntry& entry = table.at(page);
      if (entry.data() || entry.zero()) extend(plan.runs, page, entry.epoch(), entry.zero());
    }
    return plan;  // without `entries`: nothing is read
  };
  op->done = [done = std::move(done)](Result<Plan> plan, const std::shared_ptr<char[]>&) {
    if (!plan) return done(pass(plan));
    done(std::move(plan->runs));
  };
  ++copy->open->readers;
  advance_read(op);
}

}  // namespace lace::storage
