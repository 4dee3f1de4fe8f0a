#include "fs/fuse/unmount.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "common/base/log.h"
#include "fs/fuse/mount_point.h"

extern char** environ;

namespace lace::fs::fuse {
namespace {

// mmap'ed pages that were changed; the rest is with the file system already.
void write_back(const std::string& mount_point) {
  const int directory = ::open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  if (::syncfs(directory) != 0) log::warn("mount.sync_failed", {{"error", std::strerror(errno)}});
  ::close(directory);
}

bool fusermount(const std::string& mount_point, bool lazy) {
  const char* arguments[] = {"fusermount3", lazy ? "-uzq" : "-uq", "--", mount_point.c_str(), nullptr};
  pid_t child = 0;
  if (::posix_spawnp(&child, arguments[0], nullptr, nullptr, const_cast<char**>(arguments), environ) != 0) return false;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return false;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool unmount_once(const std::string& mount_point, bool lazy) {
  if (::geteuid() != 0) return fusermount(mount_point, lazy);
  return ::umount2(mount_point.c_str(), (lazy ? MNT_DETACH : 0) | UMOUNT_NOFOLLOW) == 0;
}

void unmount(const std::string& mount_point) {
  write_back(mount_point);
  if (unmount_once(mount_point, false)) return;
  // Somebody has files open or stands in it. The name goes away now, their files at the end of this process.
  log::warn("mount.busy", {{"mount_point", mount_point}, {"remedy", "programs that still use it will see ENOTCONN"}});
  if (!unmount_once(mount_point, true)) {
    log::error("mount.unmount_failed", {{"mount_point", mount_point}, {"error", std::strerror(errno)}});
  }
}

}  // namespace

struct Unmount::Thread {
  std::thread thread;
};

Unmount::Unmount(std::string mount_point, std::string device, int done_fd) : thread_(std::make_unique<Thread>()) {
  thread_->thread = std::thread([mount_point = std::move(mount_point), device = std::move(device), done_fd] {
    const auto mounted = mounted_at(mount_point);
    if (mounted && mounted->device == device) unmount(mount_point);
    static_cast<void>(::eventfd_write(done_fd, 1));
  });
}

Unmount::~Unmount() { thread_->thread.join(); }

}  // namespace lace::fs::fuse
