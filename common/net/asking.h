// What loops and callers say alike.
#pragma once

#include <algorithm>
#include <ctime>

#include "common/base/clock.h"
#include "common/wire/envelope.h"

namespace lace::net {

// For ppoll(2). A time that has passed is no wait.
inline timespec time_left(Instant until, Instant now) {
  const auto left = until <= now ? std::chrono::nanoseconds{0} : std::chrono::nanoseconds{until - now};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return {static_cast<time_t>(seconds.count()), static_cast<long>((left - seconds).count())};
}

inline wire::Envelope envelope_of(wire::Kind kind, uint64_t request, uint64_t term, Millis timeout) {
  wire::Envelope envelope;
  envelope.kind = kind;
  envelope.request = request;
  envelope.term = term;
  envelope.deadline_ms = static_cast<uint32_t>(std::clamp<int64_t>(timeout.count(), 0, UINT32_MAX));
  return envelope;
}

}  // namespace lace::net
