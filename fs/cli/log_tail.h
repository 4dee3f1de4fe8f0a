// What a process in the background wrote since a moment: its last words when it fails.
#pragma once

#include <cstdint>
#include <string>

namespace lace::cli {

class LogTail {
 public:
  // From the end of the file as it is now. A log that has grown beyond 64 MiB is set aside first, as PATH.1.
  explicit LogTail(std::string path);
  // The last lines that were written since, indented; what the program printed for people comes before its events.
  std::string last_words() const;

 private:
  std::string path_;
  uint64_t start_ = 0;
};

}  // namespace lace::cli
