// The health of the cluster in one word, and in sentences. Decisions only.
#pragma once

#include <string>
#include <vector>

#include "common/wire/types.h"

namespace lace::control {

struct HealthFacts {
  const std::vector<wire::ServerInfo>& servers;
  const std::vector<uint64_t>& in_sync;  // [n]: blocks with n in-sync copies on servers that are up
  uint32_t copies = 0;                   // that a block should have
  size_t filling = 0;                    // blocks that are being re-made
  size_t unchecked = 0;                  // blocks whose copies may need something: not looked at yet
};

struct Health {
  std::string word;  // healthy, degraded, repairing, unavailable
  std::vector<std::string> reasons;
};

Health judge(const HealthFacts& facts);

}  // namespace lace::control
