// Places where file systems are mounted.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace lace::cli {

struct Mount {
  std::string mount_point;
  std::string type;    // "fuse.lace"
  std::string source;  // what was mounted
};

// The uppermost mount at exactly this path, which is absolute and without links (see real_path).
std::optional<Mount> mount_at(const std::string& path);

// Absolute, without links and dots. Works for a dead mount point too, which can't be looked at.
std::string real_path(const std::string& path);

// Whether a file system can be mounted there. Errors, with the remedy: no_entry, not_directory, not_empty (unless it may be),
// busy (there is a mount already), stale_handle (a dead mount), access.
Status check_mount_point(const std::string& path, bool may_have_content);

// Unmounts, as root or through fusermount3. `lazily` also takes mounts in use away from the tree. Errors: busy, invalid (not
// mounted), access.
Status unmount(const std::string& path, bool lazily);

// Whether the mount's process is gone, so that every access fails.
bool is_dead(const std::string& path);

// Processes that have something open below the path, as far as we may see; "bash (pid 123)".
std::vector<std::string> users_of(const std::string& path);

}  // namespace lace::cli
