// A copy of a database that is in use, made piece by piece between its transactions: what is changed meanwhile through the same
// connection is changed in the copy, too, so that at the end it is the database of that moment.
#pragma once

#include "common/db/database.h"

struct sqlite3_backup;

namespace lace::db {

class Backup {
 public:
  // Replaces what is in `into`. Both outlive it. Throws as a Database does.
  Backup(Database& from, Database& into);
  ~Backup();
  Backup(const Backup&) = delete;
  Backup& operator=(const Backup&) = delete;

  bool step(int pages);  // true: it is complete; not within a transaction
  uint64_t pages() const;
  uint64_t pages_left() const;

 private:
  Database& into_;
  sqlite3_backup* handle_ = nullptr;
};

}  // namespace lace::db
