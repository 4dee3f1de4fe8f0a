// A set of byte ranges of a file, merged where they touch. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace lace::fs {

struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;  // exclusive
  uint64_t length() const { return end - begin; }
  bool operator==(const Range&) const = default;
};

class RangeSet {
 public:
  void add(uint64_t begin, uint64_t end);
  void remove(uint64_t begin, uint64_t end);
  void clear() { ranges_.clear(); }

  bool covers(uint64_t begin, uint64_t end) const;
  // How far the set goes on without a gap from `begin`; `begin` itself if it is in a gap.
  uint64_t covered_until(uint64_t begin) const;
  std::vector<Range> all() const;
  bool empty() const { return ranges_.empty(); }
  size_t size() const { return ranges_.size(); }

 private:
  std::map<uint64_t, uint64_t> ranges_;  // begin -> end
};

}  // namespace lace::fs
