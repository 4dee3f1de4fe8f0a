#include "storage/copy/format.h"

#include <charconv>

#include "common/base/check.h"

namespace lace::storage {
namespace {

constexpr std::string_view suffix = ".copy";

}  // namespace

std::string quarantine_path(BlockId block) { return "quarantine/" + to_string(block) + std::string(suffix); }

BlockId block_of_name(std::string_view name) {
  if (name.size() != 17 + suffix.size() || name[0] != 'b' || !name.ends_with(suffix)) return BlockId{};
  uint64_t id = 0;
  const char* end = name.data() + 17;
  const auto parsed = std::from_chars(name.data() + 1, end, id, 16);
  if (parsed.ec != std::errc() || parsed.ptr != end) return BlockId{};
  return BlockId{id};
}

RegionMask regions_of(uint64_t offset, uint64_t length) {
  CHECK(length > 0 && offset + length <= block_bytes);
  RegionMask mask = 0;
  for (uint64_t region = offset / region_bytes; region <= (offset + length - 1) / region_bytes; ++region) {
    mask = static_cast<RegionMask>(mask | 1u << region);
  }
  return mask;
}

}  // namespace lace::storage
