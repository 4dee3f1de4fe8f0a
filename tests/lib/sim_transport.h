// A network of loops in one process and in virtual time: the Transport and Clock seams for tests of several servers together.
// Everything that happens is an event at a point of virtual time; run_for() and run_until() take them in order. Delays are
// drawn from a seed, so that a run can be repeated, and other seeds give other orders.
//
//   sim::Simulation simulation(seed);
//   auto loop = simulation.make_loop("control-1");
//   Control control(*loop, ...);                 // listens on loop
//   simulation.run_for(Millis(500));
//
// One thread. kill() is kill -9 of a process: what it would have done never happens, whoever waits for its answer gets
// `unknown`, and nobody listens at its addresses any more. Afterwards its objects may be destroyed, the loop last.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
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

  const Clock& clock() const;
  Instant now() const { return now_; }
  std::mt19937_64& random() { return random_; }

  void run_for(Micros time);
  // Until `done`, or for `limit`. Answers done().
  bool run_until(const std::function<bool()>& done, Micros limit);

  // ---- what goes wrong
  void kill(const std::string& name);
  // Messages between the two (names of loops or callers), both ways, are lost without a sign until heal().
  void cut(const std::string& a, const std::string& b);
  void heal();
  // The process stands still (SIGSTOP): its events wait until thaw().
  void freeze(const std::string& name) { frozen_.insert(name); }
  void thaw(const std::string& name);

  uint64_t delivered() const { return delivered_; }

 private:
  friend class SimLoop;
  class SimClock;
  struct Event {
    std::weak_ptr<void> process;  // whose event; gone: it never happens
    std::string name;
    std::function<void()> run;
  };
  struct Listener {
    std::weak_ptr<void> process;
    std::string name;
    net::Loop::Handler handler;
    SimLoop* loop = nullptr;
  };
  using Key = std::pair<Instant, uint64_t>;  // when, and in which order of equals

  Key schedule(Instant at, const std::weak_ptr<void>& process, const std::string& name, std::function<void()> run);
  void unschedule(const Key& key) { events_.extract(key); }  // and only then destroyed: that may schedule an answer
  bool step(Instant end);
  Instant arrival(const std::string& from, const std::string& to);
  bool is_cut(const std::string& a, const std::string& b) const;
  Micros random_delay(Micros least, Micros most);

  const Options options_;
  std::mt19937_64 random_;
  Instant now_;
  std::unique_ptr<SimClock> clock_;
  std::map<Key, Event> events_;
  std::vector<Event> held_;  // of frozen processes, in order
  uint64_t next_event_ = 1;
  std::map<std::string, Listener> listeners_;                            // by url
  std::map<std::string, SimLoop*> loops_;                                // those that live, by name
  std::map<std::pair<std::string, std::string>, Instant> last_arrival_;  // messages of one sender arrive in order
  std::set<std::pair<std::string, std::string>> cuts_;
  std::set<std::string> frozen_;
  uint64_t delivered_ = 0;
};

}  // namespace lace::sim
