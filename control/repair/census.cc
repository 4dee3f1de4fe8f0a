#include "control/repair/census.h"

#include <algorithm>

namespace lace::control {
namespace {
constexpr uint32_t page_of_blocks = 1'000;
constexpr Millis keep{1'000};
}  // namespace

Result<std::vector<uint64_t>> Census::in_sync_up(Instant now) {
  std::vector<uint64_t> counts = namespace_.counts().in_sync;
  bool walked = false;
  for (const auto& [id, server] : servers_.all()) {
    if (servers_.is_up(id, now)) continue;
    if (now < valid_until_) return last_;
    walked = true;
    if (const Status left = leave_out(id, now, counts); !left) return pass(left);
  }
  if (walked) valid_until_ = now + keep;
  last_ = counts;
  return counts;
}

// Moves the blocks of a server that is down to where they belong. A block with several such servers is moved once, for the
// first of them.
Status Census::leave_out(ServerId down, Instant now, std::vector<uint64_t>& counts) {
  const auto is_down = [&](ServerId server) { return !servers_.is_up(server, now); };
  for (BlockId after{0};;) {
    const auto page = namespace_.blocks_on(down, after, page_of_blocks);
    if (!page) return pass(page);
    for (const wire::BlockInfo& block : *page) {
      std::vector<ServerId> away;
      std::copy_if(block.in_sync.begin(), block.in_sync.end(), std::back_inserter(away), is_down);
      if (away.empty() || *std::min_element(away.begin(), away.end()) != down) continue;
      const size_t from = block.in_sync.size(), to = from - away.size();
      if (from < counts.size() && counts[from] > 0) {
        --counts[from];
        ++counts[to];
      }
    }
    if (page->size() < page_of_blocks) return {};
    after = page->back().block;
  }
}

}  // namespace lace::control
