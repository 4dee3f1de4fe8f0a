// What names may lead to, and what logs may hold, by what clients were told. What was done and not synced may be undone when
// the client's process ends, from the end backwards; what failed may have been done.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/ids.h"

namespace lace::sim {

// A few names of one directory that one client exchanges with each other. Exchanging is not idempotent: what is done twice, or
// not at all, shows.
class Slots {
 public:
  using State = std::vector<InodeId>;

  void begin(State state) { now_ = lasting_ = {std::move(state)}; }
  size_t size() const { return now_.empty() ? 0 : now_.begin()->size(); }
  void begin_exchange(size_t a, size_t b);
  void exchanged(bool done);
  void synced() { lasting_ = now_; }
  void lose() { now_ = lasting_; }  // the client ended, or its session did
  // Empty: it may be so, and is from now on. Else what is wrong.
  std::string see(const State& state);
  std::string see(size_t slot, InodeId inode);

 private:
  static std::set<State> exchange(const std::set<State>& states, size_t a, size_t b);

  size_t a_ = 0, b_ = 0;     // of the exchange that is under way
  std::set<State> now_;      // one of these
  std::set<State> lasting_;  // or one of these, when what was not synced is lost
};

// A file to which several clients append records of one sector. Each record that was answered is there once, whole, and in its
// writer's order.
class Log {
 public:
  explicit Log(uint64_t number) : number_(number) {}

  struct Record {
    int writer = 0;
    uint32_t number = 0;
    auto operator<=>(const Record&) const = default;
  };
  std::string begin_append(int writer, uint32_t count, std::vector<Record>& records);  // the bytes
  void appended(const std::vector<Record>& records, uint64_t losses);
  void failed() { may_have_gaps_ = true; }
  // Before a sync: what it makes last. After it: that it did.
  std::vector<Record> begin_sync(int writer) const;
  void synced(const std::vector<Record>& records, uint64_t losses);
  void lose(int writer);  // what it did not sync
  void lose_all();
  uint64_t losses() const { return losses_; }
  // Before a read: what must be seen. After it: what is wrong; empty: nothing.
  std::set<Record> begin_read() const { return answered_; }
  std::string check_read(const std::set<Record>& wanted, const std::string& bytes) const;

 private:
  const uint64_t number_;
  std::map<int, uint32_t> last_;  // of each writer
  std::set<Record> answered_;
  std::set<Record> synced_;
  bool may_have_gaps_ = false;
  uint64_t losses_ = 0;
};

}  // namespace lace::sim
