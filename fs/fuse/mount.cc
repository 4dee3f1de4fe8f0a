#include "fs/fuse/mount.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include "common/base/check.h"
#include "common/base/log.h"
#include "fs/fuse/engine.h"
#include "fs/fuse/fuse_api.h"
#include "fs/fuse/mount_point.h"
#include "fs/fuse/operations.h"
#include "fs/fuse/unmount.h"

namespace lace::fs::fuse {
namespace {

constexpr int read_ahead_kb = 4096;

class EventFd {
 public:
  EventFd() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(fd_ >= 0); }
  ~EventFd() { ::close(fd_); }
  EventFd(const EventFd&) = delete;
  EventFd& operator=(const EventFd&) = delete;
  int fd() const { return fd_; }
  void set() { static_cast<void>(::eventfd_write(fd_, 1)); }

 private:
  const int fd_;
};

std::string kernel_options(const MountFlags& flags) {
  std::string out = "fsname=lace,subtype=lace,default_permissions";
  if (flags.read_only) out += ",ro";
  if (flags.allow_other) out += ",allow_other";
  for (const std::string& one : flags.passed) out += "," + one;
  return out;
}

// The kernel reads ahead 128 KiB whatever INIT says, until this is written.
void raise_read_ahead(const std::string& device) {
  const std::string path = "/sys/class/bdi/" + device + "/read_ahead_kb";
  std::ofstream file(path);
  file << read_ahead_kb << std::flush;
  if (!file)
    log::info("mount.read_ahead_kept", {{"file", path}, {"remedy", "write 4096 to it as root: large reads get faster"}});
}

// Consumes what made `stop_fd` readable.
void drain(int stop_fd) {
  char buffer[sizeof(signalfd_siginfo)];
  while (::read(stop_fd, buffer, sizeof buffer) < 0 && errno == EINTR) {
  }
}

class KernelMount final : public Mount {
 public:
  KernelMount(FileSystem& file_system, net::Network& network, const Clock& clock, AttachOptions options)
      : options_(std::move(options)),
        network_(network),
        service_(file_system, network, clock, options_.flags.squash, options_.controls) {
    service_.profile = options_.profile;
  }
  ~KernelMount() override;
  Status attach();
  void run(int stop_fd) override;

 private:
  Status open_session();
  void connect();
  void disconnect();
  void detach(int stop_fd);
  void end();
  bool wait(int first, int second);

  const AttachOptions options_;
  net::Network& network_;
  Service service_;
  std::string device_;  // "0:57"
  fuse_session* session_ = nullptr;
  std::unique_ptr<Engine> engine_;
  EventFd ended_, unmounted_;
  bool attached_ = false;
};

Status KernelMount::open_session() {
  const std::string options = kernel_options(options_.flags);
  const char* arguments[] = {"lace-fs", "-o", options.c_str(), nullptr};
  fuse_args parsed = FUSE_ARGS_INIT(3, const_cast<char**>(arguments));
  session_ = fuse_session_new(&parsed, &ops::table(), sizeof(fuse_lowlevel_ops), &service_);
  fuse_opt_free_args(&parsed);
  if (!session_) return fail(Code::io, "libfuse refused the mount options " + options);
  service_.session = session_;
  if (fuse_session_mount(session_, options_.mount_point.c_str()) != 0) {
    const int number = errno;
    return fail(Code::io, "mounting at " + options_.mount_point + " failed (" + std::strerror(number) +
                              "): is /dev/fuse there, and is this process allowed to mount (root, or fusermount3 installed)?");
  }
  attached_ = true;
  if (const auto mounted = mounted_at(options_.mount_point)) device_ = mounted->device;
  fuse_custom_io io{};
  io.writev = write_reply;
  io.read = [](int device, void* into, size_t room, void*) { return ::read(device, into, room); };
  CHECK(fuse_session_custom_io(session_, &io, fuse_session_fd(session_)) == 0);
  return {};
}

Status KernelMount::attach() {
  Status opened = open_session();
  if (!opened) return opened;
  engine_ = make_device_engine(service_, network_, options_.max_threads);
  Status greeted = engine_->greet();
  if (!greeted) return greeted;
  connect();
  engine_->start([this] { ended_.set(); });
  if (::geteuid() == 0) raise_read_ahead(device_);
  return {};
}

// What the file system tells the kernel.
void KernelMount::connect() {
  Service& service = service_;
  const auto node = [&service](InodeId inode) { return inode == service.root ? FUSE_ROOT_ID : raw(inode); };
  // -ENOENT everywhere: the kernel did not know it any more.
  const auto drop = [&service, node](InodeId inode, off_t from) {
    service.chores.add([&service, number = node(inode), from](net::Caller&) {
      service.interrupts.wait_for_replies();
      fuse_lowlevel_notify_inval_inode(service.session, number, from, 0);
    });
  };
  KernelCache cache;
  cache.drop_attributes = [drop](InodeId inode) { drop(inode, -1); };
  cache.drop_pages = [drop](InodeId inode) { drop(inode, 0); };
  cache.drop_entry = [&service, node](InodeId parent, const std::string& name) {
    service.chores.add([&service, number = node(parent), name](net::Caller&) {
      service.interrupts.wait_for_replies();
      fuse_lowlevel_notify_inval_entry(service.session, number, name.data(), name.size());
    });
  };
  cache.settle = [&service](Millis longest) { service.chores.settle(longest); };
  service.file_system.set_kernel_cache(std::move(cache));
  service.file_system.set_on_lock_granted([&service](uint64_t waiter) { service.parked.granted(waiter); });
}

void KernelMount::disconnect() {
  service_.file_system.set_kernel_cache({[](InodeId) {}, [](InodeId) {}, [](InodeId, const std::string&) {}, [](Millis) {}});
  service_.file_system.set_on_lock_granted([](uint64_t) {});
}

// True: the first became readable.
bool KernelMount::wait(int first, int second) {
  pollfd fds[] = {{first, POLLIN, 0}, {second, POLLIN, 0}};
  while (::poll(fds, 2, -1) < 0) CHECK(errno == EINTR || errno == EAGAIN);
  return fds[0].revents != 0;
}

void KernelMount::run(int stop_fd) {
  if (wait(stop_fd, ended_.fd())) {
    drain(stop_fd);
    log::info("mount.stopping", {{"mount_point", options_.mount_point}});
    detach(stop_fd);
  } else {
    log::info("mount.unmounted", {{"mount_point", options_.mount_point}});
    end();
  }
}

void KernelMount::detach(int stop_fd) {
  const Unmount unmount(options_.mount_point, device_, unmounted_.fd());
  if (wait(stop_fd, unmounted_.fd())) {
    drain(stop_fd);
    log::warn("mount.stopped_at_once", {{"mount_point", options_.mount_point}});
  }
  end();  // closes the devices, which frees the thread of `unmount` from whatever it waits for
}

void KernelMount::end() {
  if (attached_) disconnect();
  service_.interrupts.interrupt_all();
  service_.parked.end();
  service_.chores.end();
  if (engine_) engine_->stop();
  attached_ = false;
  engine_.reset();
  if (session_) fuse_session_destroy(session_);  // closes the last device; does not unmount
  session_ = service_.session = nullptr;
}

KernelMount::~KernelMount() {
  if (!attached_) {
    end();
    return;
  }
  const Unmount unmount(options_.mount_point, device_, unmounted_.fd());
  wait(unmounted_.fd(), unmounted_.fd());
  end();
}

}  // namespace

Result<std::unique_ptr<Mount>> Mount::attach(FileSystem& file_system, net::Network& network, const Clock& clock,
                                             AttachOptions options) {
  auto mount = std::make_unique<KernelMount>(file_system, network, clock, std::move(options));
  const Status attached = mount->attach();
  if (!attached) return pass(attached);
  return mount;
}

}  // namespace lace::fs::fuse
