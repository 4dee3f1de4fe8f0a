// What several clients did in a few directories and what they were answered, and whether there is an order of it that explains
// all answers: each operation at one moment between its call and its return (linearizability, Herlihy and Wing 1990). Found by
// trying, as Wing and Gong did (1993), without going twice through the same state (Lowe 2017).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/ids.h"

namespace lace::test {

struct Operation {
  enum class Kind : uint8_t { create, remove, rename, lookup, list, chmod, put, get } kind{};
  int client = 0;
  uint64_t called = 0, returned = 0;  // of one count for all
  int directory = 0, to_directory = 0;
  std::string name, to_name;
  InodeId inode{};                       // create, lookup: answered (0: nothing is there); chmod, put, get: asked
  uint64_t value = 0;                    // chmod, put: asked; lookup (the mode), get: answered
  bool failed = false;                   // it was there already (create), or not any more (the others)
  bool unknown = false;                  // it may have happened, at any time after its call
  std::map<std::string, InodeId> names;  // list: answered

  std::string text() const;
};

// Files are made with this mode and value 0.
inline constexpr uint64_t first_mode = 0644;

// Empty: there is such an order. Else the longest beginning of one that was found, and what could not follow.
std::string explain(const std::vector<Operation>& history);

}  // namespace lace::test
