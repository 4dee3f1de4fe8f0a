// lace-control: the namespace of a cluster, and the care for its copies.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <thread>

#include "common/access/keys.h"
#include "common/access/tokens.h"
#include "common/base/log.h"
#include "common/base/process.h"
#include "common/config/data_directory.h"
#include "common/config/limits.h"
#include "common/config/options.h"
#include "common/net/endpoint.h"
#include "common/net/zmq_network.h"
#include "control/control.h"
#include "control/settings.h"

namespace {

using namespace lace;

struct Flags {
  std::string data;
  std::string name;
  std::vector<std::string> listen;
  uint32_t copies = 2;
  bool copies_given = false;
  std::string metrics;
  std::string keys;
  std::string admit;
};

int failed(const Flags& flags, const std::string& what, int code = 1) {
  std::fprintf(stderr, "%s: %s\n", flags.name.empty() ? "lace-control" : flags.name.c_str(), what.c_str());
  return code;
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

// Signals come to this thread only; it has been blocked for them before any other thread was made.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set_, signal);  // SIGUSR1 ends the waiting
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  void watch(std::function<void()> stop) {
    thread_ = std::thread([this, stop = std::move(stop)] {
      int signal = 0;
      if (sigwait(&set_, &signal) == 0 && signal != SIGUSR1) stop();
    });
  }
  ~Signals() {
    if (!thread_.joinable()) return;
    pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
  }

 private:
  sigset_t set_{};
  std::thread thread_;
};

using AdmissionsRef = std::shared_ptr<const access::Admissions>;

control::PeerRights rights_of(const AdmissionsRef& admissions, const net::Peer& peer) {
  if (peer.local) return {true, true, false, "/"};
  const access::Admission* admission = admissions ? admissions->find(peer.key) : nullptr;
  if (admission == nullptr) return {};
  return {!admission->server, admission->server, admission->read_only, admission->subtree};
}

control::Credentials credentials_of(const std::string& secret, const Clock& clock, AdmissionsRef admissions) {
  control::Credentials credentials;
  credentials.rights = [admissions](const net::Peer& peer) { return rights_of(admissions, peer); };
  credentials.token = [maker = access::TokenMaker(secret), &clock](const control::Grant& grant, Millis lease) {
    access::Token token;
    token.session = grant.session;
    token.block = grant.block;
    token.rights = grant.rights;
    token.pages = grant.pages;
    token.expires = clock.wall().seconds + std::chrono::ceil<std::chrono::seconds>(lease).count();
    return maker.make(token);
  };
  credentials.seal = [maker = access::TokenMaker(secret)](const wire::BlockInfo& block) { return maker.seal(block); };
  const auto passes = std::make_shared<access::PassMaker>(secret, access::Role::control, ServerId{0}, clock);
  credentials.pass = [passes] { return passes->make(); };
  return credentials;
}

// What the network counts, shown with the rest.
void follow_network(net::Loop& loop, const net::NetworkCounters& counters, metrics::Counter malformed, metrics::Counter keys) {
  malformed.set_at_least(static_cast<double>(counters.malformed));
  keys.set_at_least(static_cast<double>(counters.refused_keys));
  loop.after(Millis(1'000), [&loop, &counters, malformed, keys] { follow_network(loop, counters, malformed, keys); });
}

int run(Flags& flags) {
  auto listen = endpoints_of(flags.listen);
  if (!listen) return failed(flags, "--listen: " + listen.error().what, 2);
  net::NetworkOptions network_options;
  AdmissionsRef admissions;
  if (!flags.keys.empty()) {
    const auto own = access::load_key_file(flags.keys);
    if (!own) return failed(flags, own.error().what);
    network_options.keys = net::KeyPair{own->public_key, own->secret_key};
  }
  if (!flags.admit.empty()) {
    auto list = access::Admissions::load(flags.admit);
    if (!list) return failed(flags, list.error().what);
    admissions = std::make_shared<const access::Admissions>(std::move(*list));
    network_options.admit = [admissions](const std::string& key) { return admissions->find(key) != nullptr; };
  }

  auto directory = config::DataDirectory::open(flags.data, "control", flags.name);
  if (!directory) return failed(flags, directory.error().what);
  if (flags.name.empty()) flags.name = directory->identity().name;
  const auto settings =
      control::open_settings(directory->path(), flags.copies_given ? std::optional<uint32_t>(flags.copies) : std::nullopt);
  if (!settings) return failed(flags, settings.error().what, settings.error().code == Code::invalid ? 2 : 1);

  Signals signals;
  const SystemClock clock;
  control::NamespaceOptions namespace_options;
  namespace_options.cluster = directory->identity().cluster;
  namespace_options.root_uid = geteuid();
  namespace_options.root_gid = getegid();
  namespace_options.now = clock.wall();
  auto names = control::Namespace::open(directory->path(), namespace_options);
  if (!names) return failed(flags, names.error().what);
  if (const Status joined = directory->join((*names)->cluster(), 0); !joined) return failed(flags, joined.error().what);
  auto copies = control::Copies::open(directory->path());
  if (!copies) return failed(flags, copies.error().what);

  metrics::Registry registry;
  if (const auto exposed = registry.expose(flags.metrics); !exposed) {
    return failed(flags, exposed.error().what, exposed.error().code == Code::invalid ? 2 : 1);
  }
  net::ZmqNetwork network(clock, std::move(network_options));
  const auto loop = network.make_loop();
  control::ControlOptions options;
  options.name = flags.name;
  options.copies = settings->copies;
  options.listen = std::move(*listen);
  options.process_ended = [](const control::SessionRecord& session) {
    return has_ended({session.process_where, session.process, session.process_started});
  };
  auto credentials = credentials_of((*names)->secret(), clock, admissions);
  control::Control server(*loop, std::move(*names), std::move(*copies), std::move(credentials), registry, std::move(options));
  if (const Status started = server.start(); !started) return failed(flags, started.error().what);
  follow_network(*loop, network.counters(), registry.counter("lace_net_malformed_total", "Frames that could not be decoded."),
                 registry.counter("lace_net_refused_keys_total", "Connections refused for their key."));
  signals.watch([&] {
    loop->post([&] {
      server.stop();
      loop->stop();
    });
  });
  loop->run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  umask(0077);  // the namespace holds the cluster's secret
  Flags flags;
  config::Options options("lace-control", "keeps the namespace of a cluster, and cares for its copies");
  options.text("data", flags.data, "DIR", "data directory; an empty one becomes a new cluster's").required();
  options.text("name", flags.name, "NAME", "name of this server, as in control-1; kept in the data directory");
  options.list("listen", flags.listen, "URL", "where to listen: ipc:///PATH, or tcp://HOST:PORT (needs --keys and --admit)")
      .required();
  options.number("copies", flags.copies, 1, static_cast<uint32_t>(max_copies),
                 "copies of each block; fixed when the cluster is made");
  options.text("metrics", flags.metrics, "HOST:PORT", "serve metrics over HTTP; port 0 picks one and logs it");
  options.text("keys", flags.keys, "FILE", "this server's key pair, as `lace key new` writes it");
  options.text("admit", flags.admit, "FILE", "public keys that are let in over tcp, with what they may do");
  options.daemon_flags();
  if (const auto code = options.parse(argc, argv)) return *code;
  config::raise_open_files();
  flags.copies_given = options.given("copies");
  return run(flags);
}
