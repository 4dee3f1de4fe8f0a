#include "common/db/backup.h"

#include <sqlite3.h>

namespace lace::db {

Backup::Backup(Database& from, Database& into) : into_(into) {
  handle_ = sqlite3_backup_init(into.handle_, "main", from.handle_, "main");
  if (handle_ == nullptr) into_.fail_with(sqlite3_errcode(into.handle_), "copy");
}

Backup::~Backup() { sqlite3_backup_finish(handle_); }

bool Backup::step(int pages) {
  const int code = sqlite3_backup_step(handle_, pages);
  if (code != SQLITE_OK && code != SQLITE_DONE) into_.fail_with(code, "copy");
  return code == SQLITE_DONE;
}

uint64_t Backup::pages() const { return static_cast<uint64_t>(sqlite3_backup_pagecount(handle_)); }

uint64_t Backup::pages_left() const { return static_cast<uint64_t>(sqlite3_backup_remaining(handle_)); }

}  // namespace lace::db
