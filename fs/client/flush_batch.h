// What one step of a flush works on. For flush.cc and allocate.cc only.
#pragma once

#include "fs/cache/placement.h"
#include "fs/client/file_data.h"

namespace lace::fs {

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
