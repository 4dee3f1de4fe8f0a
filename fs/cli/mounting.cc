#include "fs/cli/mounting.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fs/cli/log_tail.h"
#include "fs/cli/mount_point.h"
#include "fs/cli/process.h"

namespace lace::cli {
namespace {

constexpr Millis mount_deadline{60'000};
constexpr const char* program_name = "lace-fs";

std::string joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const auto& part : parts) all += (all.empty() ? "" : ",") + part;
  return all;
}

bool has(const std::vector<std::string>& options, const char* wanted) {
  return std::find(options.begin(), options.end(), wanted) != options.end();
}

// lace-fs writes a line to this descriptor when the mount can be used, and closes it without one when it fails.
bool wait_ready(int fd) {
  const Instant end = SystemClock().now() + mount_deadline;
  char byte = 0;
  while (true) {
    const auto left = std::chrono::duration_cast<Millis>(end - SystemClock().now());
    pollfd wanted{fd, POLLIN, 0};
    const int ready = poll(&wanted, 1, static_cast<int>(std::max<int64_t>(0, left.count())));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const ssize_t length = read(fd, &byte, 1);
    if (length < 0 && errno == EINTR) continue;
    return length == 1;
  }
}

}  // namespace

Result<pid_t> start_mount(const MountRequest& request) {
  const bool may_have_content = has(request.options, "nonempty");
  if (const auto usable = check_mount_point(request.mount_point, may_have_content); !usable) return pass(usable);
  auto path = sibling_program(program_name);
  if (!path) return pass(path);
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return fail(Code::io, std::string("pipe: ") + std::strerror(errno));
  Program program{*path,
                  {"--control", request.controls, "--ready-fd", std::to_string(ready[1])},
                  request.log_path,
                  request.pid_path,
                  ready[1]};
  const auto& options = request.options;
  if (!options.empty()) program.arguments.insert(program.arguments.end(), {"-o", joined(options)});
  if (!request.keys_path.empty()) program.arguments.insert(program.arguments.end(), {"--keys", request.keys_path});
  program.arguments.push_back(request.mount_point);
  const LogTail log(request.log_path);
  const auto pid = start_in_background(program);
  close(ready[1]);
  const bool is_ready = pid && wait_ready(ready[0]);
  close(ready[0]);
  if (!pid || is_ready) return pid;
  const bool ended = wait_end(*pid, Millis(2'000));
  if (!ended) (void)end_process(*pid, Millis(5'000));
  if (!request.pid_path.empty()) unlink(request.pid_path.c_str());
  if (is_dead(request.mount_point)) (void)unmount(request.mount_point, true);
  return fail(Code::unavailable, std::string("mounting ") + request.mount_point + " failed" +
                                     (ended ? "" : " (lace-fs was not ready in time)") + ", lace-fs says:" + log.last_words() +
                                     "\n  (its log: " + request.log_path + ")");
}

Status end_mount(const std::string& mount_point, Millis timeout) {
  const auto mount = mount_at(mount_point);
  if (!mount) return fail(Code::invalid, mount_point + " is not mounted");
  if (!mount->type.starts_with("fuse")) {
    return fail(Code::invalid, mount_point + " holds " + mount->type + ", which is not a LaceFS mount: use umount");
  }
  const auto processes = find_running(program_name, mount_point);
  const bool dead = is_dead(mount_point);
  if (const auto done = unmount(mount_point, dead); !done) {
    if (done.error().code != Code::busy) return done;
    std::string users;
    for (const auto& user : users_of(mount_point)) users += (users.empty() ? "" : ", ") + user;
    return fail(Code::busy, mount_point + " is in use" + (users.empty() ? "" : " by " + users) +
                                ": end what uses it, or leave the directory, and try again");
  }
  for (const pid_t pid : processes) {
    if (!wait_end(pid, timeout)) {
      return fail(Code::unavailable, mount_point + " is unmounted, but lace-fs (pid " + std::to_string(pid) +
                                         ") has not ended: it may still be writing; see 'lace status'");
    }
  }
  return {};
}

}  // namespace lace::cli
