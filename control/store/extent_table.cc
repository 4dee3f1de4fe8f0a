#include "control/store/extent_table.h"

#include "common/base/check.h"

namespace lace::control {
namespace {

wire::Extent extent_of(const db::Rows& row) { return {row.number(0), row.number(1), row.number<BlockId>(2), row.number(3)}; }

}  // namespace

ExtentTable::ExtentTable(db::Database& database)
    : before_(database,
              "SELECT offset, length, block, block_offset FROM extent WHERE inode = ?1 AND offset < ?2 "
              "ORDER BY offset DESC LIMIT 1"),
      starting_in_(database,
                   "SELECT offset, length, block, block_offset FROM extent WHERE inode = ?1 AND offset BETWEEN ?2 AND ?3 "
                   "ORDER BY offset LIMIT ?4"),
      nth_start_(database, "SELECT offset FROM extent WHERE inode = ?1 AND offset >= ?2 ORDER BY offset LIMIT 1 OFFSET ?3"),
      insert_(database, "INSERT INTO extent(inode, offset, length, block, block_offset) VALUES(?1, ?2, ?3, ?4, ?5)"),
      replace_(database, "UPDATE extent SET length = ?3, block = ?4, block_offset = ?5 WHERE inode = ?1 AND offset = ?2"),
      erase_(database, "DELETE FROM extent WHERE inode = ?1 AND offset = ?2"),
      uses_block_(database, "SELECT 1 FROM extent WHERE inode = ?1 AND block = ?2 LIMIT 1"),
      count_(database, "SELECT count(*) FROM extent WHERE inode = ?1") {}

std::optional<wire::Extent> ExtentTable::before(InodeId inode, uint64_t offset) {
  auto rows = before_.query(inode, offset);
  if (!rows.next()) return std::nullopt;
  return extent_of(rows);
}

void ExtentTable::starting_in(InodeId inode, uint64_t first, uint64_t last, uint32_t limit, std::vector<wire::Extent>& into) {
  auto rows = starting_in_.query(inode, first, last, limit);
  while (rows.next()) into.push_back(extent_of(rows));
}

std::optional<uint64_t> ExtentTable::nth_start(InodeId inode, uint64_t offset, uint32_t n) {
  auto rows = nth_start_.query(inode, offset, n);
  if (!rows.next()) return std::nullopt;
  return rows.number(0);
}

void ExtentTable::insert(InodeId inode, const wire::Extent& extent) {
  insert_.execute(inode, extent.offset, extent.length, extent.block, extent.block_offset);
}

void ExtentTable::replace(InodeId inode, const wire::Extent& extent) {
  CHECK(replace_.execute(inode, extent.offset, extent.length, extent.block, extent.block_offset) == 1);
}

void ExtentTable::erase(InodeId inode, uint64_t offset) { CHECK(erase_.execute(inode, offset) == 1); }

uint64_t ExtentTable::count(InodeId inode) {
  auto rows = count_.query(inode);
  return rows.next() ? rows.number(0) : 0;
}

bool ExtentTable::uses_block(InodeId inode, BlockId block) { return uses_block_.query(inode, block).next(); }

}  // namespace lace::control
