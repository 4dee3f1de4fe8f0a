// How far control has been told of this mount's own changes. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>

namespace lace::fs {

struct LogProgress {
  std::atomic<uint64_t> committed{0};  // the changes up to this number; they are numbered 1, 2, 3, ...

  // Control has not heard of it yet: what is known here is newer than anything it says.
  bool pending(uint64_t number) const { return number > committed.load(); }
};

}  // namespace lace::fs
