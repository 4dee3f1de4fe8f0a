#include "control/daemon/daemon.h"

#include <unistd.h>

#include <cstdio>

#include "common/access/keys.h"
#include "common/access/tokens.h"
#include "common/base/process.h"
#include "common/net/endpoint.h"

namespace lace::control {
namespace {

Result<std::vector<wire::Endpoint>> endpoints_of(const std::vector<std::string>& texts) {
  std::vector<wire::Endpoint> all;
  for (const std::string& text : texts) {
    auto some = net::parse_endpoints(text);
    if (!some) return pass(some);
    all.insert(all.end(), some->begin(), some->end());
  }
  return all;
}

void keep_counting(net::Loop& loop, const net::NetworkCounters& counters, metrics::Counter malformed, metrics::Counter keys) {
  malformed.set_at_least(static_cast<double>(counters.malformed));
  keys.set_at_least(static_cast<double>(counters.refused_keys));
  loop.after(Millis(1'000), [&loop, &counters, malformed, keys] { keep_counting(loop, counters, malformed, keys); });
}

}  // namespace

Ended failed(const Flags& flags, const std::string& what, Ended how) {
  std::fprintf(stderr, "%s: %s\n", flags.name.empty() ? "lace-control" : flags.name.c_str(), what.c_str());
  return how;
}

NamespaceOptions Daemon::namespace_options() const {
  NamespaceOptions options;
  options.cluster = directory.identity().cluster;
  options.root_uid = geteuid();
  options.root_gid = getegid();
  options.now = clock.wall();
  return options;
}

ControlOptions Daemon::control_options() const {
  ControlOptions options;
  options.name = flags.name;
  options.copies = settings.copies;
  options.process_ended = [](const SessionRecord& session) {
    return has_ended({session.process_where, session.process, session.process_started});
  };
  return options;
}

PeerRights Daemon::rights_of(const net::Peer& peer) const {
  if (peer.local) return {true, true, false, "/"};
  const access::Admission* admission = admissions ? admissions->find(peer.key) : nullptr;
  if (admission == nullptr) return {};
  return {!admission->server, admission->server, admission->read_only, admission->subtree};
}

Credentials Daemon::credentials(const std::string& secret) const {
  Credentials made;
  made.rights = [this](const net::Peer& peer) { return rights_of(peer); };
  made.token = [maker = access::TokenMaker(secret), this](const Grant& grant, Millis lease) {
    access::Token token;
    token.session = grant.session;
    token.block = grant.block;
    token.rights = grant.rights;
    token.pages = grant.pages;
    token.expires = clock.wall().seconds + std::chrono::ceil<std::chrono::seconds>(lease).count();
    return maker.make(token);
  };
  made.seal = [maker = access::TokenMaker(secret)](const wire::BlockInfo& block) { return maker.seal(block); };
  const auto passes = std::make_shared<access::PassMaker>(secret, access::Role::control, ServerId{0}, clock);
  made.pass = [passes] { return passes->make(); };
  return made;
}

// What the network counts, shown with the rest.
void Daemon::follow_network() {
  keep_counting(*loop, network->counters(), registry.counter("lace_net_malformed_total", "Frames that could not be decoded."),
                registry.counter("lace_net_refused_keys_total", "Connections refused for their key."));
}

tl::expected<std::unique_ptr<Daemon>, Ended> make_daemon(Flags& flags) {
  const auto give_up = [&](const std::string& what, Ended how = Ended::failed) {
    return tl::unexpected<Ended>(failed(flags, what, how));
  };
  auto listen = endpoints_of(flags.listen);
  if (!listen) return give_up("--listen: " + listen.error().what, Ended::wrong_usage);
  net::NetworkOptions network;
  std::string public_key;
  std::shared_ptr<const access::Admissions> admissions;
  if (!flags.keys.empty()) {
    const auto own = access::load_key_file(flags.keys);
    if (!own) return give_up(own.error().what);
    network.keys = net::KeyPair{own->public_key, own->secret_key};
    public_key = own->public_key;
  }
  if (!flags.admit.empty()) {
    auto list = access::Admissions::load(flags.admit);
    if (!list) return give_up(list.error().what);
    admissions = std::make_shared<const access::Admissions>(std::move(*list));
    network.admit = [admissions](const std::string& key) { return admissions->find(key) != nullptr; };
  }
  auto directory = config::DataDirectory::open(flags.data, "control", flags.name);
  if (!directory) return give_up(directory.error().what);
  if (flags.name.empty()) flags.name = directory->identity().name;
  const auto settings =
      open_settings(directory->path(), flags.copies_given ? std::optional<uint32_t>(flags.copies) : std::nullopt);
  if (!settings) {
    return give_up(settings.error().what, settings.error().code == Code::invalid ? Ended::wrong_usage : Ended::failed);
  }
  std::unique_ptr<Daemon> daemon(new Daemon{flags,
                                            std::move(*directory),
                                            *settings,
                                            std::move(*listen),
                                            std::move(public_key),
                                            std::move(admissions),
                                            {},
                                            {},
                                            {},
                                            {},
                                            {}});
  if (const auto exposed = daemon->registry.expose(flags.metrics); !exposed) {
    return give_up(exposed.error().what, exposed.error().code == Code::invalid ? Ended::wrong_usage : Ended::failed);
  }
  daemon->network = std::make_unique<net::ZmqNetwork>(daemon->clock, std::move(network));
  daemon->loop = daemon->network->make_loop();
  return daemon;
}

}  // namespace lace::control
