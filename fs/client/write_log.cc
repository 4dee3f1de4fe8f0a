#include "fs/client/write_log.h"

#include <algorithm>

namespace lace::fs {

uint64_t WriteLog::wrote(const std::map<BlockId, Epoch>& blocks) {
  const std::lock_guard lock(mutex_);
  ++number_;
  for (const auto& [block, epoch] : blocks) {
    State& state = blocks_[block];
    state.written = number_;
    state.since = state.since == 0 ? epoch : std::min(state.since, epoch);
  }
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

void WriteLog::synced(const std::vector<BlockId>& blocks, uint64_t begun_at, const std::map<BlockId, Epoch>& accepted) {
  const std::lock_guard lock(mutex_);
  for (const BlockId block : blocks) {
    const auto found = blocks_.find(block);
    if (found == blocks_.end()) continue;
    State& state = found->second;
    if (const auto at = accepted.find(block); at != accepted.end() && at->second > state.since && begun_at > state.synced) {
      Range& range = lost_.try_emplace(block, Range{state.synced, begun_at}).first->second;
      range.last = std::max(range.last, begun_at);
      trouble_ = {Code::io, what_was_lost};
      state.since = at->second;  // of what was written since it began
    }
    state.synced = std::max(state.synced, begun_at);
    if (state.synced >= state.written) blocks_.erase(found);
  }
}

bool WriteLog::lost(const std::vector<Written>& writes) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(writes.begin(), writes.end(), [&](const Written& write) {
    const auto found = lost_.find(write.first);
    return found != lost_.end() && found->second.after < write.second && write.second <= found->second.last;
  });
}

void WriteLog::failed(const Error& error) {
  const std::lock_guard lock(mutex_);
  trouble_ = error;
}

Status WriteLog::take_trouble() {
  const std::lock_guard lock(mutex_);
  Error trouble = std::exchange(trouble_, {Code{}, {}});
  if (trouble.code == Code{}) return {};
  return tl::unexpected<Error>(std::move(trouble));
}

}  // namespace lace::fs
