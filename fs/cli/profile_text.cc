#include "fs/cli/profile_text.h"

#include <algorithm>
#include <sstream>

namespace lace::cli {

uint64_t Counted::count() const {
  uint64_t all = 0;
  for (const auto& [bucket, number] : buckets) all += number;
  return all;
}

double Counted::mean_nanos() const {
  const uint64_t all = count();
  return all == 0 ? 0 : static_cast<double>(nanos) / static_cast<double>(all);
}

// As Durations of the mount has them: four for each octave.
static uint64_t end_of(size_t bucket) { return bucket < 4 ? bucket + 1 : (4 + bucket % 4 + 1) << ((bucket - 4) / 4); }

uint64_t Counted::quantile_nanos(double share) const {
  const auto wanted = share * static_cast<double>(count());
  uint64_t seen = 0;
  for (const auto& [bucket, number] : buckets) {
    seen += number;
    if (static_cast<double>(seen) >= wanted) return end_of(bucket);
  }
  return 0;
}

std::vector<Counted> parse_profile(std::string_view text) {
  std::vector<Counted> all;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Counted one;
    if (!(words >> one.what >> one.name >> one.nanos >> one.asked)) continue;
    size_t bucket = 0;
    uint64_t number = 0;
    for (char equals = 0; words >> bucket >> equals >> number;) one.buckets[bucket] = number;
    if (one.count() > 0) all.push_back(std::move(one));
  }
  return all;
}

std::vector<Counted> difference(const std::vector<Counted>& now, const std::vector<Counted>& before) {
  std::vector<Counted> all;
  for (Counted one : now) {
    const auto same = [&](const Counted& other) { return other.what == one.what && other.name == one.name; };
    const auto then = std::find_if(before.begin(), before.end(), same);
    if (then != before.end() && then->count() <= one.count()) {  // else it is another mount by now
      one.nanos -= then->nanos;
      one.asked -= then->asked;
      for (const auto& [bucket, number] : then->buckets) one.buckets[bucket] -= number;
      std::erase_if(one.buckets, [](const auto& each) { return each.second == 0; });
    }
    if (one.count() > 0) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace lace::cli
