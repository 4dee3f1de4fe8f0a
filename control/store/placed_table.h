// Which pages have bytes of some file, of the blocks that sessions which are confined to a subtree may write into: ranges that
// neither overlap nor touch. Other sessions are trusted to use a page once only; of these it is checked. What a block is not
// written into any more has no rows.
#pragma once

#include <utility>
#include <vector>

#include "common/db/database.h"
#include "common/wire/types.h"

namespace lace::control {

class PlacedTable {
 public:
  explicit PlacedTable(db::Database& database);

  // Pages [first, end); some may be in already.
  void add(BlockId block, uint64_t first, uint64_t end);
  // Some may not be in.
  void remove(BlockId block, uint64_t first, uint64_t end);
  bool overlaps(BlockId block, uint64_t first, uint64_t end);
  // The pages that are not in, at most so many ranges of them.
  std::vector<wire::PageRange> gaps(BlockId block, size_t most);
  void erase_block(BlockId block);
  bool empty();

 private:
  using Pages = std::pair<uint64_t, uint64_t>;
  // Those that overlap [first, end) or touch it, the last first.
  std::vector<Pages> around(BlockId block, uint64_t first, uint64_t end);

  db::Statement around_;
  db::Statement list_;
  db::Statement insert_;
  db::Statement erase_;
  db::Statement erase_block_;
  db::Statement any_;
};

}  // namespace lace::control
