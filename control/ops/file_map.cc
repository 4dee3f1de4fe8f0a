#include "control/ops/file_map.h"

#include <algorithm>
#include <limits>

#include "common/base/check.h"

namespace lace::control {
namespace {

using wire::Extent;

constexpr uint32_t extents_at_once = 1'000;

uint64_t page_down(uint64_t offset) { return offset / page_bytes * page_bytes; }
uint64_t page_up(uint64_t offset) { return page_down(offset + page_bytes - 1); }
uint64_t end_of(const Extent& extent) { return extent.offset + extent.length; }
uint64_t block_end_of(const Extent& extent) { return extent.block_offset + extent.length; }

// The part of an extent in [start, end), which is not empty.
Extent part_of(const Extent& extent, uint64_t start, uint64_t end) {
  const uint64_t from = std::max(extent.offset, start);
  const uint64_t to = std::min(end_of(extent), end);
  return {from, to - from, extent.block, extent.block_offset + (from - extent.offset)};
}

bool overlaps(const Extent& extent, uint64_t start, uint64_t end) { return extent.offset < end && end_of(extent) > start; }

// File pages in [start, end) that extents touch; they are in order, start and end at pages.
uint64_t pages_touched(const std::vector<Extent>& extents, uint64_t start, uint64_t end) {
  uint64_t pages = 0;
  uint64_t counted_to = start / page_bytes;
  for (const Extent& extent : extents) {
    if (!overlaps(extent, start, end)) continue;
    const uint64_t first = std::max(extent.offset / page_bytes, counted_to);
    const uint64_t last = page_up(std::min(end_of(extent), end)) / page_bytes;
    if (last > first) pages += last - first;
    counted_to = std::max(counted_to, last);
  }
  return pages;
}

// Appends, or makes the last one longer if the bytes go on in the same block.
void append(std::vector<Extent>& extents, const Extent& extent) {
  if (!extents.empty()) {
    Extent& last = extents.back();
    if (last.block == extent.block && end_of(last) == extent.offset && block_end_of(last) == extent.block_offset) {
      last.length += extent.length;
      return;
    }
  }
  extents.push_back(extent);
}

// `old` without [start, end), and with `added` there.
std::vector<Extent> rebuilt(const std::vector<Extent>& old, uint64_t start, uint64_t end, const Extent* added) {
  std::vector<Extent> fresh;
  for (const Extent& extent : old) {
    if (extent.offset < start) append(fresh, part_of(extent, 0, start));
  }
  if (added != nullptr) append(fresh, *added);
  for (const Extent& extent : old) {
    if (end_of(extent) > end) append(fresh, part_of(extent, end, std::numeric_limits<uint64_t>::max()));
  }
  return fresh;
}

void reference(Store& store, BlockId block) { ++store.blocks.edit(block).references; }

// Packs have no byte at its own offset, on purpose.
bool lies_in_own_block(const Extent& extent) { return extent.offset % block_bytes == extent.block_offset; }

void unreference(Store& store, FreedSpace& freed, const Extent& extent) {
  Block& block = store.blocks.edit(extent.block);
  CHECK(block.references > 0);
  if (--block.references == 0) freed.unreferenced(extent.block, lies_in_own_block(extent));
}

// Both by offset. New references come first, so that a block that stays in use is never seen unused.
void store_difference(Store& store, FreedSpace& freed, InodeId inode, const std::vector<Extent>& old,
                      const std::vector<Extent>& fresh) {
  for (const Extent& extent : fresh) reference(store, extent.block);
  auto was = old.begin();
  for (const Extent& extent : fresh) {
    for (; was != old.end() && was->offset < extent.offset; ++was) store.extents.erase(inode, was->offset);
    if (was == old.end() || was->offset != extent.offset) {
      store.extents.insert(inode, extent);
      continue;
    }
    if (was->length != extent.length || was->block != extent.block || was->block_offset != extent.block_offset) {
      store.extents.replace(inode, extent);
    }
    ++was;
  }
  for (; was != old.end(); ++was) store.extents.erase(inode, was->offset);
  for (const Extent& extent : old) unreference(store, freed, extent);
}

// Frees the block pages of `gone` that no extent of `left` touches.
void free_pages(FreedSpace& freed, const Extent& gone, const std::vector<Extent>& left) {
  std::vector<std::pair<uint64_t, uint64_t>> touched;  // block pages
  for (const Extent& extent : left) {
    if (extent.block == gone.block)
      touched.emplace_back(extent.block_offset / page_bytes, page_up(block_end_of(extent)) / page_bytes);
  }
  std::sort(touched.begin(), touched.end());
  uint64_t page = gone.block_offset / page_bytes;
  const uint64_t end = page_up(block_end_of(gone)) / page_bytes;
  for (const auto& [first, behind] : touched) {
    if (first >= end) break;
    if (first > page) freed.pages(gone.block, page, first);
    page = std::max(page, behind);
  }
  if (page < end) freed.pages(gone.block, page, end);
}

// Replaces what the file has in [start, end) by `added`, or by nothing. True: it had something there.
bool replace_range(Store& store, FreedSpace& freed, Inode& inode, uint64_t start, uint64_t end, const Extent* added) {
  wire::Attributes& attributes = inode.attributes;
  if (attributes.stored == 0) {  // no extents at all: most files are written once
    if (added == nullptr) return false;
    store.extents.insert(attributes.inode, *added);
    reference(store, added->block);
    attributes.stored = page_up(end) - page_down(start);
    return false;
  }
  const uint64_t first = page_down(start);
  const uint64_t last = page_up(end);
  const auto old = extents_around(store, attributes.inode, first, last);
  const auto fresh = rebuilt(old, start, end, added);
  const uint64_t pages_before = pages_touched(old, first, last);
  const uint64_t pages_after = pages_touched(fresh, first, last);
  CHECK(attributes.stored / page_bytes >= pages_before);
  attributes.stored += (pages_after - pages_before) * page_bytes;  // unsigned arithmetic: right for less, too
  store_difference(store, freed, attributes.inode, old, fresh);
  bool removed = false;
  for (const Extent& extent : old) {
    if (!overlaps(extent, start, end)) continue;
    removed = true;
    free_pages(freed, part_of(extent, start, end), fresh);
  }
  return removed;
}

}  // namespace

std::vector<Extent> extents_around(Store& store, InodeId inode, uint64_t start, uint64_t end) {
  std::vector<Extent> found;
  if (const auto before = store.extents.before(inode, start); before && end_of(*before) >= start) found.push_back(*before);
  store.extents.starting_in(inode, start, end, std::numeric_limits<uint32_t>::max(), found);
  return found;
}

bool map_extent(Store& store, FreedSpace& freed, Inode& inode, const Extent& extent) {
  return replace_range(store, freed, inode, extent.offset, end_of(extent), &extent);
}

bool cut_some(Store& store, FreedSpace& freed, Inode& inode, uint64_t start, uint64_t end, uint32_t max_extents,
              uint64_t& next) {
  next = end;
  if (inode.attributes.stored == 0) return false;
  const auto further = store.extents.nth_start(inode.attributes.inode, start, max_extents);
  if (further && *further < end) next = *further;
  return replace_range(store, freed, inode, start, next, nullptr);
}

bool cut_range(Store& store, FreedSpace& freed, Inode& inode, uint64_t start, uint64_t end) {
  bool removed = false;
  while (start < end) {
    uint64_t next = end;
    removed = cut_some(store, freed, inode, start, end, extents_at_once, next) || removed;
    start = next;
  }
  return removed;
}

void FreedSpace::pages(BlockId block, uint64_t first_page, uint64_t end_page) {
  CHECK(first_page < end_page && end_page <= block_pages);
  Range range{end_page, awaited_};
  auto next = ranges_.lower_bound({block, first_page});
  if (next != ranges_.begin()) {
    const auto before = std::prev(next);
    if (before->first.first == block && before->second.end >= first_page) {
      first_page = before->first.second;
      range = {std::max(range.end, before->second.end), range.awaited || before->second.awaited};
      next = ranges_.erase(before);
    }
  }
  while (next != ranges_.end() && next->first.first == block && next->first.second <= range.end) {
    range = {std::max(range.end, next->second.end), range.awaited || next->second.awaited};
    next = ranges_.erase(next);
  }
  ranges_.emplace_hint(next, std::pair{block, first_page}, range);
}

bool FreedSpace::overlaps(BlockId block, uint64_t offset, uint64_t length) const {
  if (ranges_.empty()) return false;
  const auto next = ranges_.lower_bound({block, page_up(offset + length) / page_bytes});
  if (next == ranges_.begin()) return false;
  const auto& [key, range] = *std::prev(next);
  return key.first == block && range.end > offset / page_bytes;
}

// Only where something was freed by this commit, which is waited for as that is.
void FreedSpace::whole(BlockId block) {
  const auto first = ranges_.lower_bound({block, 0});
  if (first == ranges_.end() || first->first.first != block) return;
  awaited_ = false;  // unless one of the ranges is
  pages(block, 0, block_pages);
}

FreedSpace::Settled FreedSpace::settle(Store& store, SessionId session, uint32_t slot) {
  Settled settled;
  for (const auto& [id, own] : blocks_) {
    settled.deletes = delete_if_unused(store, id) || settled.deletes;
    const Block* block = store.blocks.find(id);
    if (own && block != nullptr && block->references == 0) whole(id);
  }
  for (const auto& [key, range] : ranges_) {
    const auto& [block, first_page] = key;
    if (store.blocks.find(block) == nullptr) continue;
    PendingPunch punch{0, block, first_page * page_bytes, (range.end - first_page) * page_bytes};
    store.punches.insert(punch, range.awaited ? session : SessionId{0}, range.awaited ? slot : 0);
    (range.awaited ? settled.awaited : settled.deferred).push_back(punch);
  }
  return settled;
}

bool delete_if_unused(Store& store, BlockId id) {
  const Block* block = store.blocks.find(id);
  if (block == nullptr || block->references > 0 || block->session != SessionId{0}) return false;
  for (const auto* list : {&block->info.in_sync, &block->info.filling, &block->dropped}) {
    for (const ServerId server : *list) store.deletes.insert(server, id);
  }
  store.punches.erase_block(id);
  store.blocks.erase(id);
  return true;
}

}  // namespace lace::control
