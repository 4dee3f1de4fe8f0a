#include "storage/copy/page_table.h"

#include <algorithm>
#include <cstring>

namespace lace::storage {

Result<PageTable::ChunkRef> PageTable::load(disk::File& file, uint32_t chunk, bool cached) {
  auto loaded = std::make_unique<TableChunk>();
  char* into = reinterpret_cast<char*>(loaded->data());
  const uint64_t offset = table_offset + uint64_t{chunk} * sizeof(TableChunk);
  const auto got = cached ? file.read_cached(offset, into, sizeof(TableChunk)) : file.read(offset, into, sizeof(TableChunk));
  if (!got) return pass(got);
  std::memset(into + *got, 0, sizeof(TableChunk) - *got);
  return loaded;
}

void PageTable::install(uint32_t chunk, ChunkRef loaded) {
  if (!chunks_[chunk]) chunks_[chunk] = std::move(loaded);
}

void PageTable::fill_all(PageEntry entry) {
  for (ChunkRef& chunk : chunks_) {
    if (!chunk) chunk = std::make_unique<TableChunk>();
    chunk->fill(entry);
  }
}

Status PageTable::store(disk::File& file, uint32_t first, uint32_t count) const {
  while (count > 0) {
    const uint32_t step = std::min(count, chunk_entries - first % chunk_entries);
    const std::string_view bytes(reinterpret_cast<const char*>(&at(first)), step * sizeof(PageEntry));
    if (Status put = file.write(table_offset + uint64_t{first} * sizeof(PageEntry), bytes); !put) return put;
    first += step;
    count -= step;
  }
  return {};
}

std::vector<Range> empty_ranges(const PageTable& table, RegionMask regions) {
  std::vector<Range> ranges;
  for (uint32_t page = 0; page < block_pages; ++page) {
    if (!is_in(regions, page) || table.at(page).data()) continue;
    if (!ranges.empty() && ranges.back().offset + ranges.back().length == page * page_bytes) {
      ranges.back().length += page_bytes;
    } else {
      ranges.push_back({page * page_bytes, page_bytes});
    }
  }
  return ranges;
}

Result<PageCounts> count_pages(disk::File& file) {
  const auto entries = std::make_unique<std::array<PageEntry, block_pages>>();  // all zero
  const auto got = file.read(table_offset, reinterpret_cast<char*>(entries->data()), table_bytes);
  if (!got) return pass(got);
  PageCounts counts;
  for (const PageEntry& entry : *entries) {
    counts.data += entry.data() ? 1 : 0;
    counts.missing += entry.missing() ? 1 : 0;
  }
  return counts;
}

}  // namespace lace::storage
