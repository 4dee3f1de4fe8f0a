// lace down: the reverse of lace up.
#include <unistd.h>

#include <iostream>

#include "common/config/options.h"
#include "fs/cli/commands.h"
#include "fs/cli/local_cluster.h"
#include "fs/cli/mount_point.h"
#include "fs/cli/mounting.h"
#include "fs/cli/process.h"

namespace lace::cli {
namespace {

constexpr Millis mount_grace{60'000};
constexpr Millis server_grace{15'000};

// The mount goes while the servers still run: it has things to write.
Status end_cluster_mount(const LocalCluster& cluster, const ClusterShape& shape) {
  const auto pid = cluster.running("mount", shape);
  if (!shape.mount_point.empty() && (pid || is_dead(shape.mount_point)) && mount_at(shape.mount_point)) {
    if (const auto done = end_mount(shape.mount_point, mount_grace); !done) return done;
    std::cout << shape.mount_point << " unmounted\n";
  } else if (pid) {
    if (const auto ended = end_process(*pid, mount_grace); !ended) return pass(ended);
  }
  unlink(cluster.pid_path("mount").c_str());
  return {};
}

Status end_server(const LocalCluster& cluster, const ClusterShape& shape, const std::string& name) {
  const auto pid = cluster.running(name, shape);
  if (pid) {
    const auto ended = end_process(*pid, server_grace);
    if (!ended) return pass(ended);
    std::cout << name << (*ended == Ending::killed ? " did not stop in time and was killed\n" : " stopped\n");
  }
  unlink(cluster.pid_path(name).c_str());
  return {};
}

Status down(const LocalCluster& cluster) {
  const auto shape = cluster.shape();
  if (!shape) return pass(shape);
  if (!*shape)
    return fail(Code::no_entry,
                "there is no cluster in " + cluster.directory() + ": give --data the directory that 'lace up' had");
  const auto lock = ClusterLock::take(cluster);
  if (!lock) return pass(lock);
  bool any = cluster.running("mount", **shape).has_value();
  if (const auto ended = end_cluster_mount(cluster, **shape); !ended) return ended;
  // Storage servers first: what they say on leaving, control still hears.
  auto names = cluster.storage_names(**shape);
  for (const auto& name : cluster.control_names(**shape)) names.push_back(name);
  for (const auto& name : cluster.etcd_names(**shape)) names.push_back(name);
  for (const auto& name : names) {
    any |= cluster.running(name, **shape).has_value();
    if (const auto ended = end_server(cluster, **shape, name); !ended) return ended;
  }
  std::cout << (any ? "The data stays in " : "Nothing was running. The data is in ") << cluster.directory() << '\n';
  return {};
}

}  // namespace

int down_command(Arguments arguments) {
  std::string data = LocalCluster::default_directory();
  config::Options options("lace down", "unmounts and stops the cluster that 'lace up' started; its data stays");
  options.text("data", data, "DIR", "the cluster's directory");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  if (const auto done = down(LocalCluster(data)); !done) return failed("down", done.error());
  return 0;
}

}  // namespace lace::cli
