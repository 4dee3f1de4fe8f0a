// The extents of one file as far as they are known. Not thread-safe: the inode's mutex guards it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/wire/types.h"
#include "fs/cache/range_set.h"

namespace lace::fs {

using wire::Extent;

inline constexpr uint64_t end_of_everything = UINT64_MAX;

class ExtentMap {
 public:
  static constexpr size_t max_extents = 16'384;  // more are forgotten and asked for again

  // `extents` are all there are in [begin, end).
  void learn(uint64_t begin, uint64_t end, const std::vector<Extent>& extents);
  // Just written: replaces what was in its range.
  void insert(const Extent& extent);
  // Just removed: a hole now.
  void cut(uint64_t begin, uint64_t end);
  void clear();

  bool knows(uint64_t begin, uint64_t end) const { return known_.covers(begin, end); }
  uint64_t known_until(uint64_t begin) const { return known_.covered_until(begin); }
  // By offset, cut to the range.
  std::vector<Extent> within(uint64_t begin, uint64_t end) const;
  // Where data starts at or after `offset`, and where it ends; none: no data known there.
  std::optional<Range> next_data(uint64_t offset) const;
  uint64_t bytes_within(uint64_t begin, uint64_t end) const;
  // Of the pages that overlap [begin, end), those that something maps a part of.
  uint64_t pages_within(uint64_t begin, uint64_t end) const;
  size_t size() const { return extents_.size(); }

 private:
  void erase(uint64_t begin, uint64_t end);

  std::map<uint64_t, Extent> extents_;  // by file offset
  RangeSet known_;
};

// The part of an extent inside [begin, end), which it must touch.
Extent clip(const Extent& extent, uint64_t begin, uint64_t end);

}  // namespace lace::fs
