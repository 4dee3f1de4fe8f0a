// What goes wrong, drawn from the seed: first which kinds of faults this run has, how many at a time and how long they last,
// then one after another. Each begins, lasts, and is undone; end_all() undoes what is left.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/cluster.h"

namespace lace::sim {

struct FaultPlan {
  std::set<std::string> kinds;  // names in faults.cc
  size_t at_once = 1;
  Millis most_between{2'000};
  Millis longest{8'000};
  // One server at a time, and the cluster is healthy again before the next: everything must go on then.
  bool gentle = false;
};

// Of the clients, as far as faults concern them.
struct Victims {
  std::vector<std::string> names;
  std::function<void(size_t)> kill = [](size_t) {};
  std::function<void(size_t)> start = [](size_t) {};
  std::function<bool(size_t)> runs = [](size_t) { return true; };
};

class Faults {
 public:
  Faults(Simulation& simulation, Cluster& cluster, Victims clients, FaultPlan plan, std::function<bool()> healthy);

  static FaultPlan draw_plan(std::mt19937_64& random);
  static std::vector<std::string> all_kinds();

  void start();
  void end_all();  // and no more begin
  uint64_t begun() const { return begun_; }
  // Starts what does not run, as whoever looks after a cluster would; true: all runs.
  bool start_all();

 private:
  struct Active {
    std::string what;
    std::function<void()> undo;
    std::set<std::string> victims;
  };
  void next();
  void begin();
  // Nothing: it can't be done now.
  std::optional<Active> make(const std::string& kind);
  std::optional<Active> stop_storage(End end);
  std::optional<Active> stop_control(End end);
  std::optional<Active> stop_everything();
  std::optional<Active> freeze(const std::vector<std::string>& candidates);
  std::optional<Active> cut(bool one_way, bool from_all);
  void finish(uint64_t number);
  void run_control();
  void run_storage(int number);
  bool is_victim(const std::string& name) const;
  uint64_t random(uint64_t below) { return simulation_.random()() % below; }
  Millis duration();
  std::vector<std::string> servers() const;
  std::string any_server();

  Simulation& simulation_;
  Cluster& cluster_;
  const Victims clients_;
  const FaultPlan plan_;
  const std::function<bool()> healthy_;
  std::unique_ptr<net::Loop> loop_;
  std::map<uint64_t, Active> active_;
  uint64_t begun_ = 0;
  bool over_ = false;
};

}  // namespace lace::sim
