// Tells the storage servers that this server is the master now, so that they need not find out: each one until it registers, or
// for a while.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/net/transport.h"
#include "control/mapping/servers.h"

namespace lace::control {

// Loop thread only. What it is handed outlives it.
class Announcer {
 public:
  using Pass = std::function<std::string()>;
  using Endpoints = std::function<std::vector<wire::Endpoint>()>;

  Announcer(net::Loop& loop, Servers& servers, Pass pass) : loop_(loop), servers_(servers), pass_(std::move(pass)) {}

  void start(uint64_t term, Endpoints endpoints);

 private:
  void announce(int times_left);

  net::Loop& loop_;
  Servers& servers_;
  const Pass pass_;
  Endpoints endpoints_;
  uint64_t term_ = 0;
};

}  // namespace lace::control
