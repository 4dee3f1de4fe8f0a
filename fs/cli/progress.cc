#include "fs/cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace lace::cli {
namespace {
constexpr Millis line_every{5'000};
constexpr size_t bar_width = 30;
}  // namespace

std::string human_time(uint64_t seconds) {
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7'200) return std::to_string(seconds / 60) + " min";
  if (seconds < 172'800) return std::to_string(seconds / 3'600) + " h";
  return std::to_string(seconds / 86'400) + " days";
}

std::string bar(double part, size_t width) {
  part = std::clamp(part, 0.0, 1.0);
  const auto full = static_cast<size_t>(part * static_cast<double>(width));
  std::string text(full, '=');
  if (full < width) text += '>' + std::string(width - full - 1, ' ');
  const std::string percent = std::to_string(static_cast<int>(part * 100));
  return '[' + text + "] " + std::string(3 - percent.size(), ' ') + percent + " %";
}

Progress::Progress() : terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (shown_ > 0) std::cerr << std::endl;
}

void Progress::show(double part, const std::string& words) {
  if (words == last_) return;
  if (terminal_) {
    std::string line = bar(part, bar_width) + "  " + words;
    const size_t length = line.size();
    if (length < shown_) line += std::string(shown_ - length, ' ');
    shown_ = length;
    std::cerr << '\r' << line << std::flush;
    last_ = words;
    return;
  }
  const Instant now = SystemClock().now();
  if (now < next_line_) return;
  next_line_ = now + line_every;
  last_ = words;
  std::cerr << words << std::endl;
}

}  // namespace lace::cli
