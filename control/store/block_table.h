// Blocks: their epochs and copy sets, how many extents point at them, and whose they are. Rows in use are kept in memory and
// changes to them written when the transaction ends: a thousand small files of one commit lie in one block.
// Tables that say what lies on each server go with them.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "common/db/database.h"
#include "common/wire/types.h"
#include "control/store/counters.h"

namespace lace::control {

struct Block {
  wire::BlockInfo info;
  std::vector<ServerId> dropped;  // have a copy that left the set
  uint32_t placement_class = 0;   // 0: copies
  uint64_t references = 0;        // extents that point into it
  SessionId session{};            // that may write into it, and keeps it while nothing points at it; 0: none
  uint64_t mapped = 0;            // bytes that extents were ever given in it: at block_bytes it is full
};

class BlockTable {
 public:
  BlockTable(db::Database& database, Counters& counters);

  // The pointer is good until trim() or forget(); nullptr: no such block.
  const Block* find(BlockId block);
  Block& edit(BlockId block);  // to be changed, except its lists; it exists
  // `accepted`: as in wire::BlockInfo, at this epoch.
  void set_copies(BlockId block, Epoch epoch, const std::vector<ServerId>& in_sync, const std::vector<ServerId>& filling,
                  bool accepted);
  void insert(const Block& block);
  void erase(BlockId block);  // with what lies on servers

  std::vector<BlockId> on_server(ServerId server, BlockId after, uint32_t limit);
  uint64_t count_on(ServerId server);
  std::vector<BlockId> list(BlockId after, uint32_t limit);
  std::vector<BlockId> dropped_on(ServerId server, BlockId after, uint32_t limit);
  void forget_dropped(ServerId server, BlockId block);
  std::vector<BlockId> of_session(SessionId session, uint32_t limit);  // the oldest
  // The oldest block of the session that is not among its `count` newest.
  std::optional<BlockId> oldest_beyond(SessionId session, uint32_t count);

  void flush();
  void trim();
  void forget();

 private:
  struct Kept {
    Block block;
    bool changed = false;
  };
  void store(const Block& block);
  void place(const Block& block);
  void displace(const Block& block);

  Counters& counters_;
  std::unordered_map<uint64_t, Kept> kept_;
  std::vector<uint64_t> changed_;  // ids of those that are `changed`; may name some that were erased
  db::Statement get_;
  db::Statement insert_;
  db::Statement update_;
  db::Statement erase_;
  db::Statement accept_;
  db::Statement drop_accepted_;
  db::Statement list_;
  db::Statement of_session_;
  db::Statement oldest_beyond_;
  db::Statement add_copy_;
  db::Statement drop_copy_;
  db::Statement on_server_;
  db::Statement count_on_;
  db::Statement add_dropped_;
  db::Statement drop_dropped_;
  db::Statement dropped_on_;
};

}  // namespace lace::control
