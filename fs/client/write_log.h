// Which blocks were written and not yet synced on their servers. Writes are numbered, so that one sync serves all who wrote
// before it began; and what was lost in between, because all copies lost power, or was dropped. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"

namespace lace::fs {

inline constexpr const char* what_was_lost =
    "what was written and not synced may be lost: all servers that had it lost power; write it again";

class WriteLog {
 public:
  using Written = std::pair<BlockId, uint64_t>;  // a block, and the number of the write

  // After the servers answered, at these epochs; the number of these writes.
  uint64_t wrote(const std::map<BlockId, Epoch>& blocks);
  // Of these, the blocks that no sync has covered since.
  std::vector<BlockId> unsynced(const std::vector<Written>& writes) const;
  std::vector<BlockId> unsynced() const;

  uint64_t begin_sync() const;  // before the request
  // After it succeeded. `accepted`: of blocks that went on, since that epoch, with a copy that may have lost what was not
  // synced.
  void synced(const std::vector<BlockId>& blocks, uint64_t begun_at, const std::map<BlockId, Epoch>& accepted);
  // Whether one of these writes is lost.
  bool lost(const std::vector<Written>& writes) const;
  // Bytes were dropped that could not be written.
  void failed(const Error& error);
  // Whether any are lost or were dropped since this was asked last: for who syncs all.
  Status take_trouble();

 private:
  struct State {
    uint64_t written = 0;
    uint64_t synced = 0;
    Epoch since = 0;  // the lowest at which one of the unsynced was answered
  };
  struct Range {  // of numbers: behind `after`, up to `last`
    uint64_t after = 0;
    uint64_t last = 0;
  };
  mutable std::mutex mutex_;
  uint64_t number_ = 0;
  std::unordered_map<BlockId, State> blocks_;
  std::unordered_map<BlockId, Range> lost_;
  Error trouble_{Code{}, {}};  // untold; code 0: none
};

}  // namespace lace::fs
