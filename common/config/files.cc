#include "common/config/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace lace::config {
namespace {

Status write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(Code::io);
    content.remove_prefix(static_cast<size_t>(written));
  }
  return fsync(fd) == 0 ? Status{} : fail(Code::io);
}

bool sync_parent(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string parent = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const int fd = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool synced = fsync(fd) == 0;
  const int error = errno;
  close(fd);
  errno = error;
  return synced;
}

}  // namespace

Error file_error(const std::string& object, int number) {
  const auto say = [&](Code code, const std::string& what) { return Error{code, object + ": " + what}; };
  switch (number) {
    case EACCES:
    case EPERM: return say(Code::access, "no permission: run as its owner, or change its mode");
    case EROFS: return say(Code::read_only, "the disk is read-only: mount it read-write, or use another one");
    case ENOSPC:
    case EDQUOT: return say(Code::no_space, "the disk is full: make room, or use another one");
    case ENOENT: return say(Code::no_entry, "does not exist: check the path");
    default: return say(Code::io, std::string(std::strerror(number)) + ": check the disk and the path");
  }
}

Status replace_file(const std::string& path, std::string_view content, unsigned mode) {
  const std::string aside = path + ".new";
  const int fd = open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return tl::unexpected<Error>(file_error(path, errno));
  const Status written = write_all(fd, content);
  const int error = errno;
  close(fd);
  if (!written) {
    unlink(aside.c_str());
    return tl::unexpected<Error>(file_error(path, error));
  }
  if (rename(aside.c_str(), path.c_str()) != 0 || !sync_parent(path)) return tl::unexpected<Error>(file_error(path, errno));
  return {};
}

Status put_in_place(const std::string& from, const std::string& to, const std::vector<std::string>& belonging) {
  const int fd = open(from.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (!synced) return tl::unexpected<Error>(file_error(from, error));
  // The file itself before those that belong to it: they are nothing without it, and harm another one.
  if (unlink(to.c_str()) != 0 && errno != ENOENT) return tl::unexpected<Error>(file_error(to, errno));
  if (!sync_parent(to)) return tl::unexpected<Error>(file_error(to, errno));
  for (const std::string& path : belonging) {
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return tl::unexpected<Error>(file_error(path, errno));
  }
  if (!sync_parent(to)) return tl::unexpected<Error>(file_error(to, errno));
  if (rename(from.c_str(), to.c_str()) != 0 || !sync_parent(to)) return tl::unexpected<Error>(file_error(to, errno));
  return {};
}

}  // namespace lace::config
