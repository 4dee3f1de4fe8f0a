#include "control/store/shared_table.h"

#include <algorithm>

namespace lace::control {

SharedTable::SharedTable(db::Database& database)
    : around_(database, "SELECT first, end, more FROM shared WHERE block = ?1 AND first <= ?2 ORDER BY first DESC"),
      overlaps_(database, "SELECT end FROM shared WHERE block = ?1 AND first < ?2 ORDER BY first DESC LIMIT 1"),
      insert_(database, "INSERT INTO shared(block, first, end, more) VALUES(?1, ?2, ?3, ?4)"),
      erase_(database, "DELETE FROM shared WHERE block = ?1 AND first = ?2"),
      any_row_(database, "SELECT 1 FROM shared WHERE block > 0 LIMIT 1") {
  reload();
}

void SharedTable::reload() { any_ = any_row_.query().next(); }

// Those that overlap [first, end) or touch it, in order.
std::vector<SharedTable::Row> SharedTable::around(BlockId block, uint64_t first, uint64_t end) {
  std::vector<Row> found;
  auto rows = around_.query(block, end);
  while (rows.next() && rows.number(1) >= first) found.push_back({rows.number(0), rows.number(1), rows.number(2)});
  std::reverse(found.begin(), found.end());
  return found;
}

// Rows without further users are left out; those that touch and have as many become one.
void SharedTable::replace(BlockId block, const std::vector<Row>& old, const std::vector<Row>& fresh) {
  for (const Row& row : old) erase_.execute(block, row.first);
  std::vector<Row> merged;
  for (const Row& row : fresh) {
    if (row.first >= row.end || row.more == 0) continue;
    if (!merged.empty() && merged.back().end == row.first && merged.back().more == row.more) {
      merged.back().end = row.end;
    } else {
      merged.push_back(row);
    }
  }
  for (const Row& row : merged) insert_.execute(block, row.first, row.end, row.more);
}

void SharedTable::add_user(BlockId block, uint64_t first, uint64_t end) {
  any_ = true;
  const auto old = around(block, first, end);
  std::vector<Row> fresh;
  uint64_t at = first;
  for (const Row& row : old) {
    const uint64_t from = std::clamp(row.first, first, end);
    const uint64_t to = std::clamp(row.end, first, end);
    fresh.push_back({row.first, std::min(row.end, from), row.more});
    fresh.push_back({at, from, 1});
    fresh.push_back({from, to, row.more + 1});
    fresh.push_back({std::max(row.first, to), row.end, row.more});
    at = std::max(at, to);
  }
  fresh.push_back({at, end, 1});
  std::stable_sort(fresh.begin(), fresh.end(), [](const Row& a, const Row& b) { return a.first < b.first; });
  replace(block, old, fresh);
}

std::vector<SharedTable::Pages> SharedTable::remove_user(BlockId block, uint64_t first, uint64_t end) {
  if (!any_) return {{first, end}};
  const auto old = around(block, first, end);
  std::vector<Row> fresh;
  std::vector<Pages> unused;
  uint64_t at = first;
  for (const Row& row : old) {
    const uint64_t from = std::clamp(row.first, first, end);
    const uint64_t to = std::clamp(row.end, first, end);
    if (from > at) unused.emplace_back(at, from);
    fresh.push_back({row.first, std::min(row.end, from), row.more});
    fresh.push_back({from, to, row.more - 1});
    fresh.push_back({std::max(row.first, to), row.end, row.more});
    at = std::max(at, to);
  }
  if (at < end) unused.emplace_back(at, end);
  replace(block, old, fresh);
  return unused;
}

std::vector<SharedTable::Pages> SharedTable::within(BlockId block, uint64_t first, uint64_t end) {
  std::vector<Pages> found;
  if (!any_) return found;
  for (const Row& row : around(block, first, end)) {
    const uint64_t from = std::max(row.first, first);
    const uint64_t to = std::min(row.end, end);
    if (from >= to) continue;
    if (!found.empty() && found.back().second == from) {
      found.back().second = to;
    } else {
      found.emplace_back(from, to);
    }
  }
  return found;
}

bool SharedTable::overlaps(BlockId block, uint64_t first, uint64_t end) {
  if (!any_) return false;
  auto rows = overlaps_.query(block, end);
  return rows.next() && rows.number(0) > first;
}

}  // namespace lace::control
