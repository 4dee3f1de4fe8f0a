// The map of a file: which bytes are where. Keeps what hangs on it exact: extents never overlap, `stored` is the number of
// file pages that extents touch, a block's references are the extents that point into it, and a page of a block is freed
// when no extent touches it any more.
//
// A page of a file has users of block pages: whether it still touches one can be seen from the extents of that one file page,
// since offsets in both are congruent modulo the page (Write checks that). A block page has one user, or is in the table of
// shared pages.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "control/store/store.h"

namespace lace::control {

// Collects what changes have freed, until the end of the commit: neighbours are merged, and what lies in a block that is
// deleted altogether need not be punched.
class FreedSpace {
 public:
  void pages(BlockId block, uint64_t first_page, uint64_t end_page);
  // Nothing points into the block any more. `own`: what did lay in it at its own offset in its chunk, as only the bytes of a
  // file lie to which the whole block belongs.
  void unreferenced(BlockId block, bool own) { blocks_[block] = own || blocks_[block]; }
  // Whether the commit's answer waits until what is freed from now on is punched.
  void set_awaited(bool awaited) { awaited_ = awaited; }
  // Whether any page of these bytes of a block is about to be punched.
  bool overlaps(BlockId block, uint64_t offset, uint64_t length) const;

  // Deletes the blocks that nothing points at and nobody keeps, and stores the punches of the others. A file's own block that a
  // session keeps is punched as a whole: what a store left there that failed for want of space is no file's, and nobody
  // comes back to it. `session` and `slot` are those of the commit that waits for the awaited ones.
  struct Settled {
    std::vector<PendingPunch> awaited;
    std::vector<PendingPunch> deferred;
    bool deletes = false;
  };
  Settled settle(Store& store, SessionId session, uint32_t slot);

 private:
  struct Range {
    uint64_t end = 0;
    bool awaited = false;
  };
  void whole(BlockId block);

  // By block and first page; ranges of one block neither overlap nor touch.
  std::map<std::pair<BlockId, uint64_t>, Range> ranges_;
  std::map<BlockId, bool> blocks_;  // had no references left at some moment; whether they were one file's
  bool awaited_ = false;
};

// Packs have no byte at its own offset in its chunk, on purpose.
inline bool lies_in_own_block(const wire::Extent& extent) { return extent.offset % block_bytes == extent.block_offset; }

// Nobody places anything more in the block: its pages are to be shared, and what is placed in a file's own block lies where the
// file's bytes were, which may be others' by then.
void stop_placing(Store& store, BlockId block);

// A block that nothing points at is gone unless a session keeps it: puts its copies into the table of deletes.
bool delete_if_unused(Store& store, BlockId block);

// Maps the extent's range to where it says; what was there is freed. True: something was.
bool map_extent(Store& store, FreedSpace& freed, Inode& inode, const wire::Extent& extent);
// Cuts [start, end) out of the file; pages are freed when no extent touches them any more. True: something was there.
bool cut_range(Store& store, FreedSpace& freed, Inode& inode, uint64_t start, uint64_t end);
// The same, but visits only about `max_extents` extents; `next` is then where to go on, else `end`.
bool cut_some(Store& store, FreedSpace& freed, Inode& inode, uint64_t start, uint64_t end, uint32_t max_extents,
              uint64_t& next);

// A whole file's extents for a new file, which shares them. `stored` is the caller's.
void share_extents(Store& store, InodeId inode, const std::vector<wire::Extent>& extents);
// Notes that the pages of extents which are in the map have one user more: the same, at other places.
void add_users(Store& store, const std::vector<wire::Extent>& extents);
// The same extents, in pieces that are shared or not, and say so.
std::vector<wire::Extent> with_shared(Store& store, const std::vector<wire::Extent>& extents);
// Whether any page that the extent touches has other users, too.
bool is_shared(Store& store, const wire::Extent& extent);

// The extents that overlap [start, end) and those that touch it, by offset.
std::vector<wire::Extent> extents_around(Store& store, InodeId inode, uint64_t start, uint64_t end);

}  // namespace lace::control
