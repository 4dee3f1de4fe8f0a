// What a mount answers when it is asked for its profile (fs/client/profile.h), and figures made of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lace::cli {

struct Counted {
  std::string what, name;  // "operation", "lookup"
  uint64_t nanos = 0;      // all together
  uint64_t asked = 0;      // of an operation: how many asked servers; of a message: how many failed
  std::map<size_t, uint64_t> buckets;

  uint64_t count() const;
  double mean_nanos() const;
  // The upper end of the bucket in which that share of all is reached.
  uint64_t quantile_nanos(double share) const;
};

// Lines that make no sense are left out.
std::vector<Counted> parse_profile(std::string_view text);
// What came on top; what was not done in between is left out.
std::vector<Counted> difference(const std::vector<Counted>& now, const std::vector<Counted>& before);

}  // namespace lace::cli
