// A run of mounts that work in the same directories: what they saw must have an order that explains it.
#include "common/base/log.h"
#include "tests/sim/cluster.h"
#include "tests/sim/name_clients.h"
#include "tests/sim/run.h"
#include "tests/sim/thread_functions.h"
#include "tests/sim/trace.h"

namespace lace::sim {
namespace {

constexpr Millis patience{900'000};

class NamesRun {
 public:
  explicit NamesRun(uint64_t seed) : simulation_(seed) {
    begin_virtual_time(simulation_.clock(), seed);
    set_trace(simulation_.clock(), is_traced());
    auto& random = simulation_.random();
    ClusterShape shape;
    shape.storages = 2;
    cluster_ = std::make_unique<Cluster>(simulation_, shape);
    NameWork work;
    work.clients = static_cast<int>(2 + random() % 2);
    work.directories = static_cast<int>(1 + random() % 3);
    work.names = static_cast<int>(1 + random() % 3);
    work.operations = static_cast<uint32_t>(20 + random() % 40);
    work.alone = static_cast<uint32_t>(random() % 100);
    work.most_pause = Millis(1 << random() % 10);
    work.yields_one_in = random() % 2 == 0 ? 0 : static_cast<uint32_t>(2 + random() % 20);
    faults_ = random() % 3 > 0;
    clients_ = std::make_unique<NameClients>(simulation_, cluster_->control_endpoint, work);
    trace(work.clients, " clients, ", work.directories, " directories, ", work.names, " names, ", work.operations,
          " operations each", faults_ ? ", with faults" : "");
  }

  void run() {
    if (is_traced()) simulation_.set_observer(say);
    must(cluster_->start_control());
    for (int number = 1; number <= cluster_->storages(); ++number) must(cluster_->start_storage(number));
    simulation_.run_for(Millis(3'000));
    clients_->start();
    const Instant end = simulation_.now() + patience;
    while (!clients_->all_ended()) {
      if (simulation_.now() >= end) violated("mounts do not end: " + clients_->doing());
      step(Millis(static_cast<int64_t>(50 + simulation_.random()() % 1'000)));
      if (faults_) one_fault();
    }
    const std::string wrong = test::explain(clients_->history());
    if (!wrong.empty()) violated("no order explains what the mounts saw: " + wrong);
    const auto sound = cluster_->control()->names->check();
    if (!sound || !sound->empty()) violated("the namespace is not sound: " + (sound ? sound->front() : sound.error().what));
  }

  RunResult result() const {
    return {run_failure(), simulation_.fingerprint(),
            text(clients_->history().size(), " operations, ", simulation_.delivered(), " messages, ", recalls_, " recalls")};
  }

 private:
  void step(Millis time) {
    simulation_.run_until([this] { return !run_failure().empty() || clients_->all_ended(); }, time);
    if (!run_failure().empty()) throw Violation{run_failure()};
    if (cluster_->control() != nullptr) recalls_ = std::max(recalls_, cluster_->control()->leases.totals().recalled);
  }

  static void say(const std::string& from, const std::string& to, const net::Incoming& request) {
    if (request.kind != wire::Kind::heartbeat) trace("  ", from, " -> ", to, ": ", wire::name_of(request.kind));
  }

  // None that a mount does not survive with all it did.
  void one_fault() {
    auto& random = simulation_.random();
    const std::string client = NameClients::name_of(static_cast<int>(1 + random() % 3));
    switch (random() % 8) {
      case 0: {
        trace("control is killed");
        cluster_->stop_control(random() % 2 == 0 ? End::kill : End::power);
        step(Millis(static_cast<int64_t>(random() % 1'500)));
        return must(cluster_->start_control());
      }
      case 1: trace("connections of ", client, " end"); return simulation_.reset(client, "control-1");
      case 2:
        trace(client, " stands still");
        simulation_.freeze(client);
        step(Millis(static_cast<int64_t>(random() % 4'000)));
        return simulation_.thaw(client);
      case 3: trace(client, " is slow"); return simulation_.slow_down(client, Millis(static_cast<int64_t>(random() % 30)));
      default: return;
    }
  }

  static void must(const Status& status) {
    if (!status) violated("a server does not start: " + status.error().what);
  }

  Simulation simulation_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<NameClients> clients_;
  bool faults_ = false;
  uint64_t recalls_ = 0;
};

}  // namespace

RunResult run_names_seed(uint64_t seed) {
  log::set_level(is_traced() ? log::Level::debug : log::Level::error);
  NamesRun* run = new NamesRun(seed);  // never taken apart, as in run_seed()
  try {
    run->run();
  } catch (const Violation&) {
  }
  return run->result();
}

}  // namespace lace::sim
