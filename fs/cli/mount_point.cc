#include "fs/cli/mount_point.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

extern char** environ;

namespace lace::cli {
namespace {

namespace files = std::filesystem;

// mountinfo writes space, tab, newline and backslash as \ooo.
std::string unescaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

Status fusermount(const std::string& path, bool lazily) {
  int output[2];
  if (pipe2(output, O_CLOEXEC) != 0) return fail(Code::io, std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output[1], 2);
  std::string flags = lazily ? "-uz" : "-u", separator = "--", target = path, name = "fusermount3";
  char* arguments[] = {name.data(), flags.data(), separator.data(), target.data(), nullptr};
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, name.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(output[1]);
  std::string words;
  char piece[256];
  for (ssize_t length; error == 0 && (length = read(output[0], piece, sizeof piece)) > 0;)
    words.append(piece, static_cast<size_t>(length));
  close(output[0]);
  if (error != 0) return fail(Code::not_supported, "fusermount3 can't be run: install the package fuse3");
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  while (words.ends_with('\n')) words.pop_back();
  const bool busy = words.find("busy") != words.npos;
  return fail(busy ? Code::busy : Code::io, path + " can't be unmounted: " + words);
}

bool is_below(const std::string& path, const std::string& top) { return path == top || path.starts_with(top + '/'); }

bool uses(const files::path& process, const std::string& path) {
  std::error_code error;
  for (const char* link : {"cwd", "root", "exe"}) {
    if (is_below(files::read_symlink(process / link, error).string(), path)) return true;
  }
  for (const auto& fd : files::directory_iterator(process / "fd", error)) {
    if (is_below(files::read_symlink(fd.path(), error).string(), path)) return true;
  }
  return false;
}

}  // namespace

std::optional<Mount> mount_at(const std::string& path) {
  std::ifstream mounts("/proc/self/mountinfo");
  std::optional<Mount> found;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string id, parent, device, root, point, word, type, source;
    fields >> id >> parent >> device >> root >> point;
    while (fields >> word && word != "-") {
    }
    fields >> type >> source;
    if (unescaped(point) == path) found = Mount{path, type, unescaped(source)};
  }
  return found;
}

std::string real_path(const std::string& path) {
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved)) return resolved;
  std::error_code error;
  files::path absolute = files::absolute(path, error).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();
  if (realpath(absolute.parent_path().c_str(), resolved)) return files::path(resolved) / absolute.filename();
  return absolute;
}

bool is_dead(const std::string& path) {
  struct stat found {};
  return stat(path.c_str(), &found) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

Status check_mount_point(const std::string& path, bool may_have_content) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) {
    const int error = errno;
    if (error == ENOTCONN || error == ECONNABORTED) {
      return fail(Code::stale_handle,
                  "mount point " + path + " holds a dead mount: take it away with 'lace unmount " + path + "'");
    }
    if (error == ENOENT) return fail(Code::no_entry, "mount point " + path + " does not exist: make it with mkdir -p " + path);
    return fail(Code::access,
                "mount point " + path + ": " + std::strerror(error) + ": choose another, or change its permissions");
  }
  if (!S_ISDIR(found.st_mode)) return fail(Code::not_directory, "mount point " + path + " is not a directory: choose one");
  if (const auto mount = mount_at(path)) {
    return fail(Code::busy, "mount point " + path + " has " + mount->type + " (" + mount->source +
                                ") mounted already: unmount it, or choose another mount point");
  }
  std::error_code error;
  const bool empty = files::is_empty(path, error);
  if (error)
    return fail(Code::access, "mount point " + path + ": " + error.message() + ": choose another, or change its permissions");
  if (!empty && !may_have_content) {
    return fail(Code::not_empty,
                "mount point " + path + " is not empty: choose an empty directory, or hide what is in it with -o nonempty");
  }
  if (geteuid() != 0 && access(path.c_str(), W_OK) != 0) {
    return fail(Code::access, "mount point " + path + " is not yours to write: choose a directory of your own");
  }
  return {};
}

Status unmount(const std::string& path, bool lazily) {
  if (geteuid() != 0) return fusermount(path, lazily);
  if (umount2(path.c_str(), UMOUNT_NOFOLLOW | (lazily ? MNT_DETACH : 0)) == 0) return {};
  switch (errno) {
    case EBUSY: return fail(Code::busy, path + " can't be unmounted: it is in use");
    case EINVAL:
    case ENOENT: return fail(Code::invalid, path + " is not mounted");
    default: return fail(Code::io, path + " can't be unmounted: " + std::strerror(errno));
  }
}

std::vector<std::string> users_of(const std::string& path) {
  std::vector<std::string> users;
  std::error_code error;
  for (const auto& entry : files::directory_iterator("/proc", error)) {
    const std::string pid = entry.path().filename();
    if (pid.find_first_not_of("0123456789") != pid.npos || pid == std::to_string(getpid())) continue;
    if (!uses(entry.path(), path)) continue;
    std::string name;
    std::ifstream comm(entry.path() / "comm");
    std::getline(comm, name);
    users.push_back(name + " (pid " + pid + ")");
  }
  return users;
}

}  // namespace lace::cli
