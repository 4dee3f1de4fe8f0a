// A process with fs/client in it, whose threads are Fibers. It can be killed: what it had in memory is never touched again.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tests/sim/fiber_network.h"

namespace lace::sim {

class ClientProcess {
 public:
  // `main` is its first thread.
  ClientProcess(Simulation& simulation, std::string name, uint32_t yields_one_in, std::function<void(ClientProcess&)> main)
      : name_(std::move(name)),
        loop_(simulation.make_loop(name_)),
        process_{*loop_, simulation.random(), yields_one_in},
        network_(simulation, name_) {
    main_ = start_fiber(process_, [this, run = std::move(main)] { run(*this); });
  }

  const std::string& name() const { return name_; }
  net::Network& network() { return network_; }
  const Clock& clock() const { return loop_->clock(); }
  bool ended() const { return has_ended(*main_); }

 private:
  const std::string name_;
  std::unique_ptr<net::Loop> loop_;
  Process process_;
  FiberNetwork network_;
  std::shared_ptr<Fiber> main_;
};

}  // namespace lace::sim
