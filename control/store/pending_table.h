// Work that storage servers have still to do: pages to be punched, copies to be deleted.
#pragma once

#include <optional>
#include <vector>

#include "common/db/database.h"
#include "control/namespace/records.h"
#include "control/store/counters.h"

namespace lace::control {

class PunchTable {
 public:
  PunchTable(db::Database& database, Counters& counters);

  // Gives it an id. `session` and `slot` of the commit whose answer waits for it; 0: none does.
  void insert(PendingPunch& punch, SessionId session, uint32_t slot);
  std::vector<PendingPunch> list(uint64_t after, uint32_t limit);
  std::optional<PendingPunch> find(uint64_t id);
  std::vector<PendingPunch> awaited_by(SessionId session, uint32_t slot);
  void erase(uint64_t id);
  void erase_block(BlockId block);
  bool overlaps(BlockId block, uint64_t offset, uint64_t length);

 private:
  Counters& counters_;
  db::Statement insert_;
  db::Statement list_;
  db::Statement find_;
  db::Statement awaited_by_;
  db::Statement erase_;
  db::Statement erase_block_;
  db::Statement overlaps_;
};

class DeleteTable {
 public:
  explicit DeleteTable(db::Database& database);

  void insert(ServerId server, BlockId block);
  std::vector<BlockId> list(ServerId server, BlockId after, uint32_t limit);
  bool contains(ServerId server, BlockId block);
  void erase(ServerId server, BlockId block);
  void erase_server(ServerId server);

 private:
  db::Statement insert_;
  db::Statement list_;
  db::Statement contains_;
  db::Statement erase_;
  db::Statement erase_server_;
};

}  // namespace lace::control
