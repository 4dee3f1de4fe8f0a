// The listening end of ipc://: a Unix socket that only its owner may connect to.
#pragma once

#include <string>

#include "common/base/result.h"

namespace lace::net {

// A listening descriptor, mode 0600 from its first moment on. A socket file that nobody answers at is replaced.
// Errors: busy (somebody does), name_too_long, and what the system says as no_entry, access, io.
Result<int> listen_locally(const std::string& path);

}  // namespace lace::net
