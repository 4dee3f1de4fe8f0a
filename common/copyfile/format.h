// A copy of a block on disk: one sparse file, blocks/1a/b0000000000001a2f.copy (the directory is the second lowest byte of the
// block's id), format 1, all numbers little-endian:
//
//   offset       size      what
//   0            64 MiB    data: page p of the block at p * 4096. Holes where nothing is stored.
//   64 MiB       128 KiB   page table: 16,384 entries of 8 bytes, entry of page p at 64 MiB + p * 8
//                            u32 crc32c   of the page's 4,096 bytes (only of a data page, else 0)
//                            u32 tag      bits 0-29: epoch of its last write; bit 30: zero; bit 31: missing
//                          tag 0: never written, reads as zero. zero: written as zero (punched) at that epoch; no data is kept.
//                          missing: is to be fetched; must not be read. What was written elsewhere has nothing else; a page
//                          that turned out not to match keeps its epoch and checksum: what it should be.
//   64 MiB+128K  4 KiB     identity (below), for a person with a hex dump and for rescue
//
//   identity:    0  8   "LACECOPY"
//                8  4   format, 1
//               12  4   epoch of the copy
//               16  8   block
//               24  8   inode whose bytes were written first
//               32  8   where in that file block offset 0 would be (may wrap below zero for packed files: two's complement)
//               40  4   state: 1 whole, 2 filling, 3 dropped
//               44  32  cluster, 32 hex digits
//               76  4   crc32c of bytes 0-75
//
// Data and table are written in that order without a sync between them; one fdatasync makes both durable. Which copies may
// have been cut between the two when the machine went down is known from the server's journal.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/ids.h"
#include "common/base/result.h"

namespace lace::copyfile {

struct PageEntry {
  uint32_t crc = 0;
  uint32_t tag = 0;

  static constexpr uint32_t zero_flag = uint32_t{1} << 30;
  static constexpr uint32_t missing_flag = uint32_t{1} << 31;
  static constexpr uint32_t epoch_mask = zero_flag - 1;

  Epoch epoch() const { return tag & epoch_mask; }
  bool missing() const { return (tag & missing_flag) != 0; }
  bool zero() const { return !missing() && (tag & zero_flag) != 0; }
  bool data() const { return tag != 0 && (tag & (zero_flag | missing_flag)) == 0; }
  bool operator==(const PageEntry&) const = default;

  static PageEntry make_data(uint32_t crc, Epoch epoch) { return {crc, epoch & epoch_mask}; }
  static PageEntry make_zero(Epoch epoch) { return {0, (epoch & epoch_mask) | zero_flag}; }
  static PageEntry make_missing() { return {0, missing_flag}; }
  PageEntry lost() const { return {crc, tag | missing_flag}; }
  bool is_lost() const { return missing() && epoch() != 0; }
};

inline constexpr uint32_t copy_format = 1;
inline constexpr uint64_t table_offset = block_bytes;
inline constexpr uint64_t table_bytes = block_pages * sizeof(PageEntry);
inline constexpr uint64_t identity_offset = table_offset + table_bytes;
inline constexpr uint64_t identity_bytes = page_bytes;
inline constexpr uint64_t copy_file_bytes = identity_offset + identity_bytes;

enum class StoredState : uint32_t { whole = 1, filling = 2, dropped = 3 };

struct CopyIdentity {
  BlockId block{};
  Epoch epoch = 0;
  StoredState state = StoredState::whole;
  InodeId inode{};
  uint64_t file_offset = 0;
  std::string cluster;  // 32 characters; shorter is padded with zeros
};

std::string encode_identity(const CopyIdentity& identity);  // identity_bytes long
// Errors: corrupt (not an identity, a damaged one, or of a newer format: `what` says which).
Result<CopyIdentity> decode_identity(std::string_view bytes);

// Where the file of a block is, relative to the server's data directory: "blocks/1a/b0000000000001a2f.copy".
std::string copy_directory(BlockId block);  // "blocks/1a"
std::string copy_path(BlockId block);

static_assert(sizeof(PageEntry) == 8 && offsetof(PageEntry, crc) == 0 && offsetof(PageEntry, tag) == 4);
static_assert(table_offset == 67108864 && identity_offset == 67239936 && copy_file_bytes == 67244032);

}  // namespace lace::copyfile
