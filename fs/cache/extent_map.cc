#include "fs/cache/extent_map.h"

#include <algorithm>
#include <iterator>

namespace lace::fs {

namespace {

bool continues(const Extent& left, const Extent& right) {
  return left.offset + left.length == right.offset && left.block == right.block &&
         left.block_offset + left.length == right.block_offset && left.shared == right.shared;
}

}  // namespace

Extent clip(const Extent& extent, uint64_t begin, uint64_t end) {
  const uint64_t from = std::max(begin, extent.offset);
  const uint64_t to = std::min(end, extent.offset + extent.length);
  return {from, to - from, extent.block, extent.block_offset + (from - extent.offset), extent.shared};
}

void ExtentMap::learn(uint64_t begin, uint64_t end, const std::vector<Extent>& extents) {
  if (extents_.size() + extents.size() > max_extents) clear();
  erase(begin, end);
  known_.add(begin, end);
  for (const Extent& extent : extents) {
    if (extent.offset < end && extent.offset + extent.length > begin) insert(clip(extent, begin, end));
  }
}

void ExtentMap::insert(const Extent& extent) {
  if (extent.length == 0) return;
  erase(extent.offset, extent.offset + extent.length);
  known_.add(extent.offset, extent.offset + extent.length);
  auto at = extents_.emplace(extent.offset, extent).first;
  if (const auto next = std::next(at); next != extents_.end() && continues(at->second, next->second)) {
    at->second.length += next->second.length;
    extents_.erase(next);
  }
  if (at == extents_.begin()) return;
  if (const auto before = std::prev(at); continues(before->second, at->second)) {
    before->second.length += at->second.length;
    extents_.erase(at);
  }
}

void ExtentMap::cut(uint64_t begin, uint64_t end) {
  erase(begin, end);
  known_.add(begin, end);
}

void ExtentMap::clear() {
  extents_.clear();
  known_.clear();
}

std::vector<Extent> ExtentMap::within(uint64_t begin, uint64_t end) const {
  std::vector<Extent> result;
  auto at = extents_.upper_bound(begin);
  if (at != extents_.begin() && std::prev(at)->second.offset + std::prev(at)->second.length > begin) at = std::prev(at);
  for (; at != extents_.end() && at->first < end; ++at) result.push_back(clip(at->second, begin, end));
  return result;
}

std::optional<Range> ExtentMap::next_data(uint64_t offset) const {
  auto at = extents_.upper_bound(offset);
  if (at != extents_.begin() && std::prev(at)->second.offset + std::prev(at)->second.length > offset) at = std::prev(at);
  if (at == extents_.end()) return std::nullopt;
  Range data{std::max(offset, at->first), at->first + at->second.length};
  for (++at; at != extents_.end() && at->first == data.end; ++at) data.end += at->second.length;
  return data;
}

uint64_t ExtentMap::bytes_within(uint64_t begin, uint64_t end) const {
  uint64_t bytes = 0;
  for (const Extent& extent : within(begin, end)) bytes += extent.length;
  return bytes;
}

uint64_t ExtentMap::pages_within(uint64_t begin, uint64_t end) const {
  const uint64_t first = begin / page_bytes;
  const uint64_t last = (end + page_bytes - 1) / page_bytes;
  uint64_t pages = 0;
  uint64_t counted_to = first;
  for (const Extent& extent : within(first * page_bytes, last * page_bytes)) {
    const uint64_t from = std::max(counted_to, extent.offset / page_bytes);
    counted_to = std::max(counted_to, (extent.offset + extent.length + page_bytes - 1) / page_bytes);
    pages += counted_to - std::min(counted_to, from);
  }
  return pages;
}

void ExtentMap::erase(uint64_t begin, uint64_t end) {
  if (begin >= end) return;
  auto at = extents_.upper_bound(begin);
  if (at != extents_.begin() && std::prev(at)->second.offset + std::prev(at)->second.length > begin) at = std::prev(at);
  while (at != extents_.end() && at->first < end) {
    const Extent old = at->second;
    const uint64_t old_end = old.offset + old.length;
    at = extents_.erase(at);
    if (old.offset < begin) extents_.emplace(old.offset, clip(old, old.offset, begin));
    if (old_end > end) extents_.emplace(end, clip(old, end, old_end));
  }
}

}  // namespace lace::fs
