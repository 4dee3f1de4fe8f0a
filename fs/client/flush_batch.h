// What one step of a flush works on. For flush.cc, staging.cc and allocate.cc only.
#pragma once

#include "fs/cache/placement.h"
#include "fs/client/file_data.h"

namespace lace::fs {

// By how much the file takes more with it. Whole pages; those that were mapped in part were counted already.
inline uint64_t new_bytes(const ExtentMap& known, const Extent& extent) {
  const uint64_t end = extent.offset + extent.length;
  const uint64_t pages = (page_ceil(end) - page_floor(extent.offset)) / page_bytes;
  return (pages - known.pages_within(extent.offset, end)) * page_bytes;
}

struct FileData::Batch {
  DirtySnapshot data;
  bool touched = false;  // a Write is due, be it without bytes
  FileTime written;
  uint64_t layout = 0;
  uint64_t cuts = 0;
  uint64_t file_end = 0;    // with what is in memory
  uint64_t stored_end = 0;  // as control knows it
  std::vector<wire::SetAttributes> attributes;
  uint64_t attributes_version = 0;
};

struct FileData::Plan {
  InodeId inode{};
  uint64_t file_end = 0;
  bool refused = false;  // an earlier placement was
  uint64_t layout = 0;
  ExtentMap extents;  // copies of what is known of the chunks that are written
  std::unordered_map<uint64_t, BlockId> own_blocks;
  std::unordered_map<uint64_t, BlockId> new_own_blocks;
  std::vector<BlockId> taken;  // of these, from the pool: nothing of any file is in them yet
};

}  // namespace lace::fs
