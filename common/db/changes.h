// What a transaction changed, as bytes that do the same to another database which holds the same (SQLite's session extension:
// a changeset). Every row of every table with a primary key is in it, with what it was before: so a database that holds
// something else is noticed, and what was done can be taken back.
#pragma once

#include <string>
#include <string_view>

#include "common/db/database.h"

struct sqlite3_session;

namespace lace::db {

// Of one database, transaction by transaction. Destroyed before it.
class ChangeRecorder {
 public:
  // Changes of the table `but` are left out. It outlives the recorder.
  ChangeRecorder(Database& database, const char* but) : database_(database), but_(but) {}
  ~ChangeRecorder() { stop(); }
  ChangeRecorder(const ChangeRecorder&) = delete;
  ChangeRecorder& operator=(const ChangeRecorder&) = delete;

  void start();        // what is changed from now on
  std::string take();  // all of it, and stops; before the transaction ends
  void stop() noexcept;
  Database& database() { return database_; }

 private:
  Database& database_;
  const char* but_;
  sqlite3_session* session_ = nullptr;
};

// Within a transaction. A row that is not as the changes found it fails with `corrupt`, and nothing is changed.
void apply_changes(Database& database, std::string_view changes);
// What takes these changes back.
std::string inverse_of(std::string_view changes);

}  // namespace lace::db
