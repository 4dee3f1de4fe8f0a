// Which blocks were written and not yet synced on their servers. Writes are numbered, so that one sync serves all who wrote
// before it began. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/ids.h"

namespace lace::fs {

class WriteLog {
 public:
  using Written = std::pair<BlockId, uint64_t>;  // a block, and the number of the write

  uint64_t wrote(const std::vector<BlockId>& blocks);  // after the servers answered; the number of these writes
  // Of these, the blocks that no sync has covered since.
  std::vector<BlockId> unsynced(const std::vector<Written>& writes) const;
  std::vector<BlockId> unsynced() const;

  uint64_t begin_sync() const;                                         // before the request
  void synced(const std::vector<BlockId>& blocks, uint64_t begun_at);  // after it succeeded

 private:
  struct State {
    uint64_t written = 0;
    uint64_t synced = 0;
  };
  mutable std::mutex mutex_;
  uint64_t number_ = 0;
  std::unordered_map<BlockId, State> blocks_;
};

}  // namespace lace::fs
