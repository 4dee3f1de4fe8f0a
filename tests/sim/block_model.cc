#include "tests/sim/block_model.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "tests/sim/trace.h"

namespace lace::sim {
namespace {

struct Header {
  uint64_t block;
  uint64_t sector;
  uint64_t version;
};

}  // namespace

void write_sector(char* into, BlockId block, uint64_t sector, Version version) {
  std::array<uint64_t, sector_bytes / 8> words{};
  words[0] = raw(block);
  words[1] = sector;
  words[2] = version;
  uint64_t mix = raw(block) * 0x9e3779b97f4a7c15 + sector * 0xbf58476d1ce4e5b9 + version + 1;
  for (size_t i = 3; i < words.size(); ++i) words[i] = mix = (mix ^ (mix >> 31)) * 0x94d049bb133111eb;
  std::memcpy(into, words.data(), sector_bytes);
}

SectorRead read_sector(const char* bytes, BlockId block, uint64_t sector) {
  if (std::all_of(bytes, bytes + sector_bytes, [](char byte) { return byte == 0; })) return {true, 0, false};
  Header header{};
  std::memcpy(&header, bytes, sizeof(header));
  std::array<char, sector_bytes> whole{};
  write_sector(whole.data(), BlockId{header.block}, header.sector, static_cast<Version>(header.version));
  const bool sound = std::memcmp(whole.data(), bytes, sector_bytes) == 0;
  if (!sound || header.block != raw(block) || header.sector != sector) return {false, 0, true};
  return {false, static_cast<Version>(header.version), false};
}

const BlockModel::Sector& BlockModel::sector(BlockId block, uint64_t number) const {
  static const Sector untouched;
  const auto found = blocks_.find(block);
  if (found == blocks_.end()) return untouched;
  const auto place = found->second.sectors.find(number);
  return place == found->second.sectors.end() ? untouched : place->second;
}

std::vector<Version> BlockModel::begin_change(const Span& span, bool zeros) {
  std::vector<Version> versions;
  for (uint64_t i = 0; i < span.count; ++i) {
    Sector& changed = blocks_[span.block].sectors[span.first + i];
    versions.push_back(++changed.tried);
    if (zeros) changed.zeros.insert(changed.tried);
  }
  return versions;
}

void BlockModel::acked(const Span& span, const std::vector<Version>& versions, uint64_t losses_then) {
  for (uint64_t i = 0; i < span.count; ++i) {
    Sector& changed = blocks_[span.block].sectors[span.first + i];
    changed.owed = versions[i];
    if (losses_then == losses(span.block)) changed.acked = versions[i];  // else nobody can tell whether it was before
  }
}

std::map<uint64_t, Version> BlockModel::begin_sync(BlockId block) const {
  std::map<uint64_t, Version> versions;
  const auto found = blocks_.find(block);
  if (found == blocks_.end()) return versions;
  for (const auto& [number, each] : found->second.sectors) {
    if (each.acked > each.synced) versions[number] = each.acked;
  }
  return versions;
}

std::map<uint64_t, Version> BlockModel::begin_fsync(BlockId block) const {
  std::map<uint64_t, Version> versions;
  const auto found = blocks_.find(block);
  if (found == blocks_.end()) return versions;
  for (const auto& [number, each] : found->second.sectors) {
    if (each.owed > each.synced) versions[number] = each.owed;
  }
  return versions;
}

std::map<uint64_t, Version> BlockModel::answered(BlockId block) const {
  std::map<uint64_t, Version> versions;
  const auto found = blocks_.find(block);
  if (found == blocks_.end()) return versions;
  for (const auto& [number, each] : found->second.sectors) versions[number] = each.acked;
  return versions;
}

void BlockModel::synced(BlockId block, const std::map<uint64_t, Version>& versions, uint64_t losses_then) {
  if (losses_then != losses(block)) return;
  for (const auto& [number, version] : versions) {
    Sector& each = blocks_[block].sectors[number];
    each.synced = std::max(each.synced, version);
    each.acked = std::max(each.acked, each.synced);
  }
}

std::vector<Version> BlockModel::begin_read(const Span& span) const {
  std::vector<Version> floors;
  for (uint64_t i = 0; i < span.count; ++i) floors.push_back(sector(span.block, span.first + i).acked);
  return floors;
}

std::string BlockModel::check_read(const Span& span, const std::vector<Version>& floors, const char* bytes) const {
  for (uint64_t i = 0; i < span.count; ++i) {
    const uint64_t number = span.first + i;
    const Sector& is = sector(span.block, number);
    const SectorRead got = read_sector(bytes + i * sector_bytes, span.block, number);
    const Version least = std::min(floors[i], is.acked);
    const auto where = [&] {
      return text(to_string(span.block), " sector ", number, " (page ", number * sector_bytes / page_bytes, "): ");
    };
    if (got.strange) return where() + "bytes that nobody wrote there";
    if (got.zeros) {
      if (is.zeros.lower_bound(least) == is.zeros.end())
        return where() + text("zeros, where version ", least, " was answered (synced ", is.synced, ", tried ", is.tried, ")");
    } else if (got.version < least || got.version > is.tried) {
      return where() +
             text("version ", got.version, ", where ", least, " was answered (synced ", is.synced, ", tried ", is.tried, ")");
    }
  }
  return {};
}

bool BlockModel::is_settled(BlockId block, uint64_t number) const {
  const Sector& is = sector(block, number);
  return is.tried == is.acked;
}

void BlockModel::lost(BlockId block) {
  Block& is = blocks_[block];
  ++is.losses;
  for (auto& [number, each] : is.sectors) each.acked = each.synced;
}

void BlockModel::forgive(BlockId block) {
  lost(block);
  for (auto& [number, each] : blocks_[block].sectors) each.owed = each.synced;
}

std::vector<uint64_t> BlockModel::written_from(BlockId block, uint64_t first) const {
  std::vector<uint64_t> numbers;
  const auto found = blocks_.find(block);
  if (found == blocks_.end()) return numbers;
  const auto& sectors = found->second.sectors;
  for (auto at = sectors.lower_bound(first); at != sectors.end(); ++at) numbers.push_back(at->first);
  return numbers;
}

uint64_t BlockModel::losses(BlockId block) const {
  const auto found = blocks_.find(block);
  return found == blocks_.end() ? 0 : found->second.losses;
}

}  // namespace lace::sim
