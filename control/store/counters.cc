#include "control/store/counters.h"

namespace lace::control {

CounterTable::CounterTable(db::Database& database)
    : get_(database,
           "SELECT applied, next_inode, next_cookie, next_block, next_session, next_server, next_punch, inodes, orphans, "
           "blocks, "
           "blocks_0, blocks_1, blocks_2, blocks_3, blocks_4, blocks_5, punches FROM counters WHERE id = 1"),
      set_(database,
           "UPDATE counters SET applied = ?, next_inode = ?, next_cookie = ?, next_block = ?, next_session = ?, next_server = "
           "?, "
           "next_punch = ?, inodes = ?, orphans = ?, blocks = ?, blocks_0 = ?, blocks_1 = ?, blocks_2 = ?, blocks_3 = ?, "
           "blocks_4 = ?, blocks_5 = ?, punches = ? WHERE id = 1") {
  static_assert(max_copies == 5, "counters has columns blocks_0 to blocks_5");
  reload();
}

void CounterTable::reload() {
  auto rows = get_.query();
  if (!rows.next()) throw db::Failure({Code::corrupt, "the namespace has lost its counters; restore it from a copy"});
  int column = 0;
  const auto take = [&](uint64_t& into) { into = rows.number(column++); };
  for (auto* into : {&now.applied, &now.next_inode, &now.next_cookie, &now.next_block, &now.next_session, &now.next_server,
                     &now.next_punch, &now.inodes, &now.orphans, &now.blocks}) {
    take(*into);
  }
  for (auto& into : now.in_sync) take(into);
  take(now.punches);
  stored_ = now;
}

void CounterTable::flush() {
  if (now == stored_) return;
  set_.execute(now.applied, now.next_inode, now.next_cookie, now.next_block, now.next_session, now.next_server, now.next_punch,
               now.inodes, now.orphans, now.blocks, now.in_sync[0], now.in_sync[1], now.in_sync[2], now.in_sync[3],
               now.in_sync[4], now.in_sync[5], now.punches);
  stored_ = now;
}

}  // namespace lace::control
