// lace-storage: keeps copies of blocks on one disk.
#include <csignal>
#include <cstdio>
#include <random>
#include <thread>

#include <filesystem>
#include "common/access/keys.h"
#include "common/base/log.h"

#include "common/config/data_directory.h"
#include "common/config/limits.h"
#include "common/config/options.h"
#include "common/net/endpoint.h"
#include "common/net/zmq_network.h"
#include "storage/metrics.h"
#include "storage/storage.h"

namespace {

using namespace lace;

struct Flags {
  std::string data;
  std::string name;
  std::vector<std::string> listen;
  std::vector<std::string> control;
  std::string advertise;
  std::string metrics;
  std::string keys;
  std::string admit;
  uint64_t fill_mib_per_s = 100'000;
};

int failed(const Flags& flags, const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", flags.name.empty() ? "lace-storage" : flags.name.c_str(), what.c_str());
  return 1;
}

uint64_t random_number() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

Result<std::vector<wire::Endpoint>> endpoints_of(const std::vector<std::string>& texts) {
  std::vector<wire::Endpoint> all;
  for (const std::string& text : texts) {
    auto some = net::parse_endpoints(text);
    if (!some) return pass(some);
    all.insert(all.end(), some->begin(), some->end());
  }
  return all;
}

Result<net::NetworkOptions> network_options(const Flags& flags) {
  net::NetworkOptions options;
  options.io_threads = 2;
  if (!flags.keys.empty()) {
    auto own = access::load_key_file(flags.keys);
    if (!own) return pass(own);
    options.keys = net::KeyPair{own->public_key, own->secret_key};
  }
  if (!flags.admit.empty()) {
    auto list = access::Admissions::load(flags.admit);
    if (!list) return pass(list);
    options.admit = [admitted = std::make_shared<access::Admissions>(std::move(*list))](const std::string& key) {
      return admitted->find(key) != nullptr;
    };
  }
  return options;
}

// Signals come to this thread only; it has been blocked for them before any other thread was made.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGUSR1);  // ends the waiting
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  void watch(std::function<void()> stop) {
    thread_ = std::thread([this, stop = std::move(stop)] {
      int signal = 0;
      if (sigwait(&set_, &signal) == 0 && signal != SIGUSR1) stop();
    });
  }
  ~Signals() { end(); }
  void end() {
    if (!thread_.joinable()) return;
    pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
  }

 private:
  sigset_t set_{};
  std::thread thread_;
};

int run(const Flags& flags) {
  const auto listen = endpoints_of(flags.listen);
  if (!listen) return failed(flags, "--listen: " + listen.error().what);
  const auto controls = endpoints_of(flags.control);
  if (!controls) return failed(flags, "--control: " + controls.error().what);
  auto network_wanted = network_options(flags);
  if (!network_wanted) return failed(flags, network_wanted.error().what);
  auto directory = config::DataDirectory::open(flags.data, "storage", flags.name);
  if (!directory) return failed(flags, directory.error().what);

  storage::StorageOptions options;
  options.membership.cluster = directory->identity().cluster;
  options.membership.server = ServerId{static_cast<uint32_t>(directory->identity().id)};
  options.membership.name = directory->identity().name;
  options.membership.controls = *controls;
  options.membership.incarnation = random_number();
  options.membership.endpoint = listen->front();
  if (!flags.advertise.empty()) options.membership.endpoint = {flags.advertise, ""};
  options.membership.disk = disk::name_of_file_system(directory->path());
  const bool over_tcp = options.membership.endpoint.url.starts_with("tcp://");
  if (over_tcp && network_wanted->keys) options.membership.endpoint.key = network_wanted->keys->public_key;
  if (!over_tcp) options.shared_directory = std::filesystem::absolute(directory->path());
  options.store.cluster = options.membership.cluster;
  options.store.index_path = directory->path() + "/index.db";
  options.filler.most_bytes_per_second = flags.fill_mib_per_s << 20;

  Signals signals;
  const SystemClock clock;
  const auto disk = disk::make_system_disk(directory->path());
  net::ZmqNetwork network(clock, std::move(*network_wanted));
  const auto loop = network.make_loop();
  storage::Storage server(*loop, *disk, options,
                          [&](const std::string& cluster, ServerId id) { return directory->join(cluster, raw(id)); });
  if (Status opened = server.open(); !opened) return failed(flags, flags.data + ": " + opened.error().what);
  for (const wire::Endpoint& endpoint : *listen) {
    if (Status heard = server.listen(endpoint); !heard) return failed(flags, endpoint.url + ": " + heard.error().what);
  }
  metrics::Registry registry;
  storage::StorageMetrics numbers(registry, options.membership.name);
  server.on_tick([&] { numbers.follow(server); });
  if (const auto exposed = registry.expose(flags.metrics); !exposed) return failed(flags, "--metrics: " + exposed.error().what);
  Status end;
  server.start([&](Error error) {
    end = tl::unexpected<Error>(std::move(error));
    server.stop();
  });
  signals.watch([&] { loop->post([&] { server.stop(); }); });
  log::info("storage.started", {{"name", options.membership.name}, {"listen", listen->front().url}});
  loop->run();
  signals.end();  // a signal must not reach for a loop that is gone: this server may be stopping without one
  const Status closed = server.close();
  if (!end) return failed(flags, end.error().what);
  if (!closed) return failed(flags, closed.error().what);
  log::info("storage.stopped", {{"name", options.membership.name}});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  config::Options options("lace-storage", "keeps copies of blocks on one disk");
  options.text("data", flags.data, "DIR", "data directory; an empty one becomes a new server's").required();
  options.text("name", flags.name, "NAME", "name of this server, as in storage-1; kept in the data directory");
  options.list("listen", flags.listen, "URL", "where to listen: ipc:///PATH, or tcp://HOST:PORT (needs --keys and --admit)")
      .required();
  options.list("control", flags.control, "URL", "control servers; over tcp with their public key: tcp://HOST:PORT#KEY")
      .required();
  options.text("advertise", flags.advertise, "URL", "how others reach this server, where it is not the first --listen");
  options.text("metrics", flags.metrics, "HOST:PORT", "serve metrics over HTTP; port 0 picks one and logs it");
  options.text("keys", flags.keys, "FILE", "this server's key pair, as `lace key new` writes it");
  options.text("admit", flags.admit, "FILE", "public keys that are let in over tcp");
  options.number("fill-mib-per-s", flags.fill_mib_per_s, 1, 100'000,
                 "this server's own limit of what it fetches to fill copies; `lace storage limits` sets that of all");
  options.daemon_flags();
  if (const auto code = options.parse(argc, argv)) return *code;
  config::raise_open_files();
  return run(flags);
}
