#include "control/mapping/placement.h"

#include <algorithm>

namespace lace::control {
namespace {

std::vector<Candidate> with_room(const std::vector<Candidate>& candidates) {
  std::vector<Candidate> roomy;
  for (const Candidate& candidate : candidates) {
    if (candidate.available_bytes >= PlacementPlan::reserve_bytes) roomy.push_back(candidate);
  }
  return roomy;
}

double stride(uint64_t available_bytes) { return 1e12 / static_cast<double>(std::max<uint64_t>(available_bytes, 1)); }

}  // namespace

Result<Placement> PlacementPlan::choose(const std::vector<Candidate>& candidates, uint32_t copies) {
  if (candidates.empty()) return fail(Code::unavailable, "no storage server is up");
  const std::vector<Candidate> roomy = with_room(candidates);
  const size_t wanted = std::min<size_t>(copies, candidates.size());
  if (roomy.size() < wanted) return fail(Code::no_space, "the storage servers that are up are full");
  join(candidates);
  Placement placement{pick(roomy, wanted)};
  // The primary: whoever was it least.
  const auto primary = std::min_element(placement.servers.begin(), placement.servers.end(),
                                        [&](ServerId a, ServerId b) { return turns_[a].primaries < turns_[b].primaries; });
  std::iter_swap(placement.servers.begin(), primary);
  const ServerId first = placement.servers.front();
  const auto weight = std::find_if(roomy.begin(), roomy.end(), [&](const Candidate& c) { return c.server == first; });
  turns_[first].primaries += stride(weight->available_bytes);
  return placement;
}

Result<ServerId> PlacementPlan::choose_one(const std::vector<Candidate>& candidates, const std::vector<ServerId>& members) {
  std::vector<Candidate> others;
  for (const Candidate& candidate : candidates) {
    if (std::find(members.begin(), members.end(), candidate.server) == members.end()) others.push_back(candidate);
  }
  if (others.empty()) return fail(Code::unavailable, "no other storage server is up");
  const std::vector<Candidate> roomy = with_room(others);
  if (roomy.empty()) return fail(Code::no_space, "the other storage servers that are up are full");
  join(candidates);
  return pick(roomy, 1).front();
}

// A server that is new, or was away, starts beside the foremost: it must not get everything until it caught up.
void PlacementPlan::join(const std::vector<Candidate>& candidates) {
  double place = 0, primaries = 0;
  bool any = false;
  for (const Candidate& candidate : candidates) {
    const auto known = turns_.find(candidate.server);
    if (known == turns_.end()) continue;
    place = any ? std::min(place, known->second.place) : known->second.place;
    primaries = any ? std::min(primaries, known->second.primaries) : known->second.primaries;
    any = true;
  }
  for (const Candidate& candidate : candidates) turns_.try_emplace(candidate.server, Turn{place, primaries});
  std::erase_if(turns_, [&](const auto& turn) {
    return std::none_of(candidates.begin(), candidates.end(), [&](const Candidate& c) { return c.server == turn.first; });
  });
}

std::vector<ServerId> PlacementPlan::pick(const std::vector<Candidate>& roomy, size_t count) {
  std::vector<Candidate> order = roomy;
  std::stable_sort(order.begin(), order.end(),
                   [&](const Candidate& a, const Candidate& b) { return turns_[a.server].place < turns_[b.server].place; });
  order.resize(count);
  std::vector<ServerId> chosen;
  for (const Candidate& candidate : order) {
    turns_[candidate.server].place += stride(candidate.available_bytes);
    chosen.push_back(candidate.server);
  }
  return chosen;
}

}  // namespace lace::control
