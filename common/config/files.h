// Small files that are replaced whole.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace lace::config {

// What a failed system call on `object` means and what helps, for a person. `number` is errno.
Error file_error(const std::string& object, int number);

// Writes `path` so that it holds either what it held or `content`, also after a crash; durable when answered.
Status replace_file(const std::string& path, std::string_view content, unsigned mode);

// Syncs `from` and gives it the place of `to` and of the files that belong to that, which are removed first: after a crash
// there is the old one, none, or the new one. Durable when answered.
Status put_in_place(const std::string& from, const std::string& to, const std::vector<std::string>& belonging);

}  // namespace lace::config
