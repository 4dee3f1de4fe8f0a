#include "fs/cache/placement.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>

#include "common/base/check.h"

namespace lace::fs {

namespace {

class Placing {
 public:
  Placing(const ExtentMap& extents, const Allocate& allocate) : extents_(extents), allocate_(allocate) {}

  // `pages`: whole pages; `runs`: what is dirty in them.
  Status cover(Range pages, std::span<const Range> runs);
  Placement take();

 private:
  struct Home {  // of a page of the file
    BlockId block{};
    uint64_t block_offset = 0;
  };
  Status cover_hole(Range hole, const std::vector<Extent>& mapped);
  Status map_pages(Range pages);
  Status map_at_home(Range bytes, const std::vector<Extent>& mapped);
  Result<Home> home_of(uint64_t page, uint64_t end, const std::vector<Extent>& mapped);
  void map(const Extent& extent);
  Status overwrite(const Extent& extent, std::span<const Range> runs, const std::vector<Extent>& mapped);

  const ExtentMap& extents_;
  const Allocate& allocate_;
  std::map<uint64_t, Home> made_;  // by file offset: of pages that had no home of their own
  Placement placement_;
};

// Which maps a part of the page to a block page that is the file's alone.
const Extent* own_extent_of(uint64_t page, const std::vector<Extent>& mapped) {
  const auto behind = std::partition_point(mapped.begin(), mapped.end(),
                                           [&](const Extent& extent) { return extent.offset + extent.length <= page; });
  for (auto at = behind; at != mapped.end() && at->offset < page + page_bytes; ++at) {
    if (!at->shared) return &*at;
  }
  return nullptr;
}

Status Placing::cover(Range pages, std::span<const Range> runs) {
  const std::vector<Extent> mapped = extents_.within(pages.begin, pages.end);
  uint64_t at = pages.begin;
  for (const Extent& extent : mapped) {
    if (extent.offset > at) {
      if (auto done = cover_hole({at, extent.offset}, mapped); !done) return done;
    }
    if (auto done = overwrite(extent, runs, mapped); !done) return done;
    at = extent.offset + extent.length;
  }
  return at < pages.end ? cover_hole({at, pages.end}, mapped) : Status{};
}

// A hole may begin and end in pages that are mapped in part.
Status Placing::cover_hole(Range hole, const std::vector<Extent>& mapped) {
  if (page_floor(hole.begin) != hole.begin || hole.end - hole.begin < page_bytes) {
    const uint64_t end = std::min(hole.end, page_floor(hole.begin) + page_bytes);
    if (auto done = map_at_home({hole.begin, end}, mapped); !done) return done;
    hole.begin = end;
  }
  Range tail{std::max(hole.begin, page_floor(hole.end)), hole.end};
  if (tail.begin > hole.begin) {
    if (auto done = map_pages({hole.begin, tail.begin}); !done) return done;
  }
  return tail.length() > 0 ? map_at_home(tail, mapped) : Status{};
}

Status Placing::map_pages(Range pages) {
  auto found = allocate_(pages);
  if (!found) return pass(found);
  uint64_t at = pages.begin;
  for (const Extent& extent : *found) {
    CHECK(extent.offset == at && extent.block_offset % page_bytes == 0);
    map(extent);
    at += extent.length;
  }
  CHECK(at == pages.end);
  return {};
}

// Where the page is, or is to be. Homes that must be made are made for all pages up to `end` that follow and need one.
Result<Placing::Home> Placing::home_of(uint64_t page, uint64_t end, const std::vector<Extent>& mapped) {
  if (const Extent* own = own_extent_of(page, mapped)) {
    return Home{own->block, own->block_offset + page - own->offset};  // unsigned arithmetic: right for less, too
  }
  if (const auto made = made_.find(page); made != made_.end()) return made->second;
  uint64_t behind = page + page_bytes;
  while (behind < end && own_extent_of(behind, mapped) == nullptr && !made_.contains(behind)) behind += page_bytes;
  auto found = allocate_({page, behind});
  if (!found) return pass(found);
  for (const Extent& extent : *found) {
    for (uint64_t done = 0; done < extent.length; done += page_bytes) {
      made_[extent.offset + done] = {extent.block, extent.block_offset + done};
    }
  }
  return made_.at(page);
}

Status Placing::map_at_home(Range bytes, const std::vector<Extent>& mapped) {
  std::optional<Extent> last;
  for (uint64_t at = bytes.begin; at < bytes.end;) {
    const uint64_t page = page_floor(at);
    const uint64_t until = std::min(bytes.end, page + page_bytes);
    const auto home = home_of(page, bytes.end, mapped);
    if (!home) return pass(home);
    const Extent piece{at, until - at, home->block, home->block_offset + (at - page)};
    if (last && last->block == piece.block && last->block_offset + last->length == piece.block_offset) {
      last->length += piece.length;
    } else {
      if (last) map(*last);
      last = piece;
    }
    at = until;
  }
  if (last) map(*last);
  return {};
}

void Placing::map(const Extent& extent) {
  placement_.extents.push_back(extent);
  placement_.writes.push_back({extent.offset, extent.length, extent.block, extent.block_offset});
}

Status Placing::overwrite(const Extent& extent, std::span<const Range> runs, const std::vector<Extent>& mapped) {
  for (const Range& run : runs) {
    const uint64_t from = std::max(run.begin, extent.offset);
    const uint64_t to = std::min(run.end, extent.offset + extent.length);
    if (from >= to) continue;
    if (extent.shared) {
      if (auto done = map_at_home({from, to}, mapped); !done) return done;
    } else {
      placement_.writes.push_back({from, to - from, extent.block, extent.block_offset + (from - extent.offset)});
    }
  }
  return {};
}

Placement Placing::take() {
  std::vector<PlacedWrite> merged;
  for (const PlacedWrite& write : placement_.writes) {
    if (!merged.empty()) {
      PlacedWrite& last = merged.back();
      const bool contiguous = last.offset + last.length == write.offset && last.block == write.block &&
                              last.block_offset + last.length == write.block_offset;
      if (contiguous) {
        last.length += write.length;
        continue;
      }
    }
    merged.push_back(write);
  }
  placement_.writes = std::move(merged);
  return std::move(placement_);
}

}  // namespace

Result<Placement> place(const std::vector<Range>& runs, const ExtentMap& extents, const Allocate& allocate) {
  Placing placing(extents, allocate);
  for (size_t first = 0; first < runs.size();) {
    // Runs that share a page are covered together.
    size_t last = first;
    while (last + 1 < runs.size() && page_floor(runs[last + 1].begin) < page_ceil(runs[last].end)) ++last;
    const Range pages{page_floor(runs[first].begin), page_ceil(runs[last].end)};
    CHECK(extents.knows(pages.begin, pages.end));
    if (auto done = placing.cover(pages, std::span(runs).subspan(first, last - first + 1)); !done) return pass(done);
    first = last + 1;
  }
  return placing.take();
}

}  // namespace lace::fs
