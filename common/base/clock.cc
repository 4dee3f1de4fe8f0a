#include "common/base/clock.h"

#include <ctime>

namespace lace {

Instant SystemClock::now() const { return std::chrono::steady_clock::now(); }

FileTime SystemClock::wall() const {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return {now.tv_sec, static_cast<uint32_t>(now.tv_nsec)};
}

}  // namespace lace
