#include "fs/cli/log_tail.h"

#include <cctype>
#include <deque>
#include <filesystem>
#include <fstream>

namespace lace::cli {
namespace {

namespace files = std::filesystem;
constexpr uint64_t largest_log_bytes = uint64_t{64} << 20;
constexpr size_t most_lines = 5;

// Events start with a time, what is printed for people does not.
bool is_event(const std::string& line) {
  return line.size() > 20 && std::isdigit(static_cast<unsigned char>(line[0])) && line[10] == 'T';
}

void keep(std::deque<std::string>& lines, const std::string& line) {
  lines.push_back(line);
  if (lines.size() > most_lines) lines.pop_front();
}

}  // namespace

LogTail::LogTail(std::string path) : path_(std::move(path)) {
  std::error_code error;
  const uint64_t size = files::file_size(path_, error);
  if (error) return;
  if (size <= largest_log_bytes) {
    start_ = size;
    return;
  }
  files::rename(path_, path_ + ".1", error);
  if (error) start_ = size;
}

std::string LogTail::last_words() const {
  std::ifstream file(path_);
  file.seekg(static_cast<std::streamoff>(start_));
  std::deque<std::string> events, words;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) keep(is_event(line) ? events : words, line);
  }
  std::string text;
  for (const auto& line : words.empty() ? events : words) text += "\n  " + line;
  return text;
}

}  // namespace lace::cli
