// Where blocks are, as last heard. Bounded, the least recently used goes first. Thread-safe.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "common/wire/types.h"

namespace lace::fs {

class BlockCache {
 public:
  static constexpr size_t max_blocks = 65'536;
  using Info = std::shared_ptr<const wire::BlockInfo>;

  Info find(BlockId block);  // null: not known
  // An older epoch never replaces a newer one.
  void put(const wire::BlockInfo& block);
  void put(const std::vector<wire::BlockInfo>& blocks);
  void erase(BlockId block);

 private:
  void put_locked(const wire::BlockInfo& block);

  std::mutex mutex_;
  std::list<Info> recent_;  // the latest first
  std::unordered_map<BlockId, std::list<Info>::iterator> blocks_;
};

}  // namespace lace::fs
