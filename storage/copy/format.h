// What the server keeps beside the format of a copy's file (common/copyfile/format.h): names and regions.
#pragma once

#include "common/copyfile/format.h"

namespace lace::storage {

using namespace copyfile;

// A page of the table: what is loaded and kept at a time.
inline constexpr uint32_t chunk_entries = page_bytes / sizeof(PageEntry);
inline constexpr uint32_t table_chunks = block_pages / chunk_entries;
using TableChunk = std::array<PageEntry, chunk_entries>;

// What the intent journal marks dirty at a time.
inline constexpr uint64_t region_bytes = uint64_t{4} << 20;
inline constexpr uint32_t block_regions = block_bytes / region_bytes;
using RegionMask = uint16_t;
inline constexpr RegionMask all_regions = 0xffff;

static_assert(sizeof(TableChunk) == page_bytes && table_chunks == 32 && block_regions == 16);

inline constexpr StoredState no_state = StoredState::whole;  // of journal records that do not speak of one

std::string quarantine_path(BlockId block);
// The block that a file name "b0000000000001a2f.copy" stands for; 0: none.
BlockId block_of_name(std::string_view name);

RegionMask regions_of(uint64_t offset, uint64_t length);

}  // namespace lace::storage
