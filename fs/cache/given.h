// What the kernel was given with a time to live, so that it can be taken back. Thread-safe, bounded: what does not fit is
// waited for instead.
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"

namespace lace::fs {

class GivenToKernel {
 public:
  static constexpr size_t max_remembered = 262'144;
  static constexpr Millis longest{10'000};

  struct Thing {
    Instant until;
    InodeId inode{};   // its attributes
    InodeId parent{};  // and the entry (parent, name), if there is one
    std::string name;
  };
  void remember(Instant now, InodeId inode, InodeId parent = no_inode, std::string_view name = {});
  struct Taken {
    std::vector<Thing> things;
    Instant until;  // by then the kernel has forgotten what is not among them
  };
  Taken take();
  // The entries of a directory, and, unless only these, the attributes of these inodes and of the directory itself; each once.
  Taken take(InodeId directory, bool only_entries, const std::vector<InodeId>& inodes);

 private:
  std::mutex mutex_;
  std::deque<Thing> things_;  // by time
  Instant forgotten_until_;
};

}  // namespace lace::fs
