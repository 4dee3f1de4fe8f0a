#include "control/store/pending_table.h"

namespace lace::control {
namespace {

void collect(db::Rows& rows, std::vector<PendingPunch>& into) {
  while (rows.next()) into.push_back({rows.number(0), rows.number<BlockId>(1), rows.number(2), rows.number(3)});
}

}  // namespace

PunchTable::PunchTable(db::Database& database, Counters& counters)
    : counters_(counters),
      insert_(database, "INSERT INTO pending_punch(id, block, offset, length, session, slot) VALUES(?1, ?2, ?3, ?4, ?5, ?6)"),
      list_(database, "SELECT id, block, offset, length FROM pending_punch WHERE id > ?1 ORDER BY id LIMIT ?2"),
      find_(database, "SELECT id, block, offset, length FROM pending_punch WHERE id = ?1"),
      awaited_by_(database,
                  "SELECT id, block, offset, length FROM pending_punch WHERE session = ?1 AND slot = ?2 AND session <> 0"),
      erase_(database, "DELETE FROM pending_punch WHERE id = ?1"),
      erase_block_(database, "DELETE FROM pending_punch WHERE block = ?1"),
      overlaps_(database, "SELECT 1 FROM pending_punch WHERE block = ?1 AND offset < ?3 AND offset + length > ?2 LIMIT 1") {}

void PunchTable::insert(PendingPunch& punch, SessionId session, uint32_t slot) {
  punch.id = counters_.next_punch++;
  insert_.execute(punch.id, punch.block, punch.offset, punch.length, session, slot);
  ++counters_.punches;
}

std::vector<PendingPunch> PunchTable::list(uint64_t after, uint32_t limit) {
  std::vector<PendingPunch> found;
  auto rows = list_.query(after, limit);
  collect(rows, found);
  return found;
}

std::optional<PendingPunch> PunchTable::find(uint64_t id) {
  std::vector<PendingPunch> found;
  auto rows = find_.query(id);
  collect(rows, found);
  return found.empty() ? std::nullopt : std::optional(found.front());
}

std::vector<PendingPunch> PunchTable::awaited_by(SessionId session, uint32_t slot) {
  std::vector<PendingPunch> found;
  if (counters_.punches == 0) return found;
  auto rows = awaited_by_.query(session, slot);
  collect(rows, found);
  return found;
}

void PunchTable::erase(uint64_t id) { counters_.punches -= static_cast<uint64_t>(erase_.execute(id)); }

void PunchTable::erase_block(BlockId block) {
  if (counters_.punches > 0) counters_.punches -= static_cast<uint64_t>(erase_block_.execute(block));
}

bool PunchTable::overlaps(BlockId block, uint64_t offset, uint64_t length) {
  return counters_.punches > 0 && overlaps_.query(block, offset, offset + length).next();
}

DeleteTable::DeleteTable(db::Database& database)
    : insert_(database, "INSERT INTO pending_delete(server, block) VALUES(?1, ?2)"),
      list_(database, "SELECT block FROM pending_delete WHERE server = ?1 AND block > ?2 ORDER BY block LIMIT ?3"),
      contains_(database, "SELECT 1 FROM pending_delete WHERE server = ?1 AND block = ?2"),
      erase_(database, "DELETE FROM pending_delete WHERE server = ?1 AND block = ?2"),
      erase_server_(database, "DELETE FROM pending_delete WHERE server = ?1") {}

void DeleteTable::insert(ServerId server, BlockId block) { insert_.execute(server, block); }

std::vector<BlockId> DeleteTable::list(ServerId server, BlockId after, uint32_t limit) {
  std::vector<BlockId> found;
  auto rows = list_.query(server, after, limit);
  while (rows.next()) found.push_back(rows.number<BlockId>(0));
  return found;
}

bool DeleteTable::contains(ServerId server, BlockId block) { return contains_.query(server, block).next(); }

void DeleteTable::erase_server(ServerId server) { erase_server_.execute(server); }

void DeleteTable::erase(ServerId server, BlockId block) { erase_.execute(server, block); }

}  // namespace lace::control
