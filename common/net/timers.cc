#include "common/net/timers.h"

namespace lace::net {

TimerId Timers::add(Instant when, std::function<void()> run) {
  const uint64_t number = next_number_++;
  queue_.emplace(Key{when, number}, std::move(run));
  times_.emplace(number, when);
  return TimerId{number};
}

void Timers::cancel(TimerId timer) {
  const auto number = static_cast<uint64_t>(timer);
  const auto found = times_.find(number);
  if (found == times_.end()) return;
  queue_.erase(Key{found->second, number});
  times_.erase(found);
}

void Timers::run_due(Instant now) {
  const uint64_t end = next_number_;
  auto at = queue_.begin();
  while (at != queue_.end() && at->first.first <= now) {
    const Key key = at->first;
    if (key.second >= end) {
      ++at;
      continue;
    }
    const auto run = std::move(at->second);
    queue_.erase(at);
    times_.erase(key.second);
    run();
    at = queue_.upper_bound(key);  // `run` may have cancelled or added others
  }
}

Instant Timers::next() const { return queue_.empty() ? Instant::max() : queue_.begin()->first.first; }

}  // namespace lace::net
