// Blocks allocated ahead of need, and the packs that small files are written into one after another. Thread-safe; the lock is
// not held while control is asked.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <mutex>
#include <unordered_set>

#include "fs/cache/placement.h"
#include "fs/client/block_map.h"

namespace lace::fs {

class BlockPool {
 public:
  static constexpr uint32_t batch = 16;  // blocks asked for at once
  static constexpr size_t low_mark = 6;  // fewer: more are fetched beside
  static constexpr size_t pack_count = 4;
  static constexpr size_t remembered = 1'000;  // control keeps the last 1,024 for us

  // `on_low` is called (any thread, no lock held) when refill() would be a good idea.
  BlockPool(ControlChannel& control, BlockMap& blocks, std::function<void()> on_low)
      : control_(control), blocks_(blocks), on_low_(std::move(on_low)) {}

  // A whole block. Errors: no_space, io, interrupted.
  Result<BlockId> take(net::Caller& caller);
  // One that was taken, and that no file got: what was written there stays until it is written over, so others are not taken
  // while the servers are full.
  void take_back(BlockId block);
  // Room for the pages of a small file. A page is given out once, whatever becomes of the file: somebody may have a right to it
  // for a minute more (common/access/tokens.h). Never at a block offset equal to the file offset within its chunk: that
  // equality is how a file's own blocks are recognised.
  Result<Extent> pack(net::Caller& caller, Range pages);
  Status refill(net::Caller& caller);
  // Whether this session allocated the block, and control still lets it place new pages there. All others are for
  // overwriting in place only.
  bool is_ours(BlockId block) const;
  // Pages of blocks of files were shared: new pages go to other blocks, where nobody has any. Packs go on, since they give out
  // each page once.
  void disown();
  // Its servers are away: no more is put there.
  void avoid(BlockId block);
  // The session was lost, and with it the right to write where nothing is yet.
  void forget();

 private:
  struct Pack {
    BlockId block{};
    uint64_t used = block_bytes;
  };
  Result<BlockId> take_ready();  // stale: none

  ControlChannel& control_;
  BlockMap& blocks_;
  const std::function<void()> on_low_;

  mutable std::mutex mutex_;
  std::deque<BlockId> ready_;
  std::deque<BlockId> allocated_;  // the latest at the end
  std::unordered_set<BlockId> ours_;
  std::array<Pack, pack_count> packs_;
  uint64_t epoch_ = 0;  // grows with forget()
};

}  // namespace lace::fs
