#include "common/db/changes.h"

#include <cstring>

// The session extension is declared only for those who ask; the library has it.
#define SQLITE_ENABLE_SESSION
#define SQLITE_ENABLE_PREUPDATE_HOOK
#include <sqlite3.h>

#include "common/base/check.h"

namespace lace::db {
namespace {

void must(int code, const char* doing) {
  if (code == SQLITE_OK) return;
  const Code as = (code & 0xff) == SQLITE_NOMEM ? Code::no_memory : Code::io;
  throw Failure({as, std::string(doing) + ": " + sqlite3_errstr(code)});
}

// A buffer that SQLite allocated.
std::string taken(void* bytes, int length) {
  std::string text(static_cast<const char*>(bytes), static_cast<size_t>(length));
  sqlite3_free(bytes);
  return text;
}

int is_recorded(void* but, const char* table) { return std::strcmp(static_cast<const char*>(but), table) != 0; }

int refuse(void*, int, sqlite3_changeset_iter*) { return SQLITE_CHANGESET_ABORT; }

}  // namespace

void ChangeRecorder::start() {
  stop();
  must(sqlite3session_create(database_.handle(), "main", &session_), "record changes");
  must(sqlite3session_attach(session_, nullptr), "record changes");
  sqlite3session_table_filter(session_, &is_recorded, const_cast<char*>(but_));
}

std::string ChangeRecorder::take() {
  CHECK(session_ != nullptr);
  int length = 0;
  void* bytes = nullptr;
  must(sqlite3session_changeset(session_, &length, &bytes), "record changes");
  stop();
  return taken(bytes, length);
}

void ChangeRecorder::stop() noexcept {
  if (session_ != nullptr) sqlite3session_delete(session_);
  session_ = nullptr;
}

void apply_changes(Database& database, std::string_view changes) {
  CHECK(database.in_transaction());
  const int code = sqlite3changeset_apply(database.handle(), static_cast<int>(changes.size()),
                                          const_cast<char*>(changes.data()), nullptr, &refuse, nullptr);
  if (code == SQLITE_ABORT) {
    throw Failure({Code::corrupt, database.path() + " does not hold what these changes were made from"});
  }
  if (code != SQLITE_OK) database.fail_with(code, "apply changes");
}

std::string inverse_of(std::string_view changes) {
  int length = 0;
  void* bytes = nullptr;
  must(sqlite3changeset_invert(static_cast<int>(changes.size()), changes.data(), &length, &bytes), "invert changes");
  return taken(bytes, length);
}

}  // namespace lace::db
