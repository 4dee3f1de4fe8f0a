#include "control/repair/health.h"

namespace lace::control {
namespace {

std::string count_of(uint64_t number, const std::string& one, const std::string& many) {
  return number == 1 ? "1 " + one : std::to_string(number) + " " + many;
}

}  // namespace

Health judge(const HealthFacts& facts) {
  Health health;
  size_t up = 0;
  for (const wire::ServerInfo& server : facts.servers) {
    if (server.state == wire::ServerState::down) {
      health.reasons.push_back(server.name + " is down");
    } else if (server.state == wire::ServerState::failing) {
      ++up;
      health.reasons.push_back("the disk of " + server.name + " keeps failing (" +
                               count_of(server.repair.disk_errors, "error", "errors") + ", " +
                               count_of(server.repair.corrupt_pages, "bad page", "bad pages") + "): 'lace storage drain " +
                               server.name + "', then replace it");
    } else {
      ++up;
    }
  }
  if (up == 0) health.reasons.push_back("no storage server is up");
  if (up > 0 && up < facts.copies) {
    health.reasons.push_back("there are fewer storage servers up (" + std::to_string(up) + ") than copies wanted (" +
                             std::to_string(facts.copies) + ")");
  }
  uint64_t lost = 0, few = 0;
  for (size_t n = 0; n < facts.in_sync.size() && n < facts.copies; ++n) {
    (n == 0 ? lost : few) += facts.in_sync[n];
  }
  if (lost > 0) {
    health.reasons.push_back(count_of(lost, "block has", "blocks have") + " no copy on a server that is up");
  }
  if (few > 0) {
    health.reasons.push_back(count_of(few, "block has", "blocks have") + " fewer copies than wanted");
  }
  if (facts.filling > 0) {
    health.reasons.push_back(count_of(facts.filling, "block is", "blocks are") + " being copied");
  }
  if (facts.unchecked > 0) {
    health.reasons.push_back("the copies of " + count_of(facts.unchecked, "block", "blocks") + " are to be checked");
  }
  if (lost > 0 || up == 0) {
    health.word = "unavailable";
  } else if (facts.filling > 0 || (facts.unchecked > 0 && few == 0)) {
    health.word = "repairing";
  } else {
    health.word = health.reasons.empty() ? "healthy" : "degraded";
  }
  return health;
}

}  // namespace lace::control
