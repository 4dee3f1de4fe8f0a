// The budget of a retry: when to give up, and how long to wait in between.
#pragma once

#include <algorithm>

#include "common/base/clock.h"
#include "common/net/transport.h"

namespace lace::fs {

class Backoff {
 public:
  Backoff(const Clock& clock, Millis budget, Millis first = Millis{5}, Millis longest = Millis{250})
      : clock_(clock), deadline_(clock.now() + budget), delay_(first), longest_(longest) {}

  bool expired() const { return clock_.now() >= deadline_; }
  Instant deadline() const { return deadline_; }
  void end_within(Millis budget) { deadline_ = std::min(deadline_, clock_.now() + budget); }
  // It has failed so often that patience alone does not help.
  bool many() const { return waits_ >= 4; }
  // Waits, each time twice as long. Errors: interrupted.
  Status wait(net::Caller& caller) {
    const Millis delay = delay_;
    delay_ = std::min(longest_, delay_ * 2);
    ++waits_;
    return caller.pause(delay);
  }

 private:
  const Clock& clock_;
  Instant deadline_;
  Millis delay_;
  Millis longest_;
  int waits_ = 0;
};

}  // namespace lace::fs
