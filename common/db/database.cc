#include "common/db/database.h"

#include <algorithm>

#include <sqlite3.h>

#include "common/base/check.h"

namespace lace::db {
namespace {

Error error_of(int code, const std::string& path, std::string_view doing, const char* reason) {
  const auto say = [&](Code as, std::string_view remedy) {
    std::string what = path + ": " + std::string(doing) + ": " + reason;
    if (!remedy.empty()) what.append("; ").append(remedy);
    return Error{as, std::move(what)};
  };
  switch (code & 0xff) {
    case SQLITE_FULL: return say(Code::no_space, "make room on the disk");
    case SQLITE_READONLY:
    case SQLITE_PERM: return say(Code::read_only, "make the file and its directory writable");
    case SQLITE_CANTOPEN: return say(Code::io, "check that the directory exists and may be written to");
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return say(Code::busy, "another process has it open: stop that one first");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return say(Code::corrupt, "restore it from a copy");
    case SQLITE_NOMEM: return say(Code::no_memory, "");
    case SQLITE_CONSTRAINT: return say(Code::corrupt, "it holds what it must not hold; restore it from a copy");
    default: return say(Code::io, "");
  }
}

const char* pragma_of(Synchronous synchronous) {
  switch (synchronous) {
    case Synchronous::off: return "OFF";
    case Synchronous::normal: return "NORMAL";
    case Synchronous::full: return "FULL";
  }
  return "FULL";
}

// Exclusive comes before WAL, so that no shared memory is ever used; the first read takes the lock.
std::string pragmas(const DatabaseOptions& options) {
  return "PRAGMA busy_timeout=" + std::to_string(options.busy_timeout_ms) +
         ";PRAGMA locking_mode=EXCLUSIVE"
         ";PRAGMA journal_mode=WAL"
         ";PRAGMA foreign_keys=OFF"
         ";PRAGMA temp_store=MEMORY"
         ";PRAGMA cache_size=-" +
         std::to_string(std::max<uint64_t>(options.cache_bytes >> 10, 64)) +
         ";PRAGMA synchronous=" + pragma_of(options.synchronous) +
         ";PRAGMA wal_autocheckpoint=" + std::to_string(options.checkpoint_pages) +
         ";PRAGMA journal_size_limit=" + std::to_string(options.journal_limit_bytes) + ";";
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::string& path, const DatabaseOptions& options) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, options.vfs.empty() ? nullptr : options.vfs.c_str());
  std::unique_ptr<Database> database(new Database(handle, path));
  return guarded([&]() -> std::unique_ptr<Database> {
    if (code != SQLITE_OK) database->fail_with(code, "open");
    database->run(pragmas(options));
    database->run("BEGIN IMMEDIATE; COMMIT");  // now, not later: is it a database, is it ours alone, can we write?
    return std::move(database);
  });
}

Result<std::unique_ptr<Database>> Database::open_plain(const std::string& path, const std::string& vfs) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, vfs.empty() ? nullptr : vfs.c_str());
  std::unique_ptr<Database> database(new Database(handle, path));
  return guarded([&]() -> std::unique_ptr<Database> {
    if (code != SQLITE_OK) database->fail_with(code, "open");
    return std::move(database);
  });
}

Database::~Database() {
  // Statements are destroyed before their database: see the order of members in the stores.
  const int code = sqlite3_close(handle_);
  CHECK(code == SQLITE_OK);
}

void Database::fail_with(int code, std::string_view doing) const {
  throw Failure(error_of(code, path_, doing, handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code)));
}

void Database::run(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail_with(code, sql.substr(0, 60));
}

int64_t Database::number(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr);
  if (code != SQLITE_OK) fail_with(code, sql);
  code = sqlite3_step(statement);
  const int64_t answer = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
  sqlite3_finalize(statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE) fail_with(code, sql);
  return answer;
}

void Database::begin() { run("BEGIN IMMEDIATE"); }

void Database::commit() {
  try {
    run("COMMIT");
  } catch (const Failure&) {
    rollback();
    throw;
  }
}

void Database::rollback() noexcept {
  // It may have been rolled back already, by the failure that made us come here.
  if (in_transaction()) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

void Database::checkpoint() {
  const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code != SQLITE_OK) fail_with(code, "checkpoint");
}

Statement::Statement(Database& database, const char* sql, Use use) : database_(database) {
  const int code = sqlite3_prepare_v3(database.handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
  if (code != SQLITE_OK) database.fail_with(code, sql);
  auto& known = database.statements_;
  if (use == Use::steady && std::find(known.begin(), known.end(), sql) == known.end()) known.emplace_back(sql);
}

Statement::~Statement() { sqlite3_finalize(handle_); }

void Statement::bind_number(int index, int64_t value) { CHECK(sqlite3_bind_int64(handle_, index, value) == SQLITE_OK); }

void Statement::bind(int index, std::string_view value) {
  // An empty view may have no address, and that would be bound as NULL.
  const char* start = value.data() != nullptr ? value.data() : "";
  const int code = sqlite3_bind_blob64(handle_, index, start, value.size(), SQLITE_STATIC);
  if (code != SQLITE_OK) database_.fail_with(code, "bind");
}

bool Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  const std::string doing = sqlite3_sql(handle_);
  try {
    database_.fail_with(code, doing.substr(0, 60));
  } catch (...) {
    reset();
    throw;
  }
}

int Statement::finish() {
  CHECK(!step());
  reset();
  return sqlite3_changes(database_.handle_);
}

void Statement::reset() noexcept { sqlite3_reset(handle_); }

Rows::~Rows() { statement_->reset(); }

bool Rows::next() { return statement_->step(); }

int64_t Rows::signed_number(int column) const { return sqlite3_column_int64(statement_->handle_, column); }

std::string_view Rows::bytes(int column) const {
  const auto* start = static_cast<const char*>(sqlite3_column_blob(statement_->handle_, column));
  const int length = sqlite3_column_bytes(statement_->handle_, column);
  return {start != nullptr ? start : "", static_cast<size_t>(length)};
}

}  // namespace lace::db
