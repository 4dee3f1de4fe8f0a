#include "control/store/change_log.h"

#include <algorithm>

#include "common/base/check.h"

namespace lace::control {
namespace {

constexpr uint64_t row_bytes = 16;
constexpr uint64_t most_removed = 16;  // by one transaction: more than it adds, and no long pause

}  // namespace

ChangeLog::ChangeLog(db::Database& database, uint64_t most_bytes)
    : most_bytes_(most_bytes),
      recorder_(database, "group_log"),
      insert_(database, "INSERT INTO group_log(number, term, changes) VALUES(?, ?, ?)"),
      get_(database, "SELECT term, changes FROM group_log WHERE number = ?"),
      after_(database, "SELECT number, term, changes FROM group_log WHERE number > ? ORDER BY number"),
      remove_(database, "DELETE FROM group_log WHERE number = ?"),
      remove_before_(database, "DELETE FROM group_log WHERE number < ?") {
  db::Statement ends(database, "SELECT min(number), max(number), sum(length(changes)) FROM group_log", db::Use::occasional);
  {
    auto rows = ends.query();
    CHECK(rows.next());
    kept_ = {{0, rows.number(1)}, rows.number(0), rows.number(2)};
  }
  auto rows = get_.query(kept_.last.number);
  if (rows.next()) kept_.last.term = rows.number(0);
  next_ = kept_;
}

Result<std::vector<LoggedChange>> ChangeLog::after(uint64_t number, uint64_t most_bytes) {
  std::vector<LoggedChange> found;
  if (number >= kept_.last.number) return found;
  if (number + 1 < kept_.first) return fail(Code::no_entry, "the log does not reach back so far");
  auto rows = after_.query(number);
  for (uint64_t bytes = 0; bytes < most_bytes && rows.next();) {
    found.push_back({{rows.number(1), rows.number(0)}, rows.text(2)});
    bytes += found.back().changes.size() + row_bytes;
  }
  return found;
}

bool ChangeLog::contains(Position at) {
  auto rows = get_.query(at.number);
  return rows.next() && rows.number(0) == at.term;
}

void ChangeLog::append(uint64_t term) { insert({{term, next_.last.number + 1}, recorder_.take()}); }

void ChangeLog::insert(const LoggedChange& change) {
  CHECK(change.at.number == next_.last.number + 1);
  insert_.execute(change.at.number, change.at.term, change.changes);
  next_.last = change.at;
  if (next_.first == 0) next_.first = change.at.number;
  next_.bytes += change.changes.size() + row_bytes;
  prune();
}

// Sizes are not looked at one by one: what is removed counts as the average.
void ChangeLog::prune() {
  const uint64_t count = next_.last.number - next_.first + 1;
  if (next_.bytes <= most_bytes_ || count < 3) return;
  const uint64_t average = std::max<uint64_t>(next_.bytes / count, 1);
  const uint64_t wanted = next_.first + std::min((next_.bytes - most_bytes_) / average + 1, most_removed);
  uint64_t from = std::min(wanted, next_.last.number - 1);  // two stay: the last one can be taken back
  if (keep_from_ != 0) from = std::min(from, keep_from_);
  if (from <= next_.first) return;
  next_.bytes -= std::min(next_.bytes, (from - next_.first) * average);
  remove_before_.execute(from);
  next_.first = from;
}

void ChangeLog::committed() { kept_ = next_; }

void ChangeLog::stop() noexcept {
  recorder_.stop();
  next_ = kept_;
}

void ChangeLog::apply(const LoggedChange& change) {
  db::apply_changes(recorder_.database(), change.changes);
  insert(change);
}

Status ChangeLog::discard_last() {
  std::string changes;
  const Position last = next_.last;
  Position before{0, last.number - 1};
  {
    auto rows = get_.query(before.number);
    if (last.number < 2 || !rows.next()) return fail(Code::no_entry, "what was before the last transaction is not known");
    before.term = rows.number(0);
  }
  {
    auto rows = get_.query(last.number);
    CHECK(rows.next());
    changes = rows.text(1);
  }
  db::apply_changes(recorder_.database(), db::inverse_of(changes));
  remove_.execute(last.number);
  next_.bytes -= std::min<uint64_t>(next_.bytes, changes.size() + row_bytes);
  next_.last = before;
  return {};
}

}  // namespace lace::control
