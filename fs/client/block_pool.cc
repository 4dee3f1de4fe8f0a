#include "fs/client/block_pool.h"

#include <thread>

#include "common/base/check.h"

namespace lace::fs {

namespace {

// Threads keep to a pack each, so that what one program writes lies together.
size_t pack_of_this_thread() {
  static std::atomic<size_t> next{0};
  thread_local const size_t mine = next++;
  return mine % BlockPool::pack_count;
}

uint64_t place_in_pack(uint64_t used, const Range& pages) {
  return used == pages.begin % block_bytes ? used + page_bytes : used;
}

}  // namespace

Result<BlockId> BlockPool::take_ready() {
  bool low = false;
  Result<BlockId> block = fail(Code::stale);
  {
    const std::lock_guard lock(mutex_);
    if (!ready_.empty()) {
      block = ready_.front();
      ready_.pop_front();
      low = ready_.size() == low_mark;
    }
  }
  if (low) on_low_();
  return block;
}

Result<BlockId> BlockPool::take(net::Caller& caller) {
  for (;;) {
    if (auto block = take_ready()) return block;
    if (auto filled = refill(caller); !filled) return pass(filled);
  }
}

void BlockPool::take_back(BlockId block) {
  const std::lock_guard lock(mutex_);
  if (ours_.contains(block)) ready_.push_front(block);
}

Status BlockPool::refill(net::Caller& caller) {
  uint64_t epoch = 0;
  {
    const std::lock_guard lock(mutex_);
    if (ready_.size() > low_mark) return {};
    epoch = epoch_;
  }
  wire::AllocateBlocks message;
  message.count = batch;
  auto reply = control_.ask(caller, message);
  if (!reply) return pass(reply);
  if (reply->blocks.empty()) return fail(Code::no_space, "control allocated no block");
  blocks_.learn(reply->blocks);
  const std::lock_guard lock(mutex_);
  if (epoch != epoch_) return {};
  for (const wire::BlockInfo& block : reply->blocks) {
    ready_.push_back(block.block);
    allocated_.push_back(block.block);
    ours_.insert(block.block);
  }
  for (; allocated_.size() > remembered; allocated_.pop_front()) ours_.erase(allocated_.front());
  return {};
}

bool BlockPool::is_ours(BlockId block) const {
  const std::lock_guard lock(mutex_);
  return ours_.contains(block);
}

Result<Extent> BlockPool::pack(net::Caller& caller, Range pages) {
  const size_t index = pack_of_this_thread();
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      Pack& pack = packs_[index];
      const uint64_t at = place_in_pack(pack.used, pages);
      if (at + pages.length() <= block_bytes) {
        pack.used = at + pages.length();
        return Extent{pages.begin, pages.length(), pack.block, at};
      }
    }
    auto block = take(caller);
    if (!block) return pass(block);
    const std::lock_guard lock(mutex_);
    Pack& pack = packs_[index];
    if (place_in_pack(pack.used, pages) + pages.length() <= block_bytes)
      ready_.push_front(*block);  // another thread was faster
    else
      pack = {*block, 0};
  }
}

void BlockPool::disown() {
  const std::lock_guard lock(mutex_);
  ours_ = {ready_.begin(), ready_.end()};
  allocated_ = ready_;
}

void BlockPool::avoid(BlockId block) {
  const std::lock_guard lock(mutex_);
  for (Pack& pack : packs_) {
    if (pack.block == block) pack = {};
  }
}

void BlockPool::forget() {
  const std::lock_guard lock(mutex_);
  ++epoch_;
  ready_.clear();
  allocated_.clear();
  ours_.clear();
  packs_.fill({});
}

}  // namespace lace::fs
