// The rights of a session that is confined to a subtree: control gives them with each block, for the pages of one file or for a
// block that this mount allocated. Other sessions have one right to everything, and nothing in here. Bounded: when it is full
// it begins anew, since control gives every right again. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "common/base/clock.h"
#include "common/wire/types.h"

namespace lace::fs {

class BlockTokens {
 public:
  static constexpr size_t most_ranges = 200'000;
  using Token = std::shared_ptr<const std::string>;

  // The token of an answer that came just now, if it has one.
  void put(const wire::BlockInfo& block, Instant good_until);
  // One that is good for these bytes of the block (one at least); null: none is known.
  Token find(BlockId block, uint64_t offset, uint64_t length, Instant now) const;
  // One that is good for anything in the block.
  Token any(BlockId block, Instant now) const;
  // They were refused.
  void forget(BlockId block);

 private:
  struct Right {
    Token token;
    Instant good_until;
    bool good(Instant now) const { return token != nullptr && now < good_until; }
  };
  struct Pages {
    uint32_t end = 0;
    Right right;
  };
  struct Rights {
    Right whole;                      // good for every page
    Right latest;                     // good for some of them, or for none
    std::map<uint32_t, Pages> pages;  // by the first page; they do not overlap
  };
  void put_pages(Rights& rights, wire::PageRange range, const Right& right);

  mutable std::mutex mutex_;
  std::unordered_map<BlockId, Rights> blocks_;
  size_t ranges_ = 0;  // of all blocks, and one for each
};

}  // namespace lace::fs
