// Counters of the namespace: ids to be given next, and sums that nobody may have to count. In memory; written at commit.
#pragma once

#include <array>

#include "common/base/ids.h"
#include "common/db/database.h"

namespace lace::control {

struct Counters {
  uint64_t applied = 0;
  uint64_t next_inode = 0;
  uint64_t next_cookie = 0;
  uint64_t next_block = 0;
  uint64_t next_session = 0;
  uint64_t next_server = 0;
  uint64_t next_punch = 0;
  uint64_t inodes = 0;
  uint64_t orphans = 0;
  uint64_t blocks = 0;
  std::array<uint64_t, max_copies + 1> in_sync{};  // [n]: blocks with n in-sync copies
  uint64_t punches = 0;
  bool operator==(const Counters&) const = default;
};

class CounterTable {
 public:
  explicit CounterTable(db::Database& database);
  Counters now;   // to be changed by whoever changes what it counts
  void reload();  // what is stored: at start and after a rollback
  void flush();   // stores `now` if it changed

 private:
  Counters stored_;
  db::Statement get_;
  db::Statement set_;
};

}  // namespace lace::control
