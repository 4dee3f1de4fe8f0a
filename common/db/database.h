// SQLite, and nothing of it outside of this room. A Database is one connection; it and its Statements belong to one thread
// at a time. Failures of the database are thrown as Failure, because nearly every line of a store could fail and none could
// do anything about it; a store's public methods end them with guarded() and answer a Result.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace lace::db {

// Codes: no_space, read_only, busy (another process has it open), corrupt (damaged, or not a database), no_memory, io.
class Failure final : public std::exception {
 public:
  explicit Failure(Error error) : error_(std::move(error)) {}
  const Error& error() const { return error_; }
  const char* what() const noexcept override { return error_.what.c_str(); }

 private:
  Error error_;
};

// Runs it, and answers a Failure as an error. `run` returns T, Result<T> or nothing.
template <class Run>
auto guarded(Run&& run) {
  using Returned = std::invoke_result_t<Run>;
  if constexpr (std::is_void_v<Returned>) {
    try {
      run();
      return Status{};
    } catch (const Failure& failure) {
      return Status{tl::unexpected<Error>(failure.error())};
    }
  } else if constexpr (requires(Returned result) { result.error(); }) {
    try {
      return run();
    } catch (const Failure& failure) {
      return Returned{tl::unexpected<Error>(failure.error())};
    }
  } else {
    try {
      return Result<Returned>{run()};
    } catch (const Failure& failure) {
      return Result<Returned>{tl::unexpected<Error>(failure.error())};
    }
  }
}

// What is still there after a crash. full: every commit, if the machine crashes; normal: every commit, if only the process
// does, and a consistent state otherwise; off: nothing promised if the machine crashes.
enum class Synchronous { off, normal, full };

struct DatabaseOptions {
  uint64_t cache_bytes = uint64_t{16} << 20;
  Synchronous synchronous = Synchronous::full;
  uint32_t checkpoint_pages = 4'000;                  // a commit that makes the log longer than this empties it
  uint64_t journal_limit_bytes = uint64_t{64} << 20;  // the log file is cut back to this
  int busy_timeout_ms = 1'000;
  std::string vfs;  // empty: the system's
};

class Database {
 public:
  // Opens or creates; in WAL mode and locked against every other process as long as it is open.
  static Result<std::unique_ptr<Database>> open(const std::string& path, const DatabaseOptions& options = {});
  // As SQLite makes it: for a file that is being copied into (backup.h).
  static Result<std::unique_ptr<Database>> open_plain(const std::string& path, const std::string& vfs);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const std::string& sql);        // statements without parameters
  int64_t number(const std::string& sql);  // the first column of the first row; 0: no row
  void begin();
  void commit();  // a failure rolls back
  void rollback() noexcept;
  bool in_transaction() const;
  void checkpoint();  // moves the log into the database

  // The text of every Statement made so far, once each; not of those made for an occasion.
  const std::vector<std::string>& statements() const { return statements_; }

  // For this room.
  sqlite3* handle() const { return handle_; }
  const std::string& path() const { return path_; }
  [[noreturn]] void fail_with(int code, std::string_view doing) const;

 private:
  friend class Statement;
  friend class Rows;
  friend class Backup;
  explicit Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}

  sqlite3* handle_;
  std::string path_;
  std::vector<std::string> statements_;
};

// The answer to a query, row by row. Ends the query when it goes out of scope; one at a time for each Statement.
class Rows {
 public:
  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  bool next();  // false: there are no more
  int64_t signed_number(int column) const;
  template <class Number = uint64_t>
  Number number(int column) const {
    return static_cast<Number>(signed_number(column));
  }
  std::string_view bytes(int column) const;  // until the next call of next()
  std::string text(int column) const { return std::string(bytes(column)); }

 private:
  friend class Statement;
  explicit Rows(class Statement& statement) : statement_(&statement) {}
  Statement* statement_;
};

template <class T>
concept Number = std::integral<T> || std::is_enum_v<T>;

// A prepared statement. Only steady ones are listed in Database::statements(): they are those that must never scan a table.
enum class Use { steady, occasional };

class Statement {
 public:
  Statement(Database& database, const char* sql, Use use = Use::steady);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Runs a statement that answers no rows; answers how many rows it changed.
  template <class... Values>
  int execute(const Values&... values) {
    bind_all(values...);
    return finish();
  }
  template <class... Values>
  [[nodiscard]] Rows query(const Values&... values) {
    bind_all(values...);
    return Rows(*this);
  }

 private:
  friend class Rows;
  template <class... Values>
  void bind_all(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
  }
  template <Number T>
  void bind(int index, T value) {
    if constexpr (std::is_enum_v<T>) {
      bind_number(index, static_cast<int64_t>(static_cast<std::underlying_type_t<T>>(value)));
    } else {
      bind_number(index, static_cast<int64_t>(value));
    }
  }
  void bind(int index, std::string_view value);
  void bind_number(int index, int64_t value);
  bool step();
  int finish();
  void reset() noexcept;

  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
};

}  // namespace lace::db
