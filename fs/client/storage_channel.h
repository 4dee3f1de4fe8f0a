// Bytes to and from the storage servers: several requests under way at once, and every one of them repeated over failures of
// servers until it is done or the mount's timeout ends. Thread-safe; uses the caller's thread only.
#pragma once

#include <atomic>
#include <map>
#include <span>
#include <vector>

#include "fs/client/block_map.h"
#include "fs/client/local_copies.h"

namespace lace::fs {

struct BlockWrite {
  BlockId block{};
  uint64_t offset = 0;  // in the block
  InodeId inode{};
  uint64_t file_offset = 0;
  Bytes bytes;  // 1 to max_io_bytes
};

struct BlockRead {
  BlockId block{};
  uint64_t offset = 0;
  uint64_t length = 0;  // 1 to max_io_bytes
  char* into = nullptr;
};

using BlockEpochs = std::map<BlockId, Epoch>;

struct WriteDone {
  BlockEpochs at;        // the lowest epoch at which a write was answered, of each block
  bool synced = false;   // they are on stable storage, and what was written to these blocks before
  BlockEpochs accepted;  // BlockInfo::accepted of those where there is one
};

class StorageChannel {
 public:
  static constexpr size_t window = 16;          // requests under way per call
  static constexpr Millis write_within{3'000};  // one try; a dead server is noticed at once, a mute one by this
  static constexpr Millis read_within{2'000};
  static constexpr Millis sync_within{20'000};

  // `local_reads`: copies on this machine may be read from their files.
  StorageChannel(BlockMap& blocks, bool local_reads) : blocks_(blocks), local_(blocks, local_reads) {}

  // Every in-sync member of each block has the bytes when it returns. Errors: stale (a block is gone: place the data
  // anew), no_space, denied, io, interrupted. Some of the writes may have been done then. With `sync` it tries to bring them to
  // stable storage of every member as well; sync() is to follow where it could not.
  Result<WriteDone> write(net::Caller& caller, std::span<const BlockWrite> writes, bool sync = false);
  // Errors: stale (a block is gone: ask for the extents again), io, corrupt (no copy is good), denied, interrupted.
  Status read(net::Caller& caller, std::span<const BlockRead> reads);
  // What was written to these blocks before is on stable storage of every member. Blocks that are gone are
  // fine. Errors: io, interrupted, no_space. Answers with BlockInfo::accepted of those where there is one: what was written
  // before that epoch, and not synced, may be lost.
  Result<BlockEpochs> sync(net::Caller& caller, const std::vector<BlockId>& blocks);

 private:
  class Writing;
  class Reading;
  class Syncing;
  BlockMap& blocks_;
  LocalCopies local_;
};

}  // namespace lace::fs
