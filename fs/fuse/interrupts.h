// Signals. The kernel says "interrupt request N" in a message of its own, which another thread may read before the one that
// carries out N has begun, or after it has ended.
//
// FUSE hands EINTR to the program as it is, and few programs expect it from a write to a file. So a signal that the program
// catches (a timer, a child that ended) ends an operation only if it is stuck; one that ends the program, or that interrupts a
// wait for a lock, does so at once.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "fs/fuse/worker.h"

namespace lace::fs::fuse {

class Interrupts {
 public:
  // How long an operation may go on once its process has caught a signal.
  static constexpr Millis patience{500};

  explicit Interrupts(const Clock& clock);
  ~Interrupts();

  // Takes an interrupt for a request whose thread has gone on but whose answer is still owed; true: it was such a one.
  void set_parked(std::function<bool(uint64_t unique)> parked) { parked_ = std::move(parked); }

  void add(Worker& worker);
  void remove(Worker& worker);

  // Brackets the carrying out of a request by `worker`, on its thread. end() answers whether an interrupt had reached it.
  void begin(Worker& worker, uint64_t unique, uint32_t process, bool patient);
  bool end(Worker& worker);

  // The kernel's message. Any thread.
  void deliver(uint64_t unique);
  void deliver_later(uint64_t unique, Millis delay);
  // Returns when the replies with cache times that are on their way into the kernel have arrived there.
  void wait_for_replies();
  // Ends what all workers wait for, now and from now on.
  void interrupt_all();

 private:
  bool interrupt_now(uint64_t unique);
  void run_timer();

  const Clock& clock_;
  std::function<bool(uint64_t)> parked_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<Worker*> workers_;
  std::deque<uint64_t> early_;  // read before their request began, or after it ended; the last 1,024
  std::multimap<Instant, uint64_t> due_;
  bool all_ = false, stop_ = false;
  std::condition_variable changed_;

  std::thread timer_;  // last: uses all above
};

// Whether a signal is pending that will end this thread's process. `thread` as in /proc.
bool is_dying(uint32_t thread);

}  // namespace lace::fs::fuse
