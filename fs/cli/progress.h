// How far something is that takes a while: a bar on a terminal, else a line now and then.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "common/base/clock.h"

namespace lace::cli {

// "1 s", "4 min", "2 h".
std::string human_time(uint64_t seconds);
// "[=====>    ] 55 %"
std::string bar(double part, size_t width);

// Writes to standard error, so that --json stays readable.
class Progress {
 public:
  Progress();
  ~Progress();  // ends the line
  // `part` of 0 to 1.
  void show(double part, const std::string& words);

 private:
  const bool terminal_;
  size_t shown_ = 0;  // characters
  std::string last_;
  Instant next_line_{};
};

}  // namespace lace::cli
