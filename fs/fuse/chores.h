// A thread for what a request's thread must not do or need not wait for: making the kernel forget (which may wait for requests
// to end, and so must never happen on a thread that serves one) and releasing locks of processes that are gone.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "common/net/transport.h"

namespace lace::fs::fuse {

class Chores {
 public:
  using Chore = std::function<void(net::Caller&)>;
  static constexpr size_t max_waiting = size_t{1} << 16;  // threads that serve no request wait beyond it

  explicit Chores(std::unique_ptr<net::Caller> caller);
  ~Chores();  // what still waits is not done

  void add(Chore chore);        // any thread
  void settle(Millis longest);  // returns when all that was added before is done, or after so long

  // Stops the thread: interrupts the chore in hand, drops the rest.
  void end();

 private:
  void run();

  const std::unique_ptr<net::Caller> caller_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<Chore> waiting_;
  uint64_t added_ = 0, done_ = 0;
  bool end_ = false;
  std::condition_variable changed_;

  std::thread thread_;  // last: uses all above
};

}  // namespace lace::fs::fuse
