#include "common/db/backup.h"

#include <sqlite3.h>
#include <unistd.h>

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

Backup::Backup(Database& from, Database& into) : into_(into) {
  handle_ = sqlite3_backup_init(into.handle(), "main", from.handle(), "main");
  if (handle_ == nullptr) into_.fail_with(sqlite3_errcode(into.handle()), "copy");
}

Backup::~Backup() { sqlite3_backup_finish(handle_); }

bool Backup::step(int pages) {
  const int code = sqlite3_backup_step(handle_, pages);
  if (code != SQLITE_OK && code != SQLITE_DONE) into_.fail_with(code, "copy");
  return code == SQLITE_DONE;
}

uint64_t Backup::pages() const { return static_cast<uint64_t>(sqlite3_backup_pagecount(handle_)); }

uint64_t Backup::pages_left() const { return static_cast<uint64_t>(sqlite3_backup_remaining(handle_)); }

BackupFile::BackupFile(Database& from, const std::string& path, const std::string& vfs)
    : to_(new_file(path, vfs)), backup_(std::in_place, from, *to_) {}

bool BackupFile::step(int pages) {
  if (!backup_->step(pages)) return false;
  backup_.reset();
  to_.reset();
  return true;
}

}  // namespace lace::db
