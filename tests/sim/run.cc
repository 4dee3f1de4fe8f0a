#include "tests/sim/run.h"

#include "common/base/log.h"
#include "tests/sim/block_clients.h"
#include "tests/sim/copy_file.h"
#include "tests/sim/faults.h"
#include "tests/sim/file_clients.h"
#include "tests/sim/invariants.h"
#include "tests/sim/thread_functions.h"
#include "tests/sim/trace.h"

namespace lace::sim {
namespace {

constexpr Millis patience{400'000};  // virtual time after the last fault, for everything to end and to be well again

class Run {
 public:
  explicit Run(uint64_t seed) : simulation_(seed) {
    begin_virtual_time(simulation_.clock(), seed);
    set_trace(simulation_.clock(), is_traced());
    auto& random = simulation_.random();
    plan_ = Faults::draw_plan(random);
    ClusterShape shape;
    shape.storages = static_cast<int>(2 + random() % 4);
    shape.copies = static_cast<uint32_t>(random() % 8 == 0 ? 3 : 2);
    if (plan_.gentle) shape.storages = std::max(shape.storages, static_cast<int>(shape.copies) + 1);
    shape.storages = std::max(shape.storages, static_cast<int>(shape.copies));
    shape.repair_grace = Millis(random() % 2 == 0 ? 2'000 : 60'000);
    cluster_ = std::make_unique<Cluster>(simulation_, shape);
    count_ = static_cast<int>(1 + random() % 4);
    operations_ = static_cast<uint32_t>(40 + random() % 160);
    const Millis most_pause(1 << random() % 8);
    const uint32_t yields_one_in = random() % 2 == 0 ? 0 : static_cast<uint32_t>(2 + random() % 20);
    files_ = random() % 2 == 0;
    if (files_) {
      FileWork work;
      work.clients = count_;
      work.files = 2 + random() % 8;
      work.operations = operations_;
      work.most_pause = most_pause;
      work.yields_one_in = yields_one_in;
      work.only_names = random() % 4 == 0;
      work.must_succeed = plan_.gentle;
      clients_ = std::make_unique<FileClients>(
          simulation_, cluster_->control_endpoint, [this] { return cluster_->control(); }, work);
    } else {
      BlockWork work;
      work.clients = count_;
      work.blocks = 2 + random() % 8;
      work.operations = operations_;
      work.most_pause = most_pause;
      work.yields_one_in = yields_one_in;
      work.removes = random() % 3 > 0;
      work.must_succeed = plan_.gentle;
      clients_ = std::make_unique<BlockClients>(simulation_, cluster_->control_endpoint, work, model_);
    }
    invariants_ =
        std::make_unique<Invariants>(*cluster_, files_ ? nullptr : &model_, [this](BlockId block) { clients_->lost(block); });
    cluster_->on_power_loss = [this](const StorageNode& node) {
      clients_->follow(cluster_->control());
      invariants_->power_lost(node, clients_->blocks());
    };
    cluster_->on_control_ends = [this] { follow(); };
  }

  void run() {
    describe();
    if (is_traced()) simulation_.set_observer(say);
    must(cluster_->start_control(), "control starts");
    for (int number = 1; number <= cluster_->storages(); ++number) must(cluster_->start_storage(number), "a server starts");
    wait_until([this] { return invariants_->unhealthy().empty(); }, Millis(20'000), "the cluster does not start");
    clients_->prepare();
    wait_until([this] { return clients_->aside_ended(); }, Millis(20'000), "what is to be there first is not made");
    for (int client = 1; client <= count_; ++client) clients_->start(client);
    start_faults();
    work_under_faults();
    end_faults();
    finish();
  }

  RunResult result() const {
    return {run_failure(), simulation_.fingerprint(),
            text(clients_->done(), " operations (", clients_->failed(), " failed), ", faults_ ? faults_->begun() : 0,
                 " faults, ", simulation_.delivered(), " messages, ",
                 std::chrono::duration_cast<std::chrono::seconds>(simulation_.now().time_since_epoch()).count() - 3'600, " s")};
  }

 private:
  void describe() {
    std::string kinds;
    for (const std::string& kind : plan_.kinds) kinds += " " + kind;
    trace(cluster_->shape.storages, " storage servers, ", cluster_->shape.copies, " copies, ", count_, " clients, ",
          operations_, " operations each on ", files_ ? "files" : "blocks", ", faults", plan_.gentle ? " (gentle)" : "", ", ",
          plan_.at_once, " at a time:", kinds);
  }

  // What servers say to each other, but for what they say all the time.
  static void say(const std::string& from, const std::string& to, const net::Incoming& request) {
    const bool often = request.kind == wire::Kind::heartbeat || from.starts_with("client");
    if (!often) trace("  ", from, " -> ", to, ": ", wire::name_of(request.kind));
  }

  void start_faults() {
    Victims victims;
    for (int client = 1; client <= count_; ++client) victims.names.push_back(Clients::name_of(client));
    victims.kill = [this](size_t client) { clients_->kill(static_cast<int>(client + 1)); };
    victims.start = [this](size_t client) { clients_->start(static_cast<int>(client + 1)); };
    victims.runs = [this](size_t client) { return clients_->runs(static_cast<int>(client + 1)); };
    faults_ =
        std::make_unique<Faults>(simulation_, *cluster_, victims, plan_, [this] { return invariants_->unhealthy().empty(); });
    faults_->start();
  }

  // Steps, with a look at the invariants in between.
  void work_under_faults() {
    const Instant end = simulation_.now() + Millis(20'000);
    while (simulation_.now() < end && !clients_->all_ended()) {
      step(Millis(static_cast<int64_t>(100 + simulation_.random()() % 2'000)));
      if (simulation_.random()() % 8 == 0) quiet_point();
    }
  }

  void step(Millis time) {
    const Instant end = simulation_.now() + time;
    while (simulation_.now() < end) {
      const Micros slice = std::min<Micros>(Millis(100), std::chrono::ceil<Micros>(end - simulation_.now()));
      simulation_.run_until(
          [this] {
            if (watched().block != 0) watch();
            return !run_failure().empty();
          },
          slice);
      look();
      follow();
    }
    look();
    invariants_->check_accounts();
  }

  void follow() {
    clients_->follow(cluster_->control());
    invariants_->follow(clients_->blocks());
  }

  void watch() {
    const BlockId block{watched().block};
    const uint32_t page = watched().page;
    for (int number = 1; number <= cluster_->storages(); ++number) {
      StorageNode& node = cluster_->storage(number);
      const auto file = read_copy_file(node.disk, block, true);
      std::string is = "no file";
      if (file) {
        const auto entry = file->entries.find(page);
        is = entry == file->entries.end() ? "never written"
                                          : text("tag ", std::hex, entry->second.tag, " crc ", entry->second.crc);
        if (const auto content = file->pages.find(page); content != file->pages.end()) {
          for (uint64_t i = 0; i < page_bytes / sector_bytes; ++i) {
            const SectorRead read =
                read_sector(content->second.data() + i * sector_bytes, block, page * page_bytes / sector_bytes + i);
            is += read.strange ? " ?" : text(" ", read.version);
          }
        }
      }
      std::string& was = watched_[number];
      if (is == was) continue;
      was = is;
      trace("  .. ", to_string(block), " page ", page, " on ", node.name, ": ", is);
    }
  }

  static void look() {
    if (!run_failure().empty()) throw Violation{run_failure()};
  }

  // The clients stop for a moment; the faults do not.
  void quiet_point() {
    clients_->hold(true);
    const bool quiet = simulation_.run_until([this] { return clients_->all_hold() || !run_failure().empty(); }, Millis(3'000));
    look();
    if (quiet && cluster_->control() != nullptr && !cluster_->control()->names->in_transaction())
      invariants_->check_namespace();
    if (quiet && !files_) {
      trace("a quiet point");
      invariants_->check_copies(clients_->blocks(), false);
    }
    clients_->hold(false);
  }

  void end_faults() {
    trace("=== no more faults");
    faults_->end_all();
    clients_->finish_after(10);
    for (int attempt = 0; !faults_->start_all(); ++attempt) {
      if (attempt == 20) violated("a server does not start, though nothing is wrong any more");
      step(Millis(1'000));
    }
  }

  void finish() {
    wait_until([this] { return clients_->all_ended(); }, patience, "clients do not end", [this] { return clients_->doing(); });
    wait_until([this] { return invariants_->unhealthy().empty(); }, patience, "the cluster does not become healthy",
               [this] { return invariants_->unhealthy(); });
    step(Millis(2'000));
    trace("all is quiet");
    clients_->audit();
    wait_until([this] { return clients_->aside_ended(); }, patience, "what is there can't be looked at");
    look();
    invariants_->check_accounts();
    clients_->follow(cluster_->control());
    invariants_->check_copies(clients_->blocks(), true);
    invariants_->check_namespace();
    // The sessions of killed clients last 15 s more.
    wait_until([this] { return invariants_->left_of(clients_->removed()).empty() && invariants_->unhealthy().empty(); },
               Millis(60'000), "something is left of what was removed",
               [this] { return invariants_->left_of(clients_->removed()) + invariants_->unhealthy(); });
  }

  void wait_until(
      const std::function<bool()>& done, Millis limit, const std::string& otherwise,
      const std::function<std::string()>& why = [] { return std::string(); }) {
    const Instant end = simulation_.now() + limit;
    while (!done()) {
      if (simulation_.now() >= end) violated(otherwise + (why().empty() ? "" : ": " + why()));
      step(Millis(250));
      faults_ ? static_cast<void>(faults_->start_all()) : static_cast<void>(0);
    }
  }

  static void must(const Status& status, const std::string& what) {
    if (!status) violated(what + ": " + status.error().what);
  }

  std::map<int, std::string> watched_;  // by server
  Simulation simulation_;
  BlockModel model_;
  FaultPlan plan_;
  int count_ = 1;  // of clients
  uint32_t operations_ = 0;
  bool files_ = false;  // they work on files, not on blocks
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Invariants> invariants_;
  std::unique_ptr<Clients> clients_;
  std::unique_ptr<Faults> faults_;
};

}  // namespace

RunResult run_seed(uint64_t seed) {
  log::set_level(is_traced() ? log::Level::debug : log::Level::error);
  // Never taken apart: threads that were killed have things on their stacks, and the process ends after one run.
  Run* run = new Run(seed);
  try {
    run->run();
  } catch (const Violation&) {
  }
  return run->result();
}

}  // namespace lace::sim
