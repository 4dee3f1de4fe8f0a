// What the bytes of blocks may be, by what clients were told. The unit is the sector, 512 bytes: a disk writes it whole or not
// at all. Each has one writer at a time, which numbers its versions; the bytes of a version say which one they are. A version
// may also be zeros: 0, and those made by punching.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/ids.h"

namespace lace::sim {

inline constexpr uint64_t sector_bytes = 512;

using Version = uint32_t;

// The bytes of a version that is not zeros.
void write_sector(char* into, BlockId block, uint64_t sector, Version version);
struct SectorRead {
  bool zeros = false;
  Version version = 0;   // if it is not zeros
  bool strange = false;  // neither zeros nor a version of this sector
};
SectorRead read_sector(const char* bytes, BlockId block, uint64_t sector);

class BlockModel {
 public:
  struct Sector {
    Version tried = 0;   // written, or perhaps written
    Version acked = 0;   // answered: this one or a newer one is read
    Version synced = 0;  // survives everything
    Version owed = 0;    // answered, though it may be lost by now: a sync that succeeds makes it last, or has to fail
    std::set<Version> zeros{0};
  };
  struct Span {  // of sectors
    BlockId block{};
    uint64_t first = 0;
    uint64_t count = 0;
    bool operator==(const Span&) const = default;
  };

  // A change of the span begins: answers the number of each sector's new version.
  std::vector<Version> begin_change(const Span& span, bool zeros);
  void acked(const Span& span, const std::vector<Version>& versions, uint64_t losses);
  // Before a sync: what it makes last. After it: that it did.
  std::map<uint64_t, Version> begin_sync(BlockId block) const;
  std::map<uint64_t, Version> begin_fsync(BlockId block) const;  // the same of what is owed
  std::map<uint64_t, Version> answered(BlockId block) const;     // of all that were written
  void synced(BlockId block, const std::map<uint64_t, Version>& versions, uint64_t losses);
  // Before a read: what must be seen at least. After it: what is wrong with the bytes; empty: nothing.
  std::vector<Version> begin_read(const Span& span) const;
  std::string check_read(const Span& span, const std::vector<Version>& floors, const char* bytes) const;
  // The same for the bytes of a copy while nobody writes: what is not synced may be one of several versions.
  bool is_settled(BlockId block, uint64_t sector) const;

  // All copies in sync lost power: what was not synced may be older now. How often that was.
  void lost(BlockId block);
  // Its writer was told of an error, or is gone: nobody is owed anything that was not synced.
  void forgive(BlockId block);
  // Those from `first` on that were ever written.
  std::vector<uint64_t> written_from(BlockId block, uint64_t first) const;
  uint64_t losses(BlockId block) const;

 private:
  const Sector& sector(BlockId block, uint64_t number) const;

  struct Block {
    uint64_t losses = 0;
    std::map<uint64_t, Sector> sectors;
  };
  std::map<BlockId, Block> blocks_;
};

}  // namespace lace::sim
