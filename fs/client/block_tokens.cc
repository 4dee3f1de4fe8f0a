#include "fs/client/block_tokens.h"

namespace lace::fs {

void BlockTokens::put(const wire::BlockInfo& block, Instant good_until) {
  if (block.token.empty()) return;
  const Right right{std::make_shared<const std::string>(block.token), good_until};
  const std::lock_guard lock(mutex_);
  if (ranges_ + block.pages.size() >= most_ranges) {
    blocks_.clear();
    ranges_ = 0;
  }
  const auto [found, is_new] = blocks_.try_emplace(block.block);
  Rights& rights = found->second;
  if (is_new) ++ranges_;
  (block.pages.empty() ? rights.whole : rights.latest) = right;
  for (const wire::PageRange& range : block.pages) {
    if (range.count > 0) put_pages(rights, range, right);
  }
}

// What is older keeps the pages that the newer one does not name.
void BlockTokens::put_pages(Rights& rights, wire::PageRange range, const Right& right) {
  const uint32_t end = range.first + range.count;
  auto at = rights.pages.lower_bound(range.first);
  if (at != rights.pages.begin()) {
    Pages& before = std::prev(at)->second;
    if (before.end > end && rights.pages.emplace(end, before).second) ++ranges_;
    before.end = std::min(before.end, range.first);
  }
  at = rights.pages.lower_bound(range.first);
  while (at != rights.pages.end() && at->first < end) {
    if (at->second.end > end && rights.pages.emplace(end, at->second).second) ++ranges_;
    at = rights.pages.erase(at);
    --ranges_;
  }
  rights.pages.emplace(range.first, Pages{end, right});
  ++ranges_;
}

BlockTokens::Token BlockTokens::find(BlockId block, uint64_t offset, uint64_t length, Instant now) const {
  const std::lock_guard lock(mutex_);
  const auto found = blocks_.find(block);
  if (found == blocks_.end()) return nullptr;
  const Rights& rights = found->second;
  if (rights.whole.good(now)) return rights.whole.token;
  const auto behind = rights.pages.upper_bound(static_cast<uint32_t>(offset / page_bytes));
  if (behind == rights.pages.begin()) return nullptr;
  const Pages& pages = std::prev(behind)->second;
  const bool covers = offset + length <= uint64_t{pages.end} * page_bytes;
  return covers && pages.right.good(now) ? pages.right.token : nullptr;
}

BlockTokens::Token BlockTokens::any(BlockId block, Instant now) const {
  const std::lock_guard lock(mutex_);
  const auto found = blocks_.find(block);
  if (found == blocks_.end()) return nullptr;
  if (found->second.whole.good(now)) return found->second.whole.token;
  return found->second.latest.good(now) ? found->second.latest.token : nullptr;
}

void BlockTokens::forget(BlockId block) {
  const std::lock_guard lock(mutex_);
  const auto found = blocks_.find(block);
  if (found == blocks_.end()) return;
  ranges_ -= 1 + found->second.pages.size();
  blocks_.erase(found);
}

}  // namespace lace::fs
