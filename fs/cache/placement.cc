#include "fs/cache/placement.h"

#include <algorithm>
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
  Status cover_hole(Range hole, const std::vector<Extent>& mapped);
  Status map_pages(Range pages);
  void extend_home(Range slack, const std::vector<Extent>& mapped);
  void map(const Extent& extent);
  void overwrite(const Extent& mapped, std::span<const Range> runs);

  const ExtentMap& extents_;
  const Allocate& allocate_;
  Placement placement_;
};

const Extent* home_of_page(uint64_t page, const std::vector<Extent>& mapped) {
  for (const Extent& extent : mapped) {
    if (extent.offset < page + page_bytes && extent.offset + extent.length > page) return &extent;
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
    overwrite(extent, runs);
    at = extent.offset + extent.length;
  }
  return at < pages.end ? cover_hole({at, pages.end}, mapped) : Status{};
}

// A hole may begin and end in pages that are mapped in part.
Status Placing::cover_hole(Range hole, const std::vector<Extent>& mapped) {
  if (page_floor(hole.begin) != hole.begin || hole.end - hole.begin < page_bytes) {
    const uint64_t end = std::min(hole.end, page_floor(hole.begin) + page_bytes);
    extend_home({hole.begin, end}, mapped);
    hole.begin = end;
  }
  Range tail{std::max(hole.begin, page_floor(hole.end)), hole.end};
  if (tail.begin > hole.begin) {
    if (auto done = map_pages({hole.begin, tail.begin}); !done) return done;
  }
  if (tail.length() > 0) extend_home(tail, mapped);
  return {};
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

void Placing::extend_home(Range slack, const std::vector<Extent>& mapped) {
  const Extent* home = home_of_page(page_floor(slack.begin), mapped);
  CHECK(home != nullptr);
  map({slack.begin, slack.length(), home->block, home->block_offset + slack.begin - home->offset});
}

void Placing::map(const Extent& extent) {
  placement_.extents.push_back(extent);
  placement_.writes.push_back({extent.offset, extent.length, extent.block, extent.block_offset});
}

void Placing::overwrite(const Extent& mapped, std::span<const Range> runs) {
  for (const Range& run : runs) {
    const uint64_t from = std::max(run.begin, mapped.offset);
    const uint64_t to = std::min(run.end, mapped.offset + mapped.length);
    if (from < to) placement_.writes.push_back({from, to - from, mapped.block, mapped.block_offset + (from - mapped.offset)});
  }
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
