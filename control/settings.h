// What is decided when a cluster is made, and stays: DATA/settings.json, {"copies": 2}.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"

namespace lace::control {

struct Settings {
  uint32_t copies = 2;  // of each block, 1 to max_copies
};

// Reads the settings of the data directory, or makes them, with `copies` if it is given. Errors: invalid (`copies` is given,
// and another number than the cluster's), corrupt (the file is not ours), and those of the disk.
Result<Settings> open_settings(const std::string& directory, std::optional<uint32_t> copies);

}  // namespace lace::control
