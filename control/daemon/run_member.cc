// A member of a control group.
#include <unistd.h>

#include <filesystem>

#include "common/base/log.h"
#include "control/daemon/daemon.h"
#include "control/etcd/etcd_register.h"
#include "control/group/member.h"

namespace lace::control {
namespace {

constexpr const char* namespace_files[] = {"/namespace.db", "/namespace.db-wal", "/namespace.db-shm"};

MemberProcess process_of(Daemon& daemon, Ended& ended) {
  const std::string directory = daemon.directory.path();
  MemberProcess process;
  process.open = [&daemon, directory] {
    NamespaceOptions options = daemon.namespace_options();
    options.grouped = true;
    return Namespace::open(directory, options);
  };
  process.exists = [directory] { return std::filesystem::exists(directory + namespace_files[0]); };
  process.remove = [directory] {
    for (const char* file : namespace_files) ::unlink((directory + file).c_str());
  };
  process.joined = [&daemon](const std::string& cluster) { return daemon.directory.join(cluster, 0); };
  process.lead = [&daemon, directory](std::unique_ptr<Namespace> names, GroupHooks hooks) -> Result<std::unique_ptr<Control>> {
    auto copies = Copies::open(directory);
    if (!copies) return pass(copies);
    ControlOptions options = daemon.control_options();
    options.group = std::move(hooks);
    Credentials credentials = daemon.credentials(names->secret());
    return std::make_unique<Control>(*daemon.loop, std::move(names), std::move(*copies), std::move(credentials),
                                     daemon.registry, std::move(options));
  };
  process.start_again = [&daemon, &ended](const std::string& why) {
    log::info("control.starts_again", {{"why", why}});
    ended = Ended::starts_again;
    daemon.loop->stop();
  };
  process.refused = [&daemon, &ended](const Error& error) {
    ended = failed(daemon.flags, error.what);
    daemon.loop->stop();
  };
  return process;
}

}  // namespace

Ended run_member(Daemon& daemon) {
  const Flags& flags = daemon.flags;
  auto record = EtcdRegister::make(*daemon.loop, flags.etcd, "/lacefs/" + flags.group);
  if (!record) return failed(flags, "--etcd: " + record.error().what, Ended::wrong_usage);
  MemberOptions options;
  options.self = {flags.name, daemon.listen};
  for (wire::Endpoint& endpoint : options.self.endpoints) {
    if (!endpoint.url.starts_with("ipc://")) endpoint.key = daemon.public_key;  // that the others must find there
  }
  options.directory = daemon.directory.path();
  options.new_group = flags.new_group;
  options.trusts = [&daemon](const net::Peer& peer) { return daemon.rights_of(peer).storage; };
  Ended ended = Ended::well;
  Member member(*daemon.loop, **record, std::move(options), process_of(daemon, ended));
  if (const Status started = member.start(); !started) return failed(flags, started.error().what);
  daemon.follow_network();
  daemon.signals.watch([&] {
    daemon.loop->post([&] {
      member.stop([&] {
        if (Control* control = member.control()) control->stop();
        daemon.loop->stop();
      });
    });
  });
  daemon.loop->run();
  return ended;
}

}  // namespace lace::control
