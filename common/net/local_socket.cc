#include "common/net/local_socket.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace lace::net {
namespace {

constexpr int backlog = 1024;

tl::unexpected<Error> system_error(const std::string& what, int number) {
  const Code code = number == ENOENT ? Code::no_entry : number == EACCES || number == EPERM ? Code::access : Code::io;
  return fail(code, what + ": " + std::strerror(number));
}

int make_socket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

// Whether a process listens there. One whose queue is full (EAGAIN) does.
bool answers(const sockaddr_un& address) {
  const int probe = make_socket();
  if (probe < 0) return true;
  const int failed = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  close(probe);
  return failed != ECONNREFUSED && failed != ENOENT;
}

int bind_and_listen(int fd, const sockaddr_un& address) {
  // Linux gives the file the mode of the socket, so there is no moment in which others could connect.
  if (fchmod(fd, S_IRUSR | S_IWUSR) != 0) return errno;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return errno;
  return listen(fd, backlog) == 0 ? 0 : errno;
}

}  // namespace

Result<int> listen_locally(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty()) return fail(Code::invalid, "ipc:// without a path");
  if (path.size() >= sizeof address.sun_path) {
    return fail(Code::name_too_long, path + ": longer than the " + std::to_string(sizeof address.sun_path - 1) +
                                         " bytes a socket's path may have: choose a shorter directory");
  }
  std::memcpy(address.sun_path, path.data(), path.size());

  struct stat found {};
  if (lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode))
      return fail(Code::exists, path + ": is there, and is no socket: remove it or choose another path");
    if (answers(address)) return fail(Code::busy, path + ": another process listens there: stop it or choose another path");
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return system_error(path + ": can't remove the old socket", errno);
  }

  const int fd = make_socket();
  if (fd < 0) return system_error(path, errno);
  if (const int failed = bind_and_listen(fd, address); failed != 0) {
    close(fd);
    if (failed == EADDRINUSE) return fail(Code::busy, path + ": another process listens there: stop it or choose another path");
    return system_error(path + ": can't listen", failed);
  }
  return fd;
}

}  // namespace lace::net
