// The one control server of a cluster.
#include "control/daemon/daemon.h"

namespace lace::control {

Ended run_alone(Daemon& daemon) {
  const Flags& flags = daemon.flags;
  auto names = Namespace::open(daemon.directory.path(), daemon.namespace_options());
  if (!names) return failed(flags, names.error().what);
  if ((*names)->position().number != 0) {
    return failed(flags, "this server is a member of a control group: give --etcd, or it would not know what the others did");
  }
  if (const Status joined = daemon.directory.join((*names)->cluster(), 0); !joined) return failed(flags, joined.error().what);
  auto copies = Copies::open(daemon.directory.path());
  if (!copies) return failed(flags, copies.error().what);
  ControlOptions options = daemon.control_options();
  options.listen = daemon.listen;
  Credentials credentials = daemon.credentials((*names)->secret());
  Control server(*daemon.loop, std::move(*names), std::move(*copies), std::move(credentials), daemon.registry,
                 std::move(options));
  if (const Status started = server.start(); !started) return failed(flags, started.error().what);
  daemon.follow_network();
  daemon.signals.watch([&] {
    daemon.loop->post([&] {
      server.stop();
      daemon.loop->stop();
    });
  });
  daemon.loop->run();
  return Ended::well;
}

}  // namespace lace::control
