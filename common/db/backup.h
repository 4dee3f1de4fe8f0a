// A copy of an open database in a file of its own, made piece by piece while it is in use (SQLite's online backup): when it is
// complete it holds what the database holds at that moment.
#pragma once

#include <memory>
#include <string>

#include "common/db/database.h"

struct sqlite3_backup;

namespace lace::db {

// Destroyed before the database. Outside of its transactions.
class Backup {
 public:
  // Begins a copy in a new file. A file that is there is replaced. Throws Failure.
  Backup(Database& from, const std::string& path, const std::string& vfs = {});
  ~Backup();
  Backup(const Backup&) = delete;
  Backup& operator=(const Backup&) = delete;

  // Copies at most so many pages; answers whether the copy is complete and on the disk. Throws Failure.
  bool step(int pages);

 private:
  std::unique_ptr<Database> to_;
  sqlite3_backup* backup_ = nullptr;
};

}  // namespace lace::db
