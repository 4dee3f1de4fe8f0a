#include "tests/sim/name_model.h"

#include <algorithm>

#include "tests/sim/block_model.h"
#include "tests/sim/trace.h"

namespace lace::sim {

// ---------------------------------------------------------------- slots

std::set<Slots::State> Slots::exchange(const std::set<State>& states, size_t a, size_t b) {
  std::set<State> changed;
  for (State state : states) {
    std::swap(state[a], state[b]);
    changed.insert(std::move(state));
  }
  return changed;
}

void Slots::begin_exchange(size_t a, size_t b) {
  a_ = a;
  b_ = b;
  lasting_.merge(exchange(now_, a, b));
}

void Slots::exchanged(bool done) {
  std::set<State> changed = exchange(now_, a_, b_);
  if (done) {
    now_ = std::move(changed);
  } else {
    now_.merge(changed);
  }
  lasting_.insert(now_.begin(), now_.end());
}

std::string Slots::see(const State& state) {
  if (!now_.contains(state)) {
    std::string is, may;
    for (const InodeId inode : state) is += text(" ", raw(inode));
    for (const InodeId inode : *now_.begin()) may += text(" ", raw(inode));
    return text("names lead to inodes", is, "; that may not be (", now_.size(), " states may, the first is", may, ")");
  }
  now_ = {state};
  return {};
}

std::string Slots::see(size_t slot, InodeId inode) {
  std::set<State> left;
  for (const State& state : now_) {
    if (state[slot] == inode) left.insert(state);
  }
  if (left.empty())
    return text("name ", slot, " leads to inode ", raw(inode), ", where it may not (", now_.size(), " states may be)");
  now_ = std::move(left);
  return {};
}

// ---------------------------------------------------------------- logs

std::string Log::begin_append(int writer, uint32_t count, std::vector<Record>& records) {
  std::string bytes(count * sector_bytes, '\0');
  for (uint32_t i = 0; i < count; ++i) {
    records.push_back({writer, ++last_[writer]});
    write_sector(bytes.data() + i * sector_bytes, BlockId{number_}, static_cast<uint64_t>(writer), records.back().number);
  }
  return bytes;
}

void Log::appended(const std::vector<Record>& records, uint64_t losses_then) {
  if (losses_then != losses_) return;
  answered_.insert(records.begin(), records.end());
}

std::vector<Log::Record> Log::begin_sync(int writer) const {
  std::vector<Record> records;
  for (const Record& record : answered_) {
    if (record.writer == writer && !synced_.contains(record)) records.push_back(record);
  }
  return records;
}

void Log::synced(const std::vector<Record>& records, uint64_t losses_then) {
  if (losses_then != losses_) return;
  synced_.insert(records.begin(), records.end());
}

void Log::lose(int writer) {
  ++losses_;
  may_have_gaps_ = true;
  std::erase_if(answered_, [&](const Record& record) { return record.writer == writer && !synced_.contains(record); });
}

void Log::lose_all() {
  ++losses_;
  may_have_gaps_ = true;
  answered_ = synced_;
}

std::string Log::check_read(const std::set<Record>& wanted, const std::string& bytes) const {
  const std::string where = text("log ", number_, ": ");
  if (bytes.size() % sector_bytes != 0) return where + text("ends within a record, at ", bytes.size());
  std::set<Record> seen;
  std::map<int, uint32_t> last;
  for (uint64_t at = 0; at < bytes.size(); at += sector_bytes) {
    SectorRead got;
    int writer = 0;
    for (const auto& [one, number] : last_) {
      got = read_sector(bytes.data() + at, BlockId{number_}, static_cast<uint64_t>(one));
      writer = one;
      if (got.zeros || !got.strange) break;
    }
    if (got.zeros) {
      if (!may_have_gaps_) return where + text("zeros at ", at, ", though no append failed and nothing was lost");
      continue;
    }
    if (got.strange) return where + text("no whole record at ", at);
    if (!seen.insert({writer, got.version}).second)
      return where + text("record ", got.version, " of client-", writer, " is there twice, again at ", at);
    if (got.version <= last[writer])
      return where + text("record ", got.version, " of client-", writer, " at ", at, " comes late");
    if (got.version > last_.at(writer)) return where + text("a record at ", at, " that nobody wrote");
    last[writer] = got.version;
  }
  for (const Record& record : wanted) {
    if (answered_.contains(record) && !seen.contains(record))
      return where + text("record ", record.number, " of client-", record.writer, " was answered, and is not there",
                          synced_.contains(record) ? " (it was synced)" : "");
  }
  return {};
}

}  // namespace lace::sim
