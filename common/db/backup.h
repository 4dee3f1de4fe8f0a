// A copy of a database that is in use, made piece by piece between its transactions (SQLite's online backup): what is changed
// meanwhile through the same connection is changed in the copy, too, so that at the end it is the database of that moment.
#pragma once

#include <memory>
#include <optional>
#include <string>

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

// The same, into a file of its own. Destroyed before the database.
class BackupFile {
 public:
  // Begins a copy in a new file. A file that is there is replaced. Throws Failure.
  BackupFile(Database& from, const std::string& path, const std::string& vfs = {});

  // Copies at most so many pages, outside of transactions; answers whether the copy is complete and on the disk. Throws
  // Failure.
  bool step(int pages);

 private:
  std::unique_ptr<Database> to_;
  std::optional<Backup> backup_;
};

}  // namespace lace::db
