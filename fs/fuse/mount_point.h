// Where to mount: is it a place for that, and if not, what is in the way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace lace::fs::fuse {

struct MountEntry {    // a line of /proc/self/mountinfo
  std::string device;  // "0:57"
  std::string mount_point, type, source;
};
std::vector<MountEntry> parse_mountinfo(const std::string& text);
// What is mounted at this very path, the topmost; `path` absolute, without symlinks.
std::optional<MountEntry> mounted_at(const std::string& path);

// The absolute path to mount at. Errors say what is in the way and what to do: missing, not a directory, not empty (unless
// allowed), a mount point already, or the remains of a mount whose process is gone.
Result<std::string> check_mount_point(const std::string& path, bool allow_nonempty);

}  // namespace lace::fs::fuse
