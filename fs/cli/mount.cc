// lace mount, lace unmount.
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "common/config/options.h"
#include "common/net/endpoint.h"
#include "fs/cli/commands.h"
#include "fs/cli/mount_point.h"
#include "fs/cli/mounting.h"

namespace lace::cli {
namespace {

// ~/.local/state/lace/mount-home-me-lace.log
Result<std::string> log_path_of(const std::string& mount_point) {
  std::string state;
  if (const char* given = std::getenv("XDG_STATE_HOME"); given && *given == '/') {
    state = given;
  } else if (const char* home = std::getenv("HOME"); home && *home == '/') {
    state = std::string(home) + "/.local/state";
  } else {
    const passwd* user = getpwuid(geteuid());
    state = std::string(user ? user->pw_dir : "/tmp") + "/.local/state";
  }
  std::error_code error;
  std::filesystem::create_directories(state + "/lace", error);
  if (error)
    return fail(Code::io, "directory for logs " + state + "/lace: " + error.message() + ": make it, or set XDG_STATE_HOME");
  std::string name = mount_point;
  std::replace(name.begin(), name.end(), '/', '-');
  if (name.size() > 200) name.erase(0, name.size() - 200);
  return state + "/lace/mount" + name + ".log";
}

std::string joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const auto& part : parts) all += (all.empty() ? "" : ",") + part;
  return all;
}

}  // namespace

int mount_command(Arguments arguments) {
  MountRequest request;
  std::vector<std::string> controls;
  config::Options options("lace mount", "mounts a cluster that runs; returns when the mount can be used");
  options.list("control", controls, "URL", "control servers: ipc://PATH or tcp://HOST:PORT#KEY").required();
  options.list("options", request.options, "OPTION", "mount options, see below").short_name('o');
  options.text("keys", request.keys_path, "FILE", "key file to show to servers on tcp://, as made by 'lace key new'");
  options.text("log", request.log_path, "FILE",
               "where the mount's process logs (default: mount-....log in ~/.local/state/lace)");
  options.argument("MOUNTPOINT", request.mount_point, "an empty directory");
  options.section("Mount options",
                  "  ro                   read only\n"
                  "  noatime, relatime, strictatime\n"
                  "                       when reading a file changes its access time (relatime)\n"
                  "  allow_other          other users may use the mount (needs user_allow_other in\n"
                  "                       /etc/fuse.conf, or root)\n"
                  "  uid=N, gid=N         all files belong to this user, this group\n"
                  "  timeout=SECONDS      how long I/O waits for servers that are away (60)\n"
                  "  subtree=/PATH        show this directory of the cluster as the top\n"
                  "  nonempty             the mount point may have content, which is hidden\n"
                  "  nolocal              never read a copy's file on this machine: ask its server\n"
                  "  sync                 every change waits until it is on stable storage");
  options.section("Examples",
                  "  lace mount --control ipc:///path/run/control-1.sock /mnt/lace\n  lace mount --control tcp://host:7400#KEY "
                  "--keys me.key -o ro /mnt/lace");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  request.controls = joined(controls);
  if (const auto valid = net::parse_endpoints(request.controls); !valid) return options.wrong_usage(valid.error().what);
  request.mount_point = real_path(request.mount_point);
  if (request.log_path.empty()) {
    auto path = log_path_of(request.mount_point);
    if (!path) return failed("mount", path.error());
    request.log_path = *path;
  }
  const auto pid = start_mount(request);
  if (!pid) return failed("mount", pid.error());
  return 0;
}

int unmount_command(Arguments arguments) {
  std::string mount_point;
  config::Options options("lace unmount", "unmounts; returns when everything is written and the mount's process has ended");
  options.argument("MOUNTPOINT", mount_point, "where LaceFS is mounted; a dead mount is taken away too");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  if (const auto done = end_mount(real_path(mount_point), Millis(120'000)); !done) return failed("unmount", done.error());
  return 0;
}

}  // namespace lace::cli
