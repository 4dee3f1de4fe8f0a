// See thread_functions.cc.
#pragma once

#include <cstdint>

#include "common/base/clock.h"

namespace lace::sim {

// From now on the program has this clock (threads have that of their process), and random numbers from this seed.
void begin_virtual_time(const Clock& clock, uint64_t seed);

}  // namespace lace::sim
