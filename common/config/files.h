// Small files that are replaced whole.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace lace::config {

// What a failed system call on `object` means and what helps, for a person. `number` is errno.
Error file_error(const std::string& object, int number);

// Writes `path` so that it holds either what it held or `content`, also after a crash; durable when answered.
Status replace_file(const std::string& path, std::string_view content, unsigned mode);

}  // namespace lace::config
