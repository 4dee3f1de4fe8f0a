// Text of --help, set for a terminal of 80 columns.
#pragma once

#include <string>
#include <string_view>

namespace lace::config {

// `text` broken at spaces so that no line is longer than `width`, every line but the first indented by `indent` columns.
// A line of `text` that starts with a space stays as it is.
std::string wrapped(std::string_view text, size_t indent, size_t width = 80);

}  // namespace lace::config
