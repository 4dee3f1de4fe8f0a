// Pages of blocks that bytes lie on more than once: at several places of files, be it of one file or of many. Ranges of pages,
// each with how many users it has beyond the first; they do not overlap. Pages with one user, which nearly all have, have no
// rows.
//
// A user of a page is a page of a file, an extent of which touches it.
#pragma once

#include <utility>
#include <vector>

#include "common/db/database.h"
#include "common/wire/types.h"

namespace lace::control {

class SharedTable {
 public:
  explicit SharedTable(db::Database& database);

  using Pages = std::pair<uint64_t, uint64_t>;  // [first, end)

  // These pages have one more user, besides those they had, of which there was one at least.
  void add_user(BlockId block, uint64_t first, uint64_t end);
  // They have one less. Answers those that have none left.
  std::vector<Pages> remove_user(BlockId block, uint64_t first, uint64_t end);
  // Those of them that have more than one, in order; neighbours are one range.
  std::vector<Pages> within(BlockId block, uint64_t first, uint64_t end);
  // Whether any of them has.
  bool overlaps(BlockId block, uint64_t first, uint64_t end);
  void reload();                        // the table was changed by others
  bool empty() const { return !any_; }  // surely no page is shared

 private:
  struct Row {
    uint64_t first = 0;
    uint64_t end = 0;
    uint64_t more = 0;  // users beyond the first
  };
  std::vector<Row> around(BlockId block, uint64_t first, uint64_t end);
  void replace(BlockId block, const std::vector<Row>& old, const std::vector<Row>& fresh);

  bool any_ = false;
  db::Statement around_;
  db::Statement overlaps_;
  db::Statement insert_;
  db::Statement erase_;
  db::Statement any_row_;
};

}  // namespace lace::control
