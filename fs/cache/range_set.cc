#include "fs/cache/range_set.h"

#include <algorithm>
#include <iterator>

namespace lace::fs {

void RangeSet::add(uint64_t begin, uint64_t end) {
  if (begin >= end) return;
  auto at = ranges_.upper_bound(begin);
  if (at != ranges_.begin() && std::prev(at)->second >= begin) at = std::prev(at);
  while (at != ranges_.end() && at->first <= end) {
    begin = std::min(begin, at->first);
    end = std::max(end, at->second);
    at = ranges_.erase(at);
  }
  ranges_.emplace_hint(at, begin, end);
}

void RangeSet::remove(uint64_t begin, uint64_t end) {
  if (begin >= end) return;
  auto at = ranges_.upper_bound(begin);
  if (at != ranges_.begin() && std::prev(at)->second > begin) at = std::prev(at);
  while (at != ranges_.end() && at->first < end) {
    const auto [first, last] = *at;
    at = ranges_.erase(at);
    if (first < begin) ranges_.emplace(first, begin);
    if (last > end) ranges_.emplace(end, last);
  }
}

bool RangeSet::covers(uint64_t begin, uint64_t end) const { return begin >= end || covered_until(begin) >= end; }

uint64_t RangeSet::covered_until(uint64_t begin) const {
  const auto after = ranges_.upper_bound(begin);
  if (after == ranges_.begin()) return begin;
  return std::max(begin, std::prev(after)->second);
}

std::vector<Range> RangeSet::all() const {
  std::vector<Range> result;
  result.reserve(ranges_.size());
  for (const auto& [begin, end] : ranges_) result.push_back({begin, end});
  return result;
}

}  // namespace lace::fs
