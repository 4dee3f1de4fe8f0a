// Where dirty bytes go. Pure: no I/O, no threads.
//
// The rules:
//  * What an extent maps is overwritten in place, byte for byte, unless its pages are shared: then what is dirty, and no more,
//  is
//    mapped anew.
//  * A page of a file has one home that is its own: the slack of a page that is mapped in part (a truncation cut its extent),
//  and
//    what moves out of a shared one, is mapped to the same page of the same block.
//  * What is mapped anew is mapped in whole pages and written explicitly: where it is not dirty it is written as zeros, so
//    that what was in the page before can never show.
//  * File offset and block offset are the same modulo a page.
#pragma once

#include <functional>
#include <vector>

#include "common/base/result.h"
#include "fs/cache/dirty_map.h"
#include "fs/cache/extent_map.h"

namespace lace::fs {

struct PlacedWrite {  // file bytes [offset, offset + length) go to the block
  uint64_t offset = 0;
  uint64_t length = 0;
  BlockId block{};
  uint64_t block_offset = 0;
};

struct Placement {
  std::vector<PlacedWrite> writes;  // by offset; merged where contiguous in the block
  std::vector<Extent> extents;      // new
};

// Finds space for whole pages [range) that nothing maps, or shared extents do; answers extents that cover them. Of the block
// pages that it answers nobody has any.
using Allocate = std::function<Result<std::vector<Extent>>(Range pages)>;

inline uint64_t page_floor(uint64_t offset) { return offset / page_bytes * page_bytes; }
inline uint64_t page_ceil(uint64_t offset) { return page_floor(offset + page_bytes - 1); }

// `extents` must know the page-rounded ranges of all runs; `runs` are by offset and do not touch.
Result<Placement> place(const std::vector<Range>& runs, const ExtentMap& extents, const Allocate& allocate);

}  // namespace lace::fs
