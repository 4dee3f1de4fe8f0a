// lace up: brings up what is not running of a cluster on this machine, and mounts it.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>

#include "common/config/options.h"
#include "fs/cli/asker.h"
#include "fs/cli/commands.h"
#include "fs/cli/local_cluster.h"
#include "fs/cli/local_storages.h"
#include "fs/cli/log_tail.h"
#include "fs/cli/mount_point.h"
#include "fs/cli/mounting.h"
#include "fs/cli/process.h"

namespace lace::cli {
namespace {

constexpr Millis servers_deadline{60'000};  // until all servers are there
constexpr Millis healthy_deadline{20'000};  // then until copies that a crash left behind are in sync again
constexpr Millis poll_interval{20};

struct Wanted {
  std::string data = LocalCluster::default_directory();
  int controls = 1, storages = 3, copies = 2;
  bool controls_given = false, storages_given = false, copies_given = false;
  std::vector<std::string> mount_options;
  std::string mount_point;
};

// What an existing cluster has wins over defaults, but not silently over what was asked for.
Result<ClusterShape> merge(const Wanted& wanted, const std::optional<ClusterShape>& existing, const LocalCluster& cluster) {
  ClusterShape shape = existing.value_or(ClusterShape{wanted.controls, wanted.storages, wanted.copies, wanted.mount_point});
  if (existing && wanted.copies_given && wanted.copies != existing->copies) {
    return fail(Code::invalid, "the cluster in " + cluster.directory() + " keeps " + std::to_string(existing->copies) +
                                   " copies of each block: leave --copies out, or make another cluster with another --data");
  }
  if (existing && wanted.controls_given && wanted.controls != existing->controls) {
    if (wanted.controls < existing->controls) {
      return fail(Code::invalid, "the cluster in " + cluster.directory() + " has " + std::to_string(existing->controls) +
                                     " control servers: to have fewer, stop one and use 'lace control remove'");
    }
    if (existing->controls == 1 && cluster.running("control-1", *existing)) {
      return fail(Code::busy, "control-1 runs alone: use 'lace down' first, then it starts as a member of a group");
    }
    shape.controls = wanted.controls;
  }
  if (existing && wanted.storages_given) shape.storages = std::max(shape.storages, wanted.storages);
  const bool mounted = cluster.running("mount", shape).has_value();
  if (mounted && shape.mount_point != wanted.mount_point) {
    return fail(Code::busy, "the cluster in " + cluster.directory() + " is mounted on " + shape.mount_point +
                                " already: for a second mount use 'lace mount --control " + cluster.control_urls(shape) + " " +
                                wanted.mount_point + "'");
  }
  shape.mount_point = wanted.mount_point;
  return shape;
}

class Bringing {
 public:
  Bringing(const LocalCluster& cluster, const ClusterShape& shape, std::ostream& out = std::cout)
      : cluster_(cluster), shape_(shape), out_(out) {}

  Status servers() {
    for (const auto& name : cluster_.etcd_names(shape_)) {
      if (const auto started = start_etcd(name); !started) return started;
    }
    for (const auto& name : cluster_.control_names(shape_)) {
      if (const auto started = start_control(name); !started) return started;
      if (!is_first_of_new_group(name)) continue;
      if (const auto made = wait_for_group(name); !made) return made;
    }
    for (const auto& name : cluster_.storage_names(shape_)) {
      if (const auto started = start_storage(name); !started) return started;
    }
    return {};
  }

  Status storage(const std::string& name) { return start_storage(name); }

  // Waits for the servers, then a while for health. Answers what the cluster said last.
  Result<wire::ClusterStatusReply> wait() {
    auto asker = Asker::make(cluster_.control_urls(shape_), {});
    if (!asker) return pass(asker);
    const Instant start = SystemClock().now();
    Instant all_up{};
    while (true) {
      auto status = asker->status(Millis(1'000));
      if (const auto alive = check_children(); !alive) return pass(alive);
      const Instant now = SystemClock().now();
      const bool up = status && all_servers_up(*status);
      if (up && all_up == Instant{}) all_up = now;
      if (up && (status->health == "healthy" || now > all_up + healthy_deadline)) return status;
      if (!up && now > start + servers_deadline) return gave_up(status);
      show_progress(status, now - start);
      asker->pause(poll_interval);
    }
  }

  // After an error: what this call started goes away again.
  void undo() {
    for (auto started = started_.rbegin(); started != started_.rend(); ++started) {
      (void)end_process(started->pid, Millis(5'000));
      unlink(cluster_.pid_path(started->name).c_str());
    }
  }

 private:
  struct Started {
    std::string name;
    pid_t pid;
    LogTail log;
  };

  Status start_etcd(const std::string& name) {
    const auto path = system_program("etcd", "etcd-server");
    if (!path) return pass(path);
    const std::string clients = "unix://" + cluster_.etcd_socket(name, 1), peers = "unix://" + cluster_.etcd_socket(name, 2);
    if (!cluster_.running(name, shape_)) {  // one that was killed leaves its sockets behind, and can't take them again
      for (int number : {1, 2}) ::unlink((cluster_.socket_directory() + "/" + cluster_.etcd_socket(name, number)).c_str());
    }
    return start(name, {*path,
                        {"--name", name, "--data-dir", cluster_.data_path(name), "--listen-client-urls", clients,
                         "--advertise-client-urls", clients, "--listen-peer-urls", peers, "--initial-advertise-peer-urls",
                         peers, "--initial-cluster", name + "=" + peers, "--logger", "zap", "--log-outputs", "stderr"},
                        cluster_.log_path(name),
                        cluster_.pid_path(name),
                        -1,
                        cluster_.socket_directory()});
  }
  Status start_control(const std::string& name) {
    std::vector<std::string> arguments{
        "--data",   cluster_.data_path(name),      "--name",    name,         "--listen", cluster_.url(name),
        "--copies", std::to_string(shape_.copies), "--metrics", "127.0.0.1:0"};
    for (const auto& etcd : cluster_.etcd_names(shape_)) arguments.insert(arguments.end(), {"--etcd", cluster_.etcd_url(etcd)});
    return start(name, "lace-control", std::move(arguments));
  }
  Status start_storage(const std::string& name) {
    return start(name, "lace-storage",
                 {"--data", cluster_.data_path(name), "--name", name, "--listen", cluster_.url(name), "--control",
                  cluster_.control_urls(shape_), "--metrics", "127.0.0.1:0"});
  }

  // The first one makes the group, of what it has; others would make an empty one.
  bool is_first_of_new_group(const std::string& name) const {
    const auto names = cluster_.control_names(shape_);
    const auto has_data = [&](const auto& other) {
      return other != name && std::filesystem::exists(cluster_.data_path(other) + "/namespace.db");
    };
    return names.size() > 1 && name == names.front() && std::none_of(names.begin(), names.end(), has_data);
  }

  Status wait_for_group(const std::string& name) {
    auto asker = Asker::make(cluster_.url(name), {});
    if (!asker) return pass(asker);
    const Instant end = SystemClock().now() + servers_deadline;
    while (!asker->status(Millis(1'000))) {
      if (const auto alive = check_children(); !alive) return alive;
      if (SystemClock().now() > end) return fail(Code::unavailable, name + " does not become the master: see its log");
      asker->pause(poll_interval);
    }
    return {};
  }

  Status start(const std::string& name, const std::string& program, std::vector<std::string> arguments) {
    const auto path = sibling_program(program);
    if (!path) return pass(path);
    return start(name, {*path, std::move(arguments), cluster_.log_path(name), cluster_.pid_path(name), -1});
  }

  Status start(const std::string& name, const Program& program) {
    if (const auto pid = cluster_.running(name, shape_)) {
      out_ << name << " is running (pid " << *pid << ")\n";
      return {};
    }
    LogTail log(program.log_path);
    const auto pid = start_in_background(program);
    if (!pid) return pass(pid);
    started_.push_back({name, *pid, std::move(log)});
    out_ << name << " started (pid " << *pid << ")" << std::endl;
    return {};
  }

  Status check_children() {
    for (const auto& started : started_) {
      const auto how = ended_child(started.pid);
      if (!how) continue;
      return fail(Code::unavailable, started.name + " ended at once (" + *how + ") and says:" + started.log.last_words() +
                                         "\n  (its log: " + cluster_.log_path(started.name) + ")");
    }
    return {};
  }

  bool all_servers_up(const wire::ClusterStatusReply& status) const {
    const auto up = [](const auto& server) { return server.state != wire::ServerState::down; };
    if (static_cast<int>(status.controls.size()) < shape_.controls) return false;
    return std::count_if(status.servers.begin(), status.servers.end(), up) >= std::ssize(cluster_.storage_names(shape_));
  }

  std::string what_is_missing(const Result<wire::ClusterStatusReply>& status) const {
    if (!status) return "the control server does not answer yet";
    std::string missing;
    for (const auto& name : cluster_.control_names(shape_)) {
      const auto is_it = [&](const auto& one) { return one.name == name; };
      if (std::none_of(status->controls.begin(), status->controls.end(), is_it)) {
        missing += (missing.empty() ? "" : ", ") + name;
      }
    }
    for (const auto& name : cluster_.storage_names(shape_)) {
      const auto is_up = [&](const auto& one) { return one.name == name && one.state != wire::ServerState::down; };
      if (std::none_of(status->servers.begin(), status->servers.end(), is_up)) missing += (missing.empty() ? "" : ", ") + name;
    }
    if (!missing.empty()) return missing + " not there yet";
    return status->health + (status->reasons.empty() ? "" : ": " + status->reasons.front());
  }

  void show_progress(const Result<wire::ClusterStatusReply>& status, std::chrono::nanoseconds waited) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(waited).count();
    if (seconds < next_words_) return;
    next_words_ = seconds + 2;
    out_ << "waiting (" << seconds << " s): " << what_is_missing(status) << std::endl;
  }

  Result<wire::ClusterStatusReply> gave_up(const Result<wire::ClusterStatusReply>& status) const {
    return fail(Code::unavailable, "the cluster did not come up within " + std::to_string(servers_deadline.count() / 1000) +
                                       " s: " + what_is_missing(status) + ": see the logs in " + cluster_.directory() + "/log");
  }

  const LocalCluster& cluster_;
  const ClusterShape& shape_;
  std::ostream& out_;
  std::vector<Started> started_;
  int64_t next_words_ = 1;
};

Status mount_it(const LocalCluster& cluster, const ClusterShape& shape, const Wanted& wanted) {
  if (const auto pid = cluster.running("mount", shape)) {
    std::cout << "mounted on " << shape.mount_point << " (pid " << *pid << ")\n";
    return {};
  }
  MountRequest request{cluster.control_urls(shape), shape.mount_point,        wanted.mount_options, "",
                       cluster.log_path("mount"),   cluster.pid_path("mount")};
  const auto pid = start_mount(request);
  if (!pid) return pass(pid);
  std::cout << "mounted on " << shape.mount_point << " (pid " << *pid << ")\n";
  return {};
}

void print_result(const LocalCluster& cluster, const ClusterShape& shape, const wire::ClusterStatusReply& status,
                  const Wanted& wanted) {
  const std::string data = wanted.data == LocalCluster::default_directory() ? "" : " --data " + cluster.directory();
  std::cout << "\nThe cluster is " << status.health << ": " << cluster.storage_names(shape).size() << " storage servers, "
            << shape.copies << (shape.copies == 1 ? " copy" : " copies")
            << " of each block. Data and logs: " << cluster.directory() << '\n';
  for (const auto& reason : status.reasons) std::cout << "  " << reason << '\n';
  std::cout << "  lace status" << data << "\n  lace mount --control " << cluster.control_urls(shape)
            << " DIR    (a second mount)\n  lace down" << data << '\n';
}

// What a killed lace-fs left behind. The kernel may not have noticed yet, so that the mount still answers from its memory.
bool is_left_over(const std::string& mount_point) {
  const auto mount = mount_at(mount_point);
  if (!mount || !mount->type.starts_with("fuse")) return false;
  return is_dead(mount_point) || (mount->type == "fuse.lace" && find_running("lace-fs", mount_point).empty());
}

// A mount that died is taken away, so that it can be made again.
Status check_place(const LocalCluster& cluster, const ClusterShape& shape, const Wanted& wanted) {
  if (cluster.running("mount", shape)) return {};
  if (is_left_over(wanted.mount_point)) {
    std::cout << "taking away the dead mount on " << wanted.mount_point << '\n';
    if (const auto gone = unmount(wanted.mount_point, true); !gone) return gone;
  }
  const auto& options = wanted.mount_options;
  return check_mount_point(wanted.mount_point, std::find(options.begin(), options.end(), "nonempty") != options.end());
}

Status up(const Wanted& wanted) {
  const LocalCluster cluster(wanted.data);
  const auto existing = cluster.shape();
  if (!existing) return pass(existing);
  auto shape = merge(wanted, *existing, cluster);
  if (!shape) return pass(shape);
  if (const auto place = check_place(cluster, *shape, wanted); !place) return place;
  if (const auto made = cluster.make_directories(*shape); !made) return made;
  const auto lock = ClusterLock::take(cluster);
  if (!lock) return pass(lock);
  if (const auto saved = cluster.save(*shape); !saved) return saved;
  Bringing bringing(cluster, *shape);
  Status done = bringing.servers();
  if (!done) return bringing.undo(), done;
  const auto status = bringing.wait();
  if (!status) return bringing.undo(), pass(status);
  done = mount_it(cluster, *shape, wanted);
  if (!done) return bringing.undo(), done;
  print_result(cluster, *shape, *status, wanted);
  return {};
}

int check_numbers(const Wanted& wanted, const config::Options& options) {
  if (wanted.copies > wanted.storages && (wanted.copies_given || wanted.storages_given)) {
    return options.wrong_usage("--copies " + std::to_string(wanted.copies) + " needs as many storage servers, but there are " +
                               std::to_string(wanted.storages) + ": raise --storages, or lower --copies");
  }
  return 0;
}

}  // namespace

Result<std::string> add_storage(const LocalCluster& cluster, std::ostream& out) {
  const auto lock = ClusterLock::take(cluster);
  if (!lock) return pass(lock);
  const auto found = cluster.shape();
  if (!found) return pass(found);
  if (!*found) return fail(Code::no_entry, "there is no cluster in " + cluster.directory() + ": start one with 'lace up'");
  ClusterShape shape = **found;
  ++shape.storages;
  const std::string name = cluster.storage_names(shape).back();
  if (const auto made = cluster.make_directories(shape); !made) return pass(made);
  Bringing bringing(cluster, shape, out);
  if (const Status started = bringing.storage(name); !started) return pass(started);
  if (const auto status = bringing.wait(); !status) return bringing.undo(), pass(status);
  if (const auto saved = cluster.save(shape); !saved) return bringing.undo(), pass(saved);
  return name;
}

int up_command(Arguments arguments) {
  Wanted wanted;
  config::Options options("lace up", "starts a cluster on this machine and mounts it, or what is not running of it");
  options.text("data", wanted.data, "DIR", "where the cluster's data, logs and pid files are");
  options.number("controls", wanted.controls, 1, 9,
                 "control servers: of several one works and the others take over when it dies; more than before adds some");
  options.number("storages", wanted.storages, 1, 99, "storage servers; more than before adds some, fewer changes nothing");
  options.number("copies", wanted.copies, 1, 5,
                 "copies of each block, on as many storage servers; settled when the cluster is made");
  options.list("options", wanted.mount_options, "OPTION", "mount options, see 'lace mount --help'").short_name('o');
  options.argument("MOUNTPOINT", wanted.mount_point, "an empty directory");
  options.section("Files",
                  "  DIR/run/NAME.pid   process ids of control-1, storage-1, ..., mount\n"
                  "  DIR/log/NAME.log   what each process logs\n"
                  "  DIR/NAME/          the servers' data");
  options.section("Examples", "  lace up ~/lace\n  lace up --data /srv/lace --storages 5 --copies 3 /mnt/lace");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  wanted.copies_given = options.given("copies");
  wanted.controls_given = options.given("controls");
  wanted.storages_given = options.given("storages");
  if (const int code = check_numbers(wanted, options)) return code;
  wanted.mount_point = real_path(wanted.mount_point);
  if (const auto done = up(wanted); !done) return failed("up", done.error());
  return 0;
}

}  // namespace lace::cli
