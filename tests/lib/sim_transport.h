// A network of loops in one process and in virtual time: the Transport and Clock seams for tests of several servers together.
// Everything that happens is an event at a point of virtual time; run_for() and run_until() take them in order. Delays are
// drawn from a seed, so that a run can be repeated, and other seeds give other orders.
//
//   sim::Simulation simulation(seed);
//   auto loop = simulation.make_loop("control-1");
//   Control control(*loop, ...);                 // listens on loop
//   simulation.run_for(Millis(500));
//
// A process is a loop, or several: those whose names begin with the same word, as in "mount-1/2". What goes wrong is said of
// processes.
//
// One thread. kill() is kill -9 of a process: what it would have done never happens, whoever waits for its answer gets
// `unknown`, and nobody listens at its addresses any more. Afterwards its objects may be destroyed, the loop last.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/net/transport.h"

namespace lace::sim {

struct Options {
  Micros least_delay{50};  // of a message, one way
  Micros most_delay{400};
  Micros offload_delay{200};  // of work on a worker thread, at most
};

class SimLoop;

class Simulation {
 public:
  explicit Simulation(uint64_t seed, Options options = {});
  ~Simulation();  // after all its loops and callers
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // `peer` is what those it asks take it for.
  std::unique_ptr<net::Loop> make_loop(const std::string& name, net::Peer peer = {true, ""});
  // finish() and pause() run the simulation until they are done: for the test itself, never from within a callback.
  std::unique_ptr<net::Caller> make_caller(const std::string& name, net::Peer peer = {true, ""});

  const Clock& clock() const;  // the true one
  const Clock& clock_of(const std::string& process);
  Instant now() const { return now_; }
  std::mt19937_64& random() { return random_; }

  void run_for(Micros time);
  // Until `done`, or for `limit`. Answers done().
  bool run_until(const std::function<bool()>& done, Micros limit);

  // ---- what goes wrong
  void kill(const std::string& process);
  bool lives(const std::string& process) const;
  // Messages between the two, both ways or one way, are lost without a sign until heal().
  void cut(const std::string& a, const std::string& b);
  void cut_one_way(const std::string& from, const std::string& to) { cuts_.emplace(from, to); }
  void heal() { cuts_.clear(); }
  // The connections between the two end: what is under way is lost, and who waits for an answer is told.
  void reset(const std::string& a, const std::string& b);
  // Every message to or from the process takes up to so much longer.
  void slow_down(const std::string& process, Micros lag) { lags_[process] = lag; }
  // Work on its worker threads takes up to so long.
  void slow_disk(const std::string& process, Micros most) { disk_lags_[process] = most; }
  // The process stands still (SIGSTOP): its events wait until thaw().
  void freeze(const std::string& process) { frozen_.insert(process); }
  void thaw(const std::string& process);
  bool is_frozen(const std::string& process) const { return frozen_.contains(process); }
  // From now on its clock goes so much faster: 1e-3 gains a millisecond each second.
  void set_drift(const std::string& process, double drift);
  // One request in `n` is the last of its connection, which ends; 0: none is.
  void lose_one_in(uint64_t n) { loss_ = n; }
  // One request in `n` is delivered twice, if `may` says so of its kind; 0: none is.
  void repeat_one_in(uint64_t n, std::function<bool(wire::Kind)> may) {
    repeats_ = n;
    may_repeat_ = std::move(may);
  }

  // What happened until now, in a number: two runs that are the same have the same.
  uint64_t fingerprint() const { return fingerprint_; }
  void note(uint64_t fact) { fingerprint_ = (fingerprint_ ^ fact) * 0x9e3779b97f4a7c15 + (fingerprint_ >> 29); }
  // Sees every request that is delivered.
  using Observer = std::function<void(const std::string& from, const std::string& to, const net::Incoming& request)>;
  void set_observer(Observer observer) { observer_ = std::move(observer); }
  uint64_t delivered() const { return delivered_; }

 private:
  friend class SimLoop;
  class TrueClock;
  class ProcessClock;
  struct Event {
    std::weak_ptr<void> process;  // whose event; gone: it never happens
    std::string name;             // of the process
    std::function<void()> run;
  };
  struct Listener {
    std::weak_ptr<void> process;
    std::string name;  // of the process
    net::Loop::Handler handler;
    SimLoop* loop = nullptr;
  };
  struct Line {  // a request that is under way, or whose answer is
    virtual ~Line() = default;
    virtual void end() = 0;
  };
  struct Lines {
    std::vector<std::weak_ptr<Line>> all;
    size_t look_at = 64;  // so many, and those that are over are taken out
  };
  using Key = std::pair<Instant, uint64_t>;  // when, and in which order of equals

  Key schedule(Instant at, const std::weak_ptr<void>& process, const std::string& name, std::function<void()> run);
  void unschedule(const Key& key) { events_.extract(key); }  // and only then destroyed: that may schedule an answer
  bool step(Instant end);
  Instant arrival(const std::string& from, const std::string& to);
  bool is_cut(const std::string& from, const std::string& to) const { return cuts_.contains({from, to}); }
  void add_line(const std::string& a, const std::string& b, const std::shared_ptr<Line>& line);
  bool one_in(uint64_t n) { return n > 0 && random_() % n == 0; }
  Micros random_delay(Micros least, Micros most);
  Micros disk_delay(const std::string& process);

  const Options options_;
  std::mt19937_64 random_;
  Instant now_;
  std::unique_ptr<TrueClock> clock_;
  std::map<std::string, std::unique_ptr<ProcessClock>> clocks_;
  std::map<Key, Event> events_;
  std::vector<Event> held_;  // of frozen processes, in order
  uint64_t next_event_ = 1;
  std::map<std::string, Listener> listeners_;                            // by url
  std::map<std::string, SimLoop*> loops_;                                // those that live, by name
  std::map<std::pair<std::string, std::string>, Instant> last_arrival_;  // messages of one sender arrive in order
  std::set<std::pair<std::string, std::string>> cuts_;                   // from, to
  std::map<std::pair<std::string, std::string>, Lines> lines_;           // between two processes
  std::map<std::string, Micros> lags_;
  std::map<std::string, Micros> disk_lags_;
  std::set<std::string> frozen_;
  uint64_t loss_ = 0;
  uint64_t repeats_ = 0;
  std::function<bool(wire::Kind)> may_repeat_;
  Observer observer_;
  uint64_t delivered_ = 0;
  uint64_t fingerprint_ = 0;
};

}  // namespace lace::sim
