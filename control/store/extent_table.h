// Extents, by inode and file offset. The rules (no overlaps, accounts of blocks and pages) are file_map's, in control/ops.
#pragma once

#include <optional>
#include <vector>

#include "common/db/database.h"
#include "common/wire/types.h"

namespace lace::control {

class ExtentTable {
 public:
  explicit ExtentTable(db::Database& database);

  // The last one that starts before `offset`.
  std::optional<wire::Extent> before(InodeId inode, uint64_t offset);
  // Appends those that start in [first, last], by offset, up to `limit` of them.
  void starting_in(InodeId inode, uint64_t first, uint64_t last, uint32_t limit, std::vector<wire::Extent>& into);
  // Where the n-th (0, 1, ...) of those starts that start at or behind `offset`.
  std::optional<uint64_t> nth_start(InodeId inode, uint64_t offset, uint32_t n);
  void insert(InodeId inode, const wire::Extent& extent);
  void replace(InodeId inode, const wire::Extent& extent);  // that starts at the same offset
  void erase(InodeId inode, uint64_t offset);
  uint64_t count(InodeId inode);
  bool uses_block(InodeId inode, BlockId block);  // looks through the extents of the file

 private:
  db::Statement before_;
  db::Statement starting_in_;
  db::Statement nth_start_;
  db::Statement insert_;
  db::Statement replace_;
  db::Statement erase_;
  db::Statement uses_block_;
  db::Statement count_;
};

}  // namespace lace::control
