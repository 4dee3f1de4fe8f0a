#include <algorithm>
#include <exception>

#include "common/base/log.h"
#include "fs/fuse/operations.h"

namespace lace::fs::fuse::ops {
namespace {

template <size_t length>
struct Name {  // a text as template argument
  char text[length];
  constexpr Name(const char (&from)[length]) { std::copy_n(from, length, text); }
};

// Counts one operation, and whether servers were asked for it.
class Counting {
 public:
  Counting(Service& service, size_t number)
      : service_(service),
        number_(number),
        sent_(Profile::sent_here()),
        begun_(service.profile ? service.clock.now() : Instant{}) {}
  ~Counting() {
    if (!service_.profile) return;
    const auto took = std::chrono::nanoseconds(service_.clock.now() - begun_).count();
    service_.profile->operation(number_).add(static_cast<uint64_t>(took), Profile::sent_here() != sent_);
  }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;

 private:
  Service& service_;
  const size_t number_;
  const uint64_t sent_;
  const Instant begun_;
};

// From libfuse's C to an operation: makes the Request, and lets no exception through libfuse's frames.
template <auto operation, Name name>
struct Entry;
template <class... Arguments, void (*operation)(Request&, Arguments...), Name name>
struct Entry<operation, name> {
  static void run(fuse_req_t raw, Arguments... arguments) noexcept {
    try {
      static const size_t number = Profile::number_of(name.text);
      Request request(raw, name.text);
      const Counting counting(request.service, number);
      operation(request, arguments...);
    } catch (const std::exception& error) {  // memory; the request was answered as it left scope
      static log::Limiter limiter;
      if (limiter.pass()) log::error("mount.exception", {{"what", error.what()}});
    }
  }
};

fuse_lowlevel_ops make_table() {
  fuse_lowlevel_ops out{};
  out.init = init;
  out.lookup = Entry<lookup, "lookup">::run;
  out.forget = forget;
  out.forget_multi = forget_multi;
  out.getattr = Entry<getattr, "getattr">::run;
  out.setattr = Entry<setattr, "setattr">::run;
  out.readlink = Entry<readlink, "readlink">::run;
  out.mknod = Entry<mknod, "mknod">::run;
  out.mkdir = Entry<mkdir, "mkdir">::run;
  out.unlink = Entry<unlink, "unlink">::run;
  out.rmdir = Entry<rmdir, "rmdir">::run;
  out.symlink = Entry<symlink, "symlink">::run;
  out.rename = Entry<rename, "rename">::run;
  out.link = Entry<link, "link">::run;
  out.create = Entry<create, "create">::run;
  out.open = Entry<open, "open">::run;
  out.read = Entry<read, "read">::run;
  out.write = Entry<write, "write">::run;
  out.flush = Entry<flush, "flush">::run;
  out.release = Entry<release, "release">::run;
  out.fsync = Entry<fsync, "fsync">::run;
  out.opendir = Entry<opendir, "opendir">::run;
  out.readdir = Entry<readdir, "readdir">::run;
  out.readdirplus = Entry<readdirplus, "readdirplus">::run;
  out.releasedir = Entry<releasedir, "releasedir">::run;
  out.fsyncdir = Entry<fsyncdir, "fsyncdir">::run;
  out.statfs = Entry<statfs, "statfs">::run;
  out.setxattr = Entry<setxattr, "setxattr">::run;
  out.getxattr = Entry<getxattr, "getxattr">::run;
  out.listxattr = Entry<listxattr, "listxattr">::run;
  out.removexattr = Entry<removexattr, "removexattr">::run;
  out.getlk = Entry<getlk, "getlk">::run;
  out.setlk = Entry<setlk, "setlk">::run;
  out.flock = Entry<flock, "flock">::run;
  out.fallocate = Entry<fallocate, "fallocate">::run;
  out.lseek = Entry<lseek, "lseek">::run;
  out.copy_file_range = Entry<copy_file_range, "copy_file_range">::run;
  out.ioctl = Entry<ioctl, "ioctl">::run;
  return out;
}

}  // namespace

const fuse_lowlevel_ops& table() {
  static const fuse_lowlevel_ops made = make_table();
  return made;
}

void init(void*, fuse_conn_info* connection) {
  unsigned want = FUSE_CAP_ASYNC_READ | FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS;
  want |= FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_EXPORT_SUPPORT;
  want |= FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK;  // permissions are the kernel's, umask and default ACLs ours
  want |= FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_IOCTL_DIR;
  want |= FUSE_CAP_CACHE_SYMLINKS;  // the target of a symlink never changes
  // Not FUSE_CAP_AUTO_INVAL_DATA: it drops a file's pages after each of our own writes; open() and KernelCache say when pages
  // are old. Not FUSE_CAP_HANDLE_KILLPRIV: the kernel does that with a SETATTR. Not splice, not write-back: slower here.
  // Not FUSE_CAP_ASYNC_DIO: nothing, not even SIGKILL, would end a direct read that waits for a server.
  connection->want = want & connection->capable;
  connection->max_write = 1 << 20;
  connection->max_read = 0;
  connection->max_readahead = 4 << 20;
  connection->max_background = 64;
  connection->congestion_threshold = 48;
  connection->time_gran = 1;
}

}  // namespace lace::fs::fuse::ops
