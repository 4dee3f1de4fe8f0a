#include "common/config/limits.h"

#include <sys/resource.h>

#include <cerrno>
#include <cstring>

#include "common/base/log.h"

namespace lace::config {

void raise_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    if (limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return;
  }
  log::warn("limits.open_files", {{"limit", limit.rlim_cur}, {"reason", std::strerror(errno)}});
}

}  // namespace lace::config
