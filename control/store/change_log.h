// What the last transactions of a control group changed, each stored by the transaction itself. Members that missed some get
// them from here; who made one that the group never acknowledged takes it back.
#pragma once

#include <vector>

#include "common/db/changes.h"
#include "control/namespace/records.h"

namespace lace::control {

class ChangeLog {
 public:
  // Keeps about `most_bytes` of changes, and always the last one.
  ChangeLog(db::Database& database, uint64_t most_bytes);

  Position last() const { return kept_.last; }
  // See Namespace::changes_after, has_change, keep_log_from. Throws db::Failure.
  Result<std::vector<LoggedChange>> after(uint64_t number, uint64_t most_bytes);
  bool contains(Position at);
  void keep_from(uint64_t number) { keep_from_ = number; }

  // A transaction: record() when it begins, append() before it is committed, committed() after; or stop().
  void record() { recorder_.start(); }
  void append(uint64_t term);
  void committed();
  void stop() noexcept;

  // Within a transaction that is not recorded.
  void apply(const LoggedChange& change);
  Status discard_last();  // Errors: no_entry

 private:
  void insert(const LoggedChange& change);
  void prune();

  const uint64_t most_bytes_;
  db::ChangeRecorder recorder_;
  db::Statement insert_;
  db::Statement get_;
  db::Statement after_;
  db::Statement remove_;
  db::Statement remove_before_;
  struct Kept {
    Position last;
    uint64_t first = 0;  // number; 0: nothing is kept
    uint64_t bytes = 0;  // about
  };
  Kept kept_;               // committed
  Kept next_;               // with what the open transaction does
  uint64_t keep_from_ = 0;  // 0: whatever the size allows
};

}  // namespace lace::control
