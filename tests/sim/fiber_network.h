// The Transport seam for simulated processes of several threads: asking blocks the thread that asks, and no other.
#pragma once

#include <memory>
#include <string>

#include "tests/lib/sim_transport.h"
#include "tests/sim/fibers.h"

namespace lace::sim {

// Callers are loops of the process `name`; only its own threads may use them. make_loop() is not for these.
class FiberNetwork final : public net::Network {
 public:
  FiberNetwork(Simulation& simulation, std::string name) : simulation_(simulation), name_(std::move(name)) {}
  std::unique_ptr<net::Loop> make_loop() override;
  std::unique_ptr<net::Caller> make_caller() override;

 private:
  Simulation& simulation_;
  const std::string name_;
  uint64_t callers_ = 0;
};

}  // namespace lace::sim
