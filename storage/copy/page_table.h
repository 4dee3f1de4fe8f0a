// The page table of one open copy in memory: chunks of 512 entries, loaded when needed.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "common/disk/disk.h"
#include "storage/copy/format.h"

namespace lace::storage {

class PageTable {
 public:
  using ChunkRef = std::unique_ptr<TableChunk>;

  static uint32_t chunk_of(uint32_t page) { return page / chunk_entries; }
  // Reads one chunk; `cached`: only if that needs no waiting (else try_again). Any thread.
  static Result<ChunkRef> load(disk::File& file, uint32_t chunk, bool cached);

  bool has(uint32_t chunk) const { return chunks_[chunk] != nullptr; }
  void install(uint32_t chunk, ChunkRef loaded);  // keeps the one it has
  void fill_all(PageEntry entry);                 // every entry of every chunk

  // The page's chunk must be there.
  const PageEntry& at(uint32_t page) const { return (*chunks_[chunk_of(page)])[page % chunk_entries]; }
  void set(uint32_t page, PageEntry entry) { (*chunks_[chunk_of(page)])[page % chunk_entries] = entry; }

  // Writes the entries of [first, first + count) to the file.
  Status store(disk::File& file, uint32_t first, uint32_t count) const;

 private:
  std::array<ChunkRef, table_chunks> chunks_;
};

struct Range {
  uint64_t offset = 0;
  uint64_t length = 0;
};
inline bool is_in(RegionMask regions, uint32_t page) { return (regions >> (page * page_bytes / region_bytes) & 1) != 0; }
// What holds no data in these regions, by the table; its chunks must be there.
std::vector<Range> empty_ranges(const PageTable& table, RegionMask regions);

struct PageCounts {
  uint32_t data = 0;
  uint32_t missing = 0;
};
// Reads the whole table. Blocking; any thread.
Result<PageCounts> count_pages(disk::File& file);

}  // namespace lace::storage
