#include "common/db/backup.h"

#include <unistd.h>

#include <sqlite3.h>

namespace lace::db {
namespace {

std::unique_ptr<Database> new_file(const std::string& path, const std::string& vfs) {
  if (vfs.empty()) {
    for (const char* suffix : {"", "-journal", "-wal", "-shm"}) ::unlink((path + suffix).c_str());
  }
  auto opened = Database::open_plain(path, vfs);
  if (!opened) throw Failure(opened.error());
  return std::move(*opened);
}

}  // namespace

Backup::Backup(Database& from, const std::string& path, const std::string& vfs) : to_(new_file(path, vfs)) {
  backup_ = sqlite3_backup_init(to_->handle(), "main", from.handle(), "main");
  if (backup_ == nullptr) to_->fail_with(sqlite3_errcode(to_->handle()), "backup");
}

Backup::~Backup() {
  if (backup_ != nullptr) sqlite3_backup_finish(backup_);
}

bool Backup::step(int pages) {
  const int code = sqlite3_backup_step(backup_, pages);
  if (code == SQLITE_OK) return false;
  if (code != SQLITE_DONE) to_->fail_with(code, "backup");
  const int finished = sqlite3_backup_finish(std::exchange(backup_, nullptr));
  if (finished != SQLITE_OK) to_->fail_with(finished, "backup");
  to_.reset();
  return true;
}

}  // namespace lace::db
