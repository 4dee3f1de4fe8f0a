// One run: a cluster, its clients, what goes wrong, and what must hold, all from one seed.
#pragma once

#include <cstdint>
#include <string>

namespace lace::sim {

struct RunResult {
  std::string failure;  // empty: everything held
  uint64_t fingerprint = 0;
  std::string summary;
};

RunResult run_seed(uint64_t seed);        // clients that work on blocks (run.cc)
RunResult run_names_seed(uint64_t seed);  // mounts that work in the same directories (names_run.cc)

}  // namespace lace::sim
