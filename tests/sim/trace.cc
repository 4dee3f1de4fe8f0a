#include "tests/sim/trace.h"

#include <cstdio>

namespace lace::sim {
namespace {

const Clock* clock_of_trace = nullptr;
bool traced = false;
std::string failure;

}  // namespace

void set_trace(const Clock& clock, bool on) {
  clock_of_trace = &clock;
  traced = on;
}

bool is_traced() { return traced; }

Watched& watched() {
  static Watched page;
  return page;
}

void trace_line(const std::string& line) {
  const FileTime now = clock_of_trace->wall();
  const int64_t day = now.seconds % 86'400;
  std::fprintf(stderr, "%02d:%02d:%02d.%06u %s\n", static_cast<int>(day / 3'600), static_cast<int>(day / 60 % 60),
               static_cast<int>(day % 60), now.nanos / 1'000, line.c_str());
}

void violated(const std::string& what) {
  fail_run(what);
  throw Violation{what};
}

void fail_run(const std::string& what) {
  trace("VIOLATED: ", what);
  if (failure.empty()) failure = what;
}

const std::string& run_failure() { return failure; }

}  // namespace lace::sim
