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

// Block pages that pages of a file use.
struct Use {
  BlockId block{};
  uint64_t first = 0;  // block pages
  uint64_t end = 0;
  uint64_t from_file = 0;  // added to a page of the file: the block page; modulo 2^64
};

Use use_of(const Extent& extent) {
  const uint64_t first = extent.block_offset / page_bytes;
  return {extent.block, first, page_up(block_end_of(extent)) / page_bytes, first - extent.offset / page_bytes};
}

// What these extents of one file, which are by offset, use: pieces of a page that lie on one block page are one use of it.
std::vector<Use> uses_of(const std::vector<Extent>& extents) {
  std::vector<Use> uses;
  std::vector<std::pair<BlockId, uint64_t>> of_page;  // block pages that the last page of the file has so far
  uint64_t page = std::numeric_limits<uint64_t>::max();
  for (const Extent& extent : extents) {
    Use use = use_of(extent);
    const uint64_t first_page = extent.offset / page_bytes;
    const uint64_t last_page = (end_of(extent) - 1) / page_bytes;
    const std::pair last{extent.block, use.end - 1};
    const std::pair first{extent.block, use.first};
    if (first_page == page && std::find(of_page.begin(), of_page.end(), first) != of_page.end()) ++use.first;
    if (last_page != page) of_page.clear();
    page = last_page;
    of_page.push_back(last);
    if (use.first < use.end) uses.push_back(use);
  }
  return uses;
}

void lose_user(Store& store, FreedSpace& freed, BlockId block, uint64_t first, uint64_t end) {
  for (const auto& [from, to] : store.shared.remove_user(block, first, end)) freed.pages(block, from, to);
}

// The file does not use these pages any more, but for those that extents of `left` touch at the same place.
void end_use(Store& store, FreedSpace& freed, const Use& gone, const std::vector<Extent>& left) {
  std::vector<std::pair<uint64_t, uint64_t>> touched;  // block pages
  for (const Extent& extent : left) {
    const Use use = use_of(extent);
    if (use.block == gone.block && use.from_file == gone.from_file) touched.emplace_back(use.first, use.end);
  }
  std::sort(touched.begin(), touched.end());
  uint64_t page = gone.first;
  for (const auto& [first, behind] : touched) {
    if (first >= gone.end) break;
    if (first > page) lose_user(store, freed, gone.block, page, first);
    page = std::max(page, behind);
  }
  if (page < gone.end) lose_user(store, freed, gone.block, page, gone.end);
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
  std::vector<Extent> gone;
  for (const Extent& extent : old) {
    if (overlaps(extent, start, end)) gone.push_back(part_of(extent, start, end));
  }
  for (const Use& use : uses_of(gone)) end_use(store, freed, use, fresh);
  return !gone.empty();
}

}  // namespace

std::vector<Extent> extents_around(Store& store, InodeId inode, uint64_t start, uint64_t end) {
  std::vector<Extent> found;
  if (const auto before = store.extents.before(inode, start); before && end_of(*before) >= start) found.push_back(*before);
  store.extents.starting_in(inode, start, end, std::numeric_limits<uint32_t>::max(), found);
  return found;
}

void add_users(Store& store, const std::vector<Extent>& extents) {
  for (const Use& use : uses_of(extents)) store.shared.add_user(use.block, use.first, use.end);
}

void share_extents(Store& store, InodeId inode, const std::vector<Extent>& extents) {
  for (const Extent& extent : extents) {
    store.extents.insert(inode, extent);
    reference(store, extent.block);
  }
  add_users(store, extents);
}

std::vector<Extent> with_shared(Store& store, const std::vector<Extent>& extents) {
  if (store.shared.empty()) return extents;
  std::vector<Extent> pieces;
  const auto add = [&](const Extent& extent, uint64_t from, uint64_t to, bool shared) {  // in the block
    from = std::max(from, extent.block_offset);
    to = std::min(to, block_end_of(extent));
    if (from < to) pieces.push_back({extent.offset + (from - extent.block_offset), to - from, extent.block, from, shared});
  };
  for (const Extent& extent : extents) {
    const Use use = use_of(extent);
    uint64_t at = extent.block_offset;
    for (const auto& [first, end] : store.shared.within(use.block, use.first, use.end)) {
      add(extent, at, first * page_bytes, false);
      add(extent, first * page_bytes, end * page_bytes, true);
      at = end * page_bytes;
    }
    add(extent, at, block_end_of(extent), false);
  }
  return pieces;
}

bool is_shared(Store& store, const Extent& extent) {
  const Use use = use_of(extent);
  return store.shared.overlaps(use.block, use.first, use.end);
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

void stop_placing(Store& store, BlockId id) {
  if (store.blocks.find(id)->session == SessionId{0}) return;
  store.blocks.edit(id).session = SessionId{0};
  store.placed.erase_block(id);
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
