// lace-fs: mounts LaceFS at a directory, in the foreground.
#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "common/access/keys.h"
#include "common/base/log.h"
#include "common/config/limits.h"
#include "common/config/options.h"
#include "common/net/endpoint.h"
#include "common/net/zmq_network.h"
#include "fs/fuse/mount.h"
#include "fs/fuse/mount_point.h"

namespace {

using namespace lace;

struct Flags {
  std::vector<std::string> controls, mount_options;
  std::string mount_point, keys;
  int ready_fd = -1;
};

int failed(const std::string& what) {
  std::cerr << "lace-fs: " << what << '\n';
  return 1;
}

std::string joined(const std::vector<wire::Endpoint>& endpoints) {
  std::string all;
  for (const auto& one : endpoints) all += (all.empty() ? "" : ",") + net::to_string(one);
  return all;
}

// SIGTERM and SIGINT arrive here instead of ending the process. Before any thread starts: they inherit the mask.
Result<int> catch_stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  signal(SIGPIPE, SIG_IGN);
  if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr)) return fail(Code::io, std::strerror(error));
  const int fd = signalfd(-1, &set, SFD_CLOEXEC);
  if (fd < 0) return fail(Code::io, std::string("signalfd: ") + std::strerror(errno));
  return fd;
}

// Tells whoever started us that the directory can be used: one line, then the end of the pipe.
void say_ready(int fd) {
  if (fd < 0) return;
  while (write(fd, "\n", 1) < 0 && errno == EINTR) {
  }
  close(fd);
}

Result<net::NetworkOptions> network_options(const std::string& key_file) {
  net::NetworkOptions options;
  if (key_file.empty()) return options;
  const auto keys = access::load_key_file(key_file);
  if (!keys) return pass(keys);
  options.keys = net::KeyPair{keys->public_key, keys->secret_key};
  return options;
}

int serve(const Flags& flags, const fs::fuse::MountFlags& mount_flags, const std::vector<wire::Endpoint>& controls,
          int stop_fd) {
  const auto mount_point = fs::fuse::check_mount_point(flags.mount_point, mount_flags.nonempty);
  if (!mount_point) return failed(mount_point.error().what);
  auto options = network_options(mount_flags.keys.empty() ? flags.keys : mount_flags.keys);
  if (!options) return failed(options.error().what);

  const SystemClock clock;
  net::ZmqNetwork network(clock, std::move(*options));
  fs::Profile profile;
  const auto counting = fs::make_counting_network(network, clock, profile);
  fs::MountOptions mount;
  mount.controls = controls;
  mount.mount_point = *mount_point;
  mount.subtree = mount_flags.subtree;
  mount.read_only = mount_flags.read_only;
  mount.access_times = mount_flags.access_times;
  mount.local_reads = mount_flags.local_reads;
  mount.synchronous = mount_flags.synchronous;
  mount.timeout = mount_flags.timeout;
  auto file_system = fs::FileSystem::mount(*counting, clock, std::move(mount));
  if (!file_system) return failed(file_system.error().what);
  {
    auto attached =
        fs::fuse::Mount::attach(**file_system, *counting, clock, {*mount_point, mount_flags, joined(controls), 64, &profile});
    if (!attached) return failed(attached.error().what);
    log::info("mount.ready", {{"mount_point", *mount_point}, {"controls", joined(controls)}});
    say_ready(flags.ready_fd);
    (*attached)->run(stop_fd);
  }
  file_system->reset();  // flushes what is not yet on the servers
  log::info("mount.stopped", {{"mount_point", *mount_point}});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  config::Options options("lace-fs", "mounts LaceFS at a directory, in the foreground, until it is unmounted or gets SIGTERM");
  options.argument("MOUNTPOINT", flags.mount_point, "an empty directory");
  options.list("control", flags.controls, "URL", "the control servers: ipc://PATH or tcp://HOST:PORT#KEY").required();
  options.list("options", flags.mount_options, "OPTION", "mount options: " + fs::fuse::known_mount_flags()).short_name('o');
  options.text("keys", flags.keys, "FILE", "key pair of this client, for tcp:// (as -o keys=FILE)");
  options.number("ready-fd", flags.ready_fd, -1, 1 << 20, "descriptor that gets one byte when the directory is mounted");
  options.daemon_flags();
  options.section("Examples",
                  "  lace-fs --control ipc:///run/lace/control-1.sock ~/lace\n"
                  "  lace-fs --control tcp://a:7400#KEY,tcp://b:7400#KEY -o ro,timeout=10 /mnt/lace");
  if (const auto code = options.parse(argc, argv)) return *code;
  config::raise_open_files();

  const auto mount_flags = fs::fuse::parse_mount_flags(flags.mount_options, geteuid() == 0);
  if (!mount_flags) return options.wrong_usage(mount_flags.error().what);
  std::vector<wire::Endpoint> controls;
  for (const std::string& text : flags.controls) {
    const auto endpoint = net::parse_endpoint(text);
    if (!endpoint) return options.wrong_usage("--control " + text + ": " + endpoint.error().what);
    controls.push_back(*endpoint);
  }
  const auto stop_fd = catch_stop_signals();
  if (!stop_fd) return failed(stop_fd.error().what);
  return serve(flags, *mount_flags, controls, *stop_fd);
}
