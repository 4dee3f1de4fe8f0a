// Reads every copy that counts, from the disk and not from memory, and checks it: slowly, in order of the blocks' ids, going on
// where the last start of the server ended. A page that does not match is lost here, and is had from another copy. All on the
// loop's thread.
#pragma once

#include "common/disk/disk.h"
#include "common/net/transport.h"
#include "common/wire/types.h"
#include "storage/copy/copy_store.h"

namespace lace::storage {

// What is kept of it, in the file "scrub" of the data directory.
struct ScrubRecord {
  bool running = false;
  uint64_t order = 0;       // the last one that was followed
  BlockId behind{};         // of this scrub: these blocks are done
  uint64_t done_bytes = 0;  // likewise; or of the last one
  uint64_t all_bytes = 0;   // there were when it began
  uint64_t corrupt = 0;     // pages it found
  int64_t ended = 0;        // the last that came to its end, seconds since 1970; of a new server: its start
};
std::string encode_scrub(const ScrubRecord& record);
// Error: corrupt.
Result<ScrubRecord> decode_scrub(std::string_view text);

class Scrubber {
 public:
  Scrubber(net::Loop& loop, disk::Disk& disk, CopyStore& store) : loop_(loop), disk_(disk), store_(store) {}

  // Blocking, first. A record that can't be read is begun anew.
  void open();
  void set_limits(const wire::RepairLimits& limits) { limits_ = limits; }
  // An order that is newer than the last one begins a scrub, if none runs.
  void set_order(uint64_t order);
  void tick();  // every second: begins when it is time, keeps the record
  void stop() { stopped_ = true; }

  const ScrubRecord& record() const { return record_; }

 private:
  void begin(const char* why);
  void go_on();
  void next_block();
  void read_some();
  void end();
  void keep();

  net::Loop& loop_;
  disk::Disk& disk_;
  CopyStore& store_;
  wire::RepairLimits limits_;
  ScrubRecord record_;
  BlockId block_{};    // being read
  uint32_t page_ = 0;  // next
  bool reading_ = false;
  bool stopped_ = false;
  bool keeping_ = false;
  ScrubRecord kept_;
  Instant keep_next_{};
};

}  // namespace lace::storage
