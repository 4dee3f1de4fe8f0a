#include "common/config/help_text.h"

#include <sstream>

namespace lace::config {
namespace {

void wrap_line(std::string& out, std::string_view line, size_t indent, size_t width) {
  std::istringstream words{std::string(line)};
  size_t column = indent;
  for (std::string word; words >> word;) {
    const bool first = column == indent;
    if (!first && column + 1 + word.size() > width) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (!first) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
}

}  // namespace

std::string wrapped(std::string_view text, size_t indent, size_t width) {
  std::string out;
  std::istringstream lines{std::string(text)};
  bool first = true;
  for (std::string line; std::getline(lines, line); first = false) {
    if (!first) out += '\n' + (line.empty() ? "" : std::string(indent, ' '));
    if (line.starts_with(' ')) {
      out += line;
    } else {
      wrap_line(out, line, indent, width);
    }
  }
  return out;
}

}  // namespace lace::config
