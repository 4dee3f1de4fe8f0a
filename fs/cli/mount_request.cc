#include "fs/cli/mount_request.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

namespace lace::cli {
namespace {

Error error_of(int number, const std::string& path) {
  switch (number) {
    case EEXIST: return {Code::exists, "the name is taken: give another, or remove what has it"};
    case E2BIG:
      return {Code::too_big, path + " has more than 100,000 inodes, or very many extents: copy parts of it, one after another"};
    case EAGAIN: return {Code::busy, "another mount of the cluster does not answer: try again; 'lace status' lists them"};
    case EPERM: return {Code::not_permitted, "only root and the owner of the mount may: 'cp --reflink=auto' shares bytes, too"};
    case EACCES: return {Code::access, "this mount shows a part of the tree only, and snapshots are outside of it"};
    case EROFS: return {Code::read_only, path + " can't be changed: the mount is read-only, or it is part of a snapshot"};
    case ENOTTY: return {Code::not_supported, path + " is not on a LaceFS mount: give something below a mount point"};
    case ENOENT: return {Code::no_entry, "there is nothing of this name"};
    default: return {Code::io, path + ": " + std::strerror(number)};
  }
}

}  // namespace

Result<std::string> ask_mount(const std::string& path, const char* name) {
  char value[4096];
  const ssize_t length = lgetxattr(path.c_str(), name, value, sizeof value);
  if (length >= 0) return std::string(value, static_cast<size_t>(length));
  if (errno == ENODATA || errno == EOPNOTSUPP) {
    return fail(Code::not_supported, path + " is not on a LaceFS mount: give a file below a mount point");
  }
  return fail(Code::no_entry, path + ": " + std::strerror(errno));
}

Result<InodeId> inode_of(const std::string& path) {
  const auto text = ask_mount(path, "lace.inode");
  if (!text) return pass(text);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || number == 0) return fail(Code::corrupt, path + ": the mount names no inode but '" + *text + "'");
  return InodeId{number};
}

Result<std::string> mount_of(const std::string& path) {
  if (const auto known = ask_mount(path, "lace.control"); !known) return pass(known);
  std::error_code wrong;
  std::filesystem::path at = std::filesystem::canonical(path, wrong);
  if (wrong) return fail(Code::no_entry, path + ": " + wrong.message());
  struct stat here {
  }, above{};
  if (stat(at.c_str(), &here) != 0) return fail(Code::no_entry, path + ": " + std::strerror(errno));
  while (at.has_relative_path() && stat(at.parent_path().c_str(), &above) == 0 && above.st_dev == here.st_dev) {
    at = at.parent_path();
  }
  return at.string();
}

Status send_request(const std::string& path, unsigned long request, const void* message) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return fail(Code::no_entry, path + ": " + std::strerror(errno));
  const int done = ioctl(descriptor, request, message);
  const int number = errno;
  close(descriptor);
  return done == 0 ? Status{} : tl::unexpected<Error>(error_of(number, path));
}

}  // namespace lace::cli
