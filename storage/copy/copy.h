// One copy in memory: the little that is always there (Copy), and what is there while it is in use (OpenCopy).
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "common/base/clock.h"
#include "common/disk/disk.h"
#include "storage/copy/format.h"
#include "storage/copy/offload.h"
#include "storage/copy/page_table.h"

namespace lace::storage {

enum class State : uint8_t {
  whole = 1,
  filling = 2,  // has missing pages
  suspect = 3,  // may have lost writes in a crash: serves nothing until control says what counts
  dropped = 4,  // is no member of its block any more: kept, serves nothing
};

inline State state_of(StoredState stored) {
  if (stored == StoredState::filling) return State::filling;
  return stored == StoredState::dropped ? State::dropped : State::whole;
}

struct OpenCopy {
  std::shared_ptr<disk::File> file;
  PageTable table;
  uint64_t version = 0;  // grows with every change of pages: a read that ran beside one is done again

  // Changes of a copy are done one after another, in order; the first in line may be waiting for the disk.
  bool busy = false;
  bool draining = false;
  uint32_t write_first = 0, write_count = 0;  // pages that the change in hand is writing on another thread
  uint32_t readers = 0;                       // reads under way that need the file and the table to stay
  std::deque<std::function<void()>> queue;
  std::list<BlockId>::iterator used;  // place in the store's list of open copies

  bool is_being_written(uint32_t first, uint32_t count) const {
    return write_count > 0 && first < write_first + write_count && write_first < first + count;
  }
};

struct Copy {
  BlockId block{};
  Epoch epoch = 0;
  State state = State::whole;
  bool gone = false;           // removed or set aside; what still holds it must not use it
  bool on_disk = false;        // the file exists
  bool name_unsynced = false;  // its directory entry
  bool identity_unsynced = false;
  bool identity_behind = false;  // its page could not be written: who reads the file by himself may take it for what it was
  bool needs_reset = false;      // it was to become a hole, which failed half-way
  bool accepted = false;         // what is suspect counts, by the word of control; the epoch follows
  bool rotten = false;           // a page did not match its checksum, or a sync failed: told to control
  bool syncing = false;
  bool sync_failed = false;  // no later sync can make this copy durable
  RegionMask dirty = 0;      // marked so in the journal, durably
  RegionMask marking = 0;    // mark is under way
  RegionMask unsynced = 0;   // written since the last sync began
  RegionMask suspect = 0;    // dirty when the server went down; accepted only on control's word
  // Not 0: what it has is as of this epoch, and not all of its holes are known: it is to be compared with a source first. Pages
  // written from `joined` on are good.
  Epoch base = 0;
  Epoch joined = 0;
  uint32_t data_pages = 0;
  uint32_t missing_pages = 0;
  InodeId inode{};
  uint64_t file_offset = 0;
  Instant last_change{};  // of its pages
  Instant first_unsynced{};
  std::vector<Done> wait_marks;
  std::vector<Done> sync_now;   // covered by the sync that runs
  std::vector<Done> sync_next;  // need another one
  std::unique_ptr<OpenCopy> open;

  bool behind() const { return base != 0; }
  uint64_t stored_bytes() const { return data_pages * page_bytes; }
  uint64_t missing_bytes() const { return missing_pages * page_bytes; }
};
using CopyRef = std::shared_ptr<Copy>;

// As it is kept beside the journal, which knows more: that a copy is suspect (kept as whole), and as of when one is that is
// behind (kept as dropped).
inline StoredState stored_state(const Copy& copy) {
  if (copy.state == State::filling) return copy.behind() ? StoredState::dropped : StoredState::filling;
  return copy.state == State::dropped ? StoredState::dropped : StoredState::whole;
}

}  // namespace lace::storage
