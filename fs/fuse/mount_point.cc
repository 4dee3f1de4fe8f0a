#include "fs/fuse/mount_point.h"

#include <dirent.h>
#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>

namespace lace::fs::fuse {
namespace {

using namespace std::string_view_literals;

// "\040" is how mountinfo writes a space.
std::string unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string read_mountinfo() {
  std::ifstream file("/proc/self/mountinfo");
  return {std::istreambuf_iterator<char>(file), {}};
}

bool is_empty(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (!directory) return true;  // the mount will say
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name != "."sv && entry->d_name != ".."sv) return false;
  }
  return true;
}

std::string unreadable(const std::string& path, int number) {
  switch (number) {
    case ENOTCONN:
      return path + " is left over from a mount whose process is gone: run 'lace unmount " + path + "', then mount again";
    case ENOENT: return path + " does not exist: make it with 'mkdir -p " + path + "'";
    default: return path + ": " + std::strerror(number);
  }
}

}  // namespace

std::vector<MountEntry> parse_mountinfo(const std::string& text) {
  std::vector<MountEntry> entries;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    // 36 35 98:0 /root /mount/point options [optional...] - type source super-options
    std::istringstream words(line);
    MountEntry entry;
    std::string skipped;
    words >> skipped >> skipped >> entry.device >> skipped >> entry.mount_point;
    while (words >> skipped && skipped != "-") {
    }
    words >> entry.type >> entry.source;
    entry.mount_point = unescape(entry.mount_point);
    entry.source = unescape(entry.source);
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::optional<MountEntry> mounted_at(const std::string& path) {
  std::optional<MountEntry> found;
  for (MountEntry& entry : parse_mountinfo(read_mountinfo())) {
    if (entry.mount_point == path) found = std::move(entry);
  }
  return found;
}

Result<std::string> check_mount_point(const std::string& path, bool allow_nonempty) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  if (!real) return fail(Code::invalid, unreadable(path, errno));
  std::string absolute = real.get();
  struct stat found {};
  if (::stat(absolute.c_str(), &found) != 0) return fail(Code::invalid, unreadable(absolute, errno));
  if (!S_ISDIR(found.st_mode)) return fail(Code::not_directory, absolute + " is not a directory: name a directory to mount at");
  if (const auto mounted = mounted_at(absolute)) {
    return fail(Code::busy, absolute + " is a mount point already (" + mounted->type + "): run '" +
                                (mounted->type == "fuse.lace" ? "lace unmount " : "umount ") + absolute +
                                "' first, or name another directory");
  }
  if (!allow_nonempty && !is_empty(absolute)) {
    return fail(Code::not_empty, absolute +
                                     " is not empty, and a mount would hide what is in it: name an empty directory, "
                                     "or give -o nonempty");
  }
  return absolute;
}

}  // namespace lace::fs::fuse
