// lace-control: the namespace of a cluster, and the care for its copies.
#include <sys/stat.h>
#include <unistd.h>

#include "common/config/limits.h"
#include "common/config/options.h"
#include "control/daemon/daemon.h"

namespace {

using namespace lace;

control::Ended run(control::Flags& flags) {
  const auto daemon = control::make_daemon(flags);
  if (!daemon) return daemon.error();
  return flags.etcd.empty() ? control::run_alone(**daemon) : control::run_member(**daemon);
}

}  // namespace

int main(int argc, char** argv) {
  umask(0077);  // the namespace holds the cluster's secret
  control::Flags flags;
  config::Options options("lace-control", "keeps the namespace of a cluster, and cares for its copies");
  options.text("data", flags.data, "DIR", "data directory; an empty one becomes a new cluster's, or a new member's").required();
  options.text("name", flags.name, "NAME", "name of this server, as in control-1; kept in the data directory");
  options.list("listen", flags.listen, "URL", "where to listen: ipc:///PATH, or tcp://HOST:PORT (needs --keys and --admit)")
      .required();
  options.number("copies", flags.copies, 1, static_cast<uint32_t>(max_copies),
                 "copies of each block; fixed when the cluster is made");
  options.text("metrics", flags.metrics, "HOST:PORT", "serve metrics over HTTP; port 0 picks one and logs it");
  options.text("keys", flags.keys, "FILE", "this server's key pair, as `lace key new` writes it");
  options.text("admit", flags.admit, "FILE", "public keys that are let in over tcp, with what they may do");
  options.list("etcd", flags.etcd, "URL",
               "be a member of a control group, whose record is in this etcd: http://HOST:PORT or unix:///PATH");
  options.text("group", flags.group, "NAME", "the name of the group in etcd");
  options.flag("new-group", flags.new_group,
               "the group's record is lost: make it again from this member, which must hold the newest state");
  options.daemon_flags();
  if (const auto code = options.parse(argc, argv)) return *code;
  config::raise_open_files();
  flags.copies_given = options.given("copies");
  const control::Ended ended = run(flags);
  if (ended != control::Ended::starts_again) return static_cast<int>(ended);
  execv("/proc/self/exe", argv);  // the same process, which knows nothing any more
  return 1;
}
