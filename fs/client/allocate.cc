// FileData: where new pages go. Small files into packs; larger ones into blocks of their own, one for each chunk of 64 MiB, at
// block offset == file offset within the chunk.
#include "fs/client/flush_batch.h"

namespace lace::fs {

namespace {

uint64_t chunk_of(uint64_t offset) { return offset / block_bytes; }

}  // namespace

// Only a chunk's own block has its pages at their own offset: packs avoid that on purpose. And only where this session
// allocated it, nobody else may be placing pages in it.
std::optional<BlockId> FileData::recognise(const ExtentMap& extents, uint64_t chunk) const {
  for (const Extent& extent : extents.within(chunk * block_bytes, (chunk + 1) * block_bytes)) {
    if (extent.offset % block_bytes == extent.block_offset && !extent.shared && core_.pool.is_ours(extent.block))
      return extent.block;
  }
  return std::nullopt;
}

// Copies the extents of all that is written, and the layout they belong to, at one moment.
Status FileData::know_extents(net::Caller& caller, Inode& inode, const std::vector<Range>& runs, Plan& plan) {
  for (;;) {
    std::optional<Range> unknown;
    {
      const std::lock_guard lock(inode.mutex);
      plan.extents.clear();
      plan.layout = inode.attributes.layout;
      plan.own_blocks = inode.own_blocks;
      for (const Range& run : runs) {
        const Range pages{page_floor(run.begin), page_ceil(run.end)};
        if (!knows(inode, pages.begin, pages.end)) {
          unknown = pages;
          break;
        }
        const uint64_t begin = chunk_of(pages.begin) * block_bytes;
        const uint64_t end = (chunk_of(pages.end - 1) + 1) * block_bytes;
        if (plan.extents.knows(begin, end)) continue;
        if (inode.extents.size() <= 256 && inode.extents.knows(begin, end)) {
          plan.extents.learn(begin, end, inode.extents.within(begin, end));
        } else {
          plan.extents.learn(pages.begin, pages.end, inode.extents.within(pages.begin, pages.end));
          if (auto own = recognise(inode.extents, chunk_of(pages.begin)); own)
            plan.own_blocks.emplace(chunk_of(pages.begin), *own);
        }
      }
    }
    if (!unknown) return {};
    if (auto fetched = fetch_extents(caller, inode, unknown->begin, unknown->end); !fetched) return fetched;
  }
}

Result<std::vector<Extent>> FileData::allocate(net::Caller& caller, Plan& plan, Range pages) {
  std::vector<Extent> result;
  const bool has_own = plan.own_blocks.contains(0) || plan.new_own_blocks.contains(0) || recognise(plan.extents, 0);
  if (plan.file_end <= small_file_bytes && pages.end <= small_file_bytes && !has_own) {
    auto extent = core_.pool.pack(caller, pages);
    if (!extent) return pass(extent);
    result.push_back(*extent);
    return result;
  }
  while (pages.begin < pages.end) {
    const uint64_t chunk = chunk_of(pages.begin);
    auto block = own_block(caller, plan, chunk);
    if (!block) return pass(block);
    const uint64_t end = std::min(pages.end, (chunk + 1) * block_bytes);
    result.push_back({pages.begin, end - pages.begin, *block, pages.begin % block_bytes});
    pages.begin = end;
  }
  return result;
}

// After control refused a placement, the file's blocks are not trusted: a new one is always right.
Result<BlockId> FileData::own_block(net::Caller& caller, Plan& plan, uint64_t chunk) {
  if (const auto known = plan.own_blocks.find(chunk); known != plan.own_blocks.end()) return known->second;
  if (const auto known = plan.new_own_blocks.find(chunk); known != plan.new_own_blocks.end()) return known->second;
  if (!plan.refused) {
    if (const auto own = recognise(plan.extents, chunk)) {
      plan.new_own_blocks.emplace(chunk, *own);
      return *own;
    }
  }
  auto block = core_.pool.take(caller);
  if (!block) return block;
  plan.new_own_blocks.emplace(chunk, *block);
  plan.taken.push_back(*block);
  return block;
}

}  // namespace lace::fs
