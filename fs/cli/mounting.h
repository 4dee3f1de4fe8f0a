// Starting and ending the process behind a mount, lace-fs.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace lace::cli {

struct MountRequest {
  std::string controls;  // "URL[#KEY][,...]"
  std::string mount_point;
  std::vector<std::string> options;  // of -o
  std::string keys_path;             // for tcp://; may be empty
  std::string log_path;
  std::string pid_path;  // may be empty
};

// Starts lace-fs in the background and waits until the file system can be used. Errors: those of check_mount_point(), and what
// lace-fs says in its log; nothing runs and nothing is mounted then.
Result<pid_t> start_mount(const MountRequest& request);

// Unmounts, and waits until the process behind it is gone and what it held back is written. A dead mount is taken away. Errors:
// busy (says who uses it), invalid (not mounted, or not a LaceFS mount), unavailable (unmounted, but the process does not end).
Status end_mount(const std::string& mount_point, Millis timeout);

}  // namespace lace::cli
