// What a run says of itself, if asked; and where it ends when an invariant does not hold.
#pragma once

#include <sstream>
#include <string>

#include "common/base/clock.h"

namespace lace::sim {

// From now on trace() writes to standard error, each line with the time of day that the logs show, too.
void set_trace(const Clock& clock, bool on);
bool is_traced();
// Says, too, whenever this page of a block changes on a server's disk.
struct Watched {
  uint64_t block = 0;  // 0: none
  uint32_t page = 0;
};
Watched& watched();
void trace_line(const std::string& line);

template <class... Parts>
void trace(const Parts&... parts) {
  if (!is_traced()) return;
  std::ostringstream line;
  (line << ... << parts);
  trace_line(line.str());
}

// Thrown by what checks; never by a thread of a client, whose stack is not the main one's: those call fail_run().
struct Violation {
  std::string what;
};
[[noreturn]] void violated(const std::string& what);

// The first one counts; the run looks at it between two events.
void fail_run(const std::string& what);
const std::string& run_failure();  // empty: none

template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream line;
  (line << ... << parts);
  return line.str();
}

}  // namespace lace::sim
