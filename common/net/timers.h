// Functions to be run at points of time. No thread, no clock of its own: the owner says what time it is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>

#include "common/base/clock.h"
#include "common/net/transport.h"

namespace lace::net {

class Timers {
 public:
  TimerId add(Instant when, std::function<void()> run);
  void cancel(TimerId timer);  // of one that has run or was cancelled: nothing happens
  // Runs what is due, in order of time; what the functions add runs at the next call, even if due already.
  void run_due(Instant now);
  Instant next() const;  // Instant::max(): none

 private:
  using Key = std::pair<Instant, uint64_t>;
  uint64_t next_number_ = 1;
  std::map<Key, std::function<void()>> queue_;
  std::unordered_map<uint64_t, Instant> times_;
};

}  // namespace lace::net
