#include "tests/sim/faults.h"

#include <algorithm>

#include "tests/sim/trace.h"

namespace lace::sim {
namespace {

// What a repeated request of these kinds may be: control and storage must not mind. Writes are not among them: the transport
// promises their order, and never sends twice.
bool may_repeat(wire::Kind kind) {
  switch (kind) {
    case wire::Kind::write_block:
    case wire::Kind::open_session: return false;
    default: return true;
  }
}

}  // namespace

std::vector<std::string> Faults::all_kinds() {
  return {"kill_storage",  "power_storage", "kill_control", "power_control", "power_all",  "freeze_storage", "freeze_control",
          "freeze_client", "kill_client",   "cut",          "cut_one_way",   "isolate",    "reset",          "lossy",
          "repeats",       "slow_network",  "slow_disk",    "full_disk",     "cold_cache", "drift"};
}

FaultPlan Faults::draw_plan(std::mt19937_64& random) {
  FaultPlan plan;
  plan.gentle = random() % 4 == 0;
  const auto all = all_kinds();
  const uint64_t wanted = 1 + random() % 6;
  while (plan.kinds.size() < wanted) plan.kinds.insert(all[random() % all.size()]);
  if (plan.gentle) {
    for (const char* harsh : {"power_all", "full_disk", "kill_client", "freeze_client", "isolate"}) plan.kinds.erase(harsh);
    if (plan.kinds.empty()) plan.kinds.insert("kill_storage");
  } else {
    plan.at_once = 1 + random() % 3;
  }
  plan.most_between = Millis(100 << random() % 6);
  plan.longest = Millis(250 << random() % 7);
  return plan;
}

Faults::Faults(Simulation& simulation, Cluster& cluster, Victims clients, FaultPlan plan, std::function<bool()> healthy)
    : simulation_(simulation),
      cluster_(cluster),
      clients_(std::move(clients)),
      plan_(std::move(plan)),
      healthy_(std::move(healthy)),
      loop_(simulation.make_loop("faults")) {}

void Faults::start() { next(); }

void Faults::next() {
  const auto most = std::chrono::duration_cast<Micros>(plan_.most_between).count();
  loop_->after(Micros(static_cast<int64_t>(random(static_cast<uint64_t>(most)) + 1)), [this] {
    if (over_) return;
    if (active_.size() < plan_.at_once && (!plan_.gentle || (active_.empty() && healthy_()))) begin();
    next();
  });
}

// Mostly short, now and then long.
Millis Faults::duration() {
  const auto longest = static_cast<uint64_t>(plan_.longest.count());
  return Millis(static_cast<int64_t>(1 + (random(3) == 0 ? random(longest) : random(longest / 10 + 1))));
}

void Faults::begin() {
  auto kind = plan_.kinds.begin();
  std::advance(kind, static_cast<int64_t>(random(plan_.kinds.size())));
  auto made = make(*kind);
  if (!made) return;
  const uint64_t number = ++begun_;
  const Millis lasts = duration();
  trace("=== ", made->what, ", for ", lasts.count(), " ms");
  simulation_.note(number);
  active_[number] = std::move(*made);
  loop_->after(lasts, [this, number] { finish(number); });
}

void Faults::finish(uint64_t number) {
  const auto found = active_.find(number);
  if (found == active_.end()) return;
  const Active ended = std::move(found->second);
  active_.erase(found);
  trace("=== over: ", ended.what);
  ended.undo();
}

void Faults::end_all() {
  over_ = true;
  while (!active_.empty()) finish(active_.begin()->first);
}

bool Faults::start_all() {
  if (cluster_.control() == nullptr) run_control();
  for (int number = 1; number <= cluster_.storages(); ++number) {
    if (!cluster_.storage(number).storage) run_storage(number);
  }
  for (size_t client = 0; client < clients_.names.size(); ++client) {
    if (!clients_.runs(client)) clients_.start(client);
  }
  bool all = cluster_.control() != nullptr;
  for (int number = 1; number <= cluster_.storages(); ++number) all = all && cluster_.storage(number).storage != nullptr;
  return all;
}

// ---------------------------------------------------------------- whom

bool Faults::is_victim(const std::string& name) const {
  return std::any_of(active_.begin(), active_.end(), [&](const auto& each) { return each.second.victims.contains(name); });
}

std::vector<std::string> Faults::servers() const {
  std::vector<std::string> names{"control-1"};
  for (int number = 1; number <= cluster_.storages(); ++number) names.push_back(cluster_.storage(number).name);
  return names;
}

std::string Faults::any_server() {
  const auto names = servers();
  return names[random(names.size())];
}

void Faults::run_control() {
  if (const Status started = cluster_.start_control(); !started) trace("control does not start: ", started.error().what);
}

void Faults::run_storage(int number) {
  const Status started = cluster_.start_storage(number);
  if (!started) trace(cluster_.storage(number).name, " does not start: ", started.error().what);
}

// ---------------------------------------------------------------- what

std::optional<Faults::Active> Faults::make(const std::string& kind) {
  if (kind == "kill_storage") return stop_storage(End::kill);
  if (kind == "power_storage") return stop_storage(End::power);
  if (kind == "kill_control") return stop_control(End::kill);
  if (kind == "power_control") return stop_control(End::power);
  if (kind == "power_all") return stop_everything();
  if (kind == "freeze_control") return freeze({"control-1"});
  if (kind == "freeze_client") return freeze(clients_.names);
  if (kind == "freeze_storage") {
    std::vector<std::string> names = servers();
    names.erase(names.begin());
    return freeze(names);
  }
  if (kind == "cut") return cut(false, false);
  if (kind == "cut_one_way") return cut(true, false);
  if (kind == "isolate") return cut(random(3) == 0, true);
  if (kind == "kill_client") {
    const size_t client = random(clients_.names.size());
    if (!clients_.runs(client) || is_victim(clients_.names[client])) return std::nullopt;
    clients_.kill(client);
    return Active{"kill -9 of " + clients_.names[client],
                  [this, client] {
                    if (!clients_.runs(client)) clients_.start(client);
                  },
                  {clients_.names[client]}};
  }
  if (kind == "reset") {
    const std::string a = any_server();
    std::vector<std::string> others = servers();
    others.insert(others.end(), clients_.names.begin(), clients_.names.end());
    const std::string b = others[random(others.size())];
    simulation_.reset(a, b);
    return Active{"connections between " + a + " and " + b + " end", [] {}, {}};
  }
  if (kind == "lossy") {
    simulation_.lose_one_in(2 + random(100));
    return Active{"connections end now and then", [this] { simulation_.lose_one_in(0); }, {}};
  }
  if (kind == "repeats") {
    simulation_.repeat_one_in(1 + random(20), may_repeat);
    return Active{"requests arrive twice now and then", [this] { simulation_.repeat_one_in(0, may_repeat); }, {}};
  }
  if (kind == "slow_network") {
    const std::string name = any_server();
    const Micros lag(1 << (6 + random(plan_.gentle ? 10 : 16)));
    simulation_.slow_down(name, lag);
    return Active{text("the network of ", name, " is slow by up to ", lag.count(), " us"),
                  [this, name] { simulation_.slow_down(name, Micros(0)); },
                  {}};
  }
  if (kind == "slow_disk") {
    StorageNode& node = cluster_.storage(static_cast<int>(1 + random(static_cast<uint64_t>(cluster_.storages()))));
    const Micros lag(1 << (8 + random(plan_.gentle ? 10 : 14)));
    simulation_.slow_disk(node.name, lag);
    return Active{text("the disk of ", node.name, " takes up to ", lag.count(), " us"),
                  [this, &node] { simulation_.slow_disk(node.name, Micros(200)); },
                  {}};
  }
  if (kind == "cold_cache") {
    StorageNode& node = cluster_.storage(static_cast<int>(1 + random(static_cast<uint64_t>(cluster_.storages()))));
    node.disk.set_cold(static_cast<uint32_t>(1 + random(4)));
    return Active{node.name + " has little in its page cache", [&node] { node.disk.set_cold(0); }, {}};
  }
  if (kind == "full_disk") {
    StorageNode& node = cluster_.storage(static_cast<int>(1 + random(static_cast<uint64_t>(cluster_.storages()))));
    if (is_victim(node.name)) return std::nullopt;
    node.disk.set_capacity(node.disk.stored_bytes() + random(64) * page_bytes);
    return Active{"the disk of " + node.name + " is nearly full",
                  [this, &node] { node.disk.set_capacity(cluster_.shape.disk_bytes); },
                  {}};
  }
  if (kind == "drift") {
    const std::string name = any_server();
    const double drift = (static_cast<double>(random(2'001)) - 1'000) * 1e-6;  // a thousand ppm: ten times a bad quartz
    simulation_.set_drift(name, drift);
    return Active{text("the clock of ", name, " drifts by ", drift), [this, name] { simulation_.set_drift(name, 0); }, {}};
  }
  return std::nullopt;
}

std::optional<Faults::Active> Faults::stop_storage(End end) {
  const int number = static_cast<int>(1 + random(static_cast<uint64_t>(cluster_.storages())));
  const std::string name = cluster_.storage(number).name;
  if (!cluster_.storage(number).storage || is_victim(name)) return std::nullopt;
  cluster_.stop_storage(number, end);
  return Active{(end == End::kill ? "kill -9 of " : "power loss of ") + name,
                [this, number] {
                  if (!cluster_.storage(number).storage) run_storage(number);
                },
                {name}};
}

std::optional<Faults::Active> Faults::stop_control(End end) {
  if (cluster_.control() == nullptr || is_victim("control-1")) return std::nullopt;
  cluster_.stop_control(end);
  return Active{end == End::kill ? "kill -9 of control-1" : "power loss of control-1",
                [this] {
                  if (cluster_.control() == nullptr) run_control();
                },
                {"control-1"}};
}

std::optional<Faults::Active> Faults::stop_everything() {
  for (const std::string& name : servers()) {
    if (is_victim(name)) return std::nullopt;
  }
  if (cluster_.control() == nullptr) return std::nullopt;
  cluster_.stop_control(End::power);
  for (int number = 1; number <= cluster_.storages(); ++number) {
    if (cluster_.storage(number).storage) cluster_.stop_storage(number, End::power);
  }
  Active active{"power loss of all servers", [this] { start_all(); }, {}};
  for (const std::string& name : servers()) active.victims.insert(name);
  return active;
}

std::optional<Faults::Active> Faults::freeze(const std::vector<std::string>& candidates) {
  if (candidates.empty()) return std::nullopt;
  const std::string name = candidates[random(candidates.size())];
  if (!simulation_.lives(name) || is_victim(name)) return std::nullopt;
  simulation_.freeze(name);
  return Active{name + " stands still", [this, name] { simulation_.thaw(name); }, {name}};
}

std::optional<Faults::Active> Faults::cut(bool one_way, bool from_all) {
  std::vector<std::string> all = servers();
  all.insert(all.end(), clients_.names.begin(), clients_.names.end());
  const std::string a = any_server();
  std::vector<std::string> others;
  for (const std::string& name : all) {
    if (name != a) others.push_back(name);
  }
  if (!from_all) others = {others[random(others.size())]};
  const bool inward = random(2) == 0;
  for (const std::string& b : others) {
    if (one_way) {
      inward ? simulation_.cut_one_way(b, a) : simulation_.cut_one_way(a, b);
    } else {
      simulation_.cut(a, b);
    }
  }
  return Active{text("the network ", one_way ? (inward ? "to " : "from ") : "between ", a,
                     one_way ? (inward ? " from " : " to ") : " and ", from_all ? "all others" : others.front(), " is cut"),
                [this] { simulation_.heal(); },  // of all cuts: simpler, and as good
                {a}};
}

}  // namespace lace::sim
