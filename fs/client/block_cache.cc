#include "fs/client/block_cache.h"

namespace lace::fs {

BlockCache::Info BlockCache::find(BlockId block) {
  const std::lock_guard lock(mutex_);
  const auto found = blocks_.find(block);
  if (found == blocks_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return *found->second;
}

void BlockCache::put(const wire::BlockInfo& block) {
  const std::lock_guard lock(mutex_);
  put_locked(block);
}

void BlockCache::put(const std::vector<wire::BlockInfo>& blocks) {
  const std::lock_guard lock(mutex_);
  for (const wire::BlockInfo& block : blocks) put_locked(block);
}

void BlockCache::put_locked(const wire::BlockInfo& block) {
  if (const auto found = blocks_.find(block.block); found != blocks_.end()) {
    if ((*found->second)->epoch <= block.epoch) *found->second = std::make_shared<const wire::BlockInfo>(block);
    recent_.splice(recent_.begin(), recent_, found->second);
    return;
  }
  recent_.push_front(std::make_shared<const wire::BlockInfo>(block));
  blocks_.emplace(block.block, recent_.begin());
  if (blocks_.size() <= max_blocks) return;
  blocks_.erase(recent_.back()->block);
  recent_.pop_back();
}

void BlockCache::erase(BlockId block) {
  const std::lock_guard lock(mutex_);
  const auto found = blocks_.find(block);
  if (found == blocks_.end()) return;
  recent_.erase(found->second);
  blocks_.erase(found);
}

}  // namespace lace::fs
