// What stands behind -o.
#pragma once

#include <string>
#include <vector>

#include "fs/client/file_system.h"
#include "fs/fuse/service.h"

namespace lace::fs::fuse {

struct MountFlags {
  bool read_only = false;
  AccessTimes access_times = AccessTimes::relative;
  bool allow_other = false;
  bool nonempty = false;
  bool local_reads = true;
  bool synchronous = false;
  Squash squash;
  Millis timeout{60'000};
  std::string subtree = "/";
  std::string keys;                 // a file
  std::vector<std::string> passed;  // to mount(2) as they are: nosuid, nodev, noexec, ...
};

// `options` are the pieces between the commas. `as_root` decides defaults. Errors: invalid, naming the option and the known
// ones.
Result<MountFlags> parse_mount_flags(const std::vector<std::string>& options, bool as_root);

// "ro, noatime, ...": for --help and messages.
std::string known_mount_flags();

}  // namespace lace::fs::fuse
