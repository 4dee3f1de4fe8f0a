#include "fs/client/write_log.h"

#include <algorithm>

namespace lace::fs {

uint64_t WriteLog::wrote(const std::vector<BlockId>& blocks) {
  const std::lock_guard lock(mutex_);
  ++number_;
  for (const BlockId block : blocks) blocks_[block].written = number_;
  return number_;
}

std::vector<BlockId> WriteLog::unsynced(const std::vector<Written>& writes) const {
  const std::lock_guard lock(mutex_);
  std::vector<BlockId> result;
  for (const auto& [block, number] : writes) {
    const auto found = blocks_.find(block);
    if (found != blocks_.end() && found->second.synced < number) result.push_back(block);
  }
  return result;
}

std::vector<BlockId> WriteLog::unsynced() const {
  const std::lock_guard lock(mutex_);
  std::vector<BlockId> result;
  for (const auto& [block, state] : blocks_) result.push_back(block);
  return result;
}

uint64_t WriteLog::begin_sync() const {
  const std::lock_guard lock(mutex_);
  return number_;
}

void WriteLog::synced(const std::vector<BlockId>& blocks, uint64_t begun_at) {
  const std::lock_guard lock(mutex_);
  for (const BlockId block : blocks) {
    const auto found = blocks_.find(block);
    if (found == blocks_.end()) continue;
    found->second.synced = std::max(found->second.synced, begun_at);
    if (found->second.synced >= found->second.written) blocks_.erase(found);
  }
}

}  // namespace lace::fs
