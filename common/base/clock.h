// The Clock seam: real in the daemons, simulated in tests. Nothing else in the project asks the system for the time.
#pragma once

#include <chrono>
#include <cstdint>

namespace lace {

using Millis = std::chrono::milliseconds;
using Micros = std::chrono::microseconds;

// A point of the monotonic clock. It stands still for nobody: it goes on while the process is stopped.
using Instant = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

// Wall-clock time as files carry it.
struct FileTime {
  int64_t seconds = 0;  // since 1970-01-01 UTC
  uint32_t nanos = 0;   // 0 to 999,999,999
  auto operator<=>(const FileTime&) const = default;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual FileTime wall() const = 0;
};

// CLOCK_MONOTONIC and CLOCK_REALTIME.
class SystemClock final : public Clock {
 public:
  Instant now() const override;
  FileTime wall() const override;
};

}  // namespace lace
