#include "control/store/placed_table.h"

#include <algorithm>

namespace lace::control {

PlacedTable::PlacedTable(db::Database& database)
    : around_(database, "SELECT first, end FROM placed WHERE block = ?1 AND first <= ?2 ORDER BY first DESC"),
      list_(database, "SELECT first, end FROM placed WHERE block = ?1 ORDER BY first"),
      insert_(database, "INSERT INTO placed(block, first, end) VALUES(?1, ?2, ?3)"),
      erase_(database, "DELETE FROM placed WHERE block = ?1 AND first = ?2"),
      erase_block_(database, "DELETE FROM placed WHERE block = ?1"),
      any_(database, "SELECT 1 FROM placed WHERE block > 0 LIMIT 1") {}

std::vector<PlacedTable::Pages> PlacedTable::around(BlockId block, uint64_t first, uint64_t end) {
  std::vector<Pages> found;
  auto rows = around_.query(block, end);
  while (rows.next() && rows.number(1) >= first) found.emplace_back(rows.number(0), rows.number(1));
  return found;
}

void PlacedTable::add(BlockId block, uint64_t first, uint64_t end) {
  for (const auto& [from, to] : around(block, first, end)) {
    if (from <= first && to >= end) return;
    first = std::min(first, from);
    end = std::max(end, to);
    erase_.execute(block, from);
  }
  insert_.execute(block, first, end);
}

void PlacedTable::remove(BlockId block, uint64_t first, uint64_t end) {
  for (const auto& [from, to] : around(block, first, end)) {
    if (from >= end || to <= first) continue;
    erase_.execute(block, from);
    if (from < first) insert_.execute(block, from, first);
    if (to > end) insert_.execute(block, end, to);
  }
}

bool PlacedTable::overlaps(BlockId block, uint64_t first, uint64_t end) {
  const auto found = around(block, first, end);
  return std::any_of(found.begin(), found.end(), [&](const Pages& pages) { return pages.first < end && pages.second > first; });
}

std::vector<wire::PageRange> PlacedTable::gaps(BlockId block, size_t most) {
  std::vector<wire::PageRange> found;
  uint64_t at = 0;
  const auto gap_to = [&](uint64_t end) {
    if (end > at) found.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(end - at)});
  };
  auto rows = list_.query(block);
  while (found.size() < most && rows.next()) {
    gap_to(rows.number(0));
    at = rows.number(1);
  }
  if (found.size() < most) gap_to(block_pages);
  return found;
}

void PlacedTable::erase_block(BlockId block) { erase_block_.execute(block); }

bool PlacedTable::empty() { return !any_.query().next(); }

}  // namespace lace::control
