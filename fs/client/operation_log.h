// The operation log: changes that this mount has made by itself and not told control yet, in the order in which it made them.
// Only while no other mount exists (Session::stamp). LogWriter empties it. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "common/wire/operations.h"
#include "fs/cache/log_progress.h"
#include "fs/client/inode.h"

namespace lace::fs {

// One change. Either an operation as control will be told it, or content: what a file has in memory is to be stored, and
// control told where it is.
struct LogEntry {
  wire::Operation operation;
  InodePtr content;              // null: an operation
  bool ripe = false;             // of content: whole runs only
  FileTime written;              // of content
  std::vector<InodePtr> inodes;  // what it changes; kept in memory until control knows
  uint64_t number = 0;           // given by append()
  bool lost = false;             // content that could not be stored: control is told nothing
};

class OperationLog {
 public:
  static constexpr size_t most = 32'768;         // entries; who wants to add more waits
  static constexpr size_t most_at_once = 4'000;  // taken for one commit
  static constexpr Millis oldest{500};
  static constexpr size_t many = 1'000;                      // entries are not left to wait
  static constexpr uint64_t many_bytes = uint64_t{8} << 20;  // of content

  OperationLog(const Clock& clock, LogProgress& progress) : clock_(clock), progress_(progress) {}

  // Never waits: call wait_for_room() before, without locks. `bytes` of content. Answers the entry's number.
  uint64_t append(LogEntry entry, uint64_t bytes = 0);
  // Errors: interrupted; what keeps control from taking changes, if that lasts longer than `longest`.
  Status wait_for_room(net::Caller& caller, Millis longest);
  // Until control knows all up to `number`; hurries. Errors: as above.
  Status wait(net::Caller& caller, uint64_t number, Millis longest);
  // Until the bytes of all content up to `number` are on the storage servers (or could not be brought there).
  Status wait_stored(net::Caller& caller, uint64_t number, Millis longest);
  uint64_t last() const;
  uint64_t last_stored() const;  // all content up to it is on the storage servers
  bool empty() const { return !progress_.pending(last()); }
  void hurry();                 // do not wait for more
  void hurry(uint64_t number);  // the same, up to this one
  // Control refuses all changes, as with a full disk: nobody should decide anything alone.
  bool is_troubled() const { return troubled_.load(); }

  // For LogWriter. Waits until there is work that is due; no entries: stop() was called.
  struct Taken {
    uint64_t epoch = 0;
    bool hurried = false;  // somebody waits for them
    std::vector<LogEntry> entries;
  };
  Taken take();
  void stored(uint64_t number);
  void committed(uint64_t number);
  void set_trouble(uint64_t epoch, const Error& error);  // until the next committed(), or that epoch ends
  void stop();
  // The session was lost, and all entries with it. Those under way are void too: `epoch` has grown.
  void abandon();
  uint64_t epoch() const;

 private:
  template <class Reached>
  Status wait_until(net::Caller& caller, Millis longest, Reached reached);
  bool is_due() const;

  const Clock& clock_;
  LogProgress& progress_;
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable changed_;
  std::deque<LogEntry> entries_;
  uint64_t last_ = 0;
  uint64_t stored_ = 0;
  uint64_t hurry_to_ = 0;
  uint64_t bytes_ = 0;
  uint64_t epoch_ = 1;
  Instant oldest_;  // when the first of the entries came
  std::optional<Error> trouble_;
  std::atomic<bool> troubled_{false};
  bool stopping_ = false;
};

}  // namespace lace::fs
