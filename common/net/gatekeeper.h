// Decides who may connect over tcp://: a ZAP handler (ZeroMQ RFC 27) on a thread of its own. A peer that is let in carries
// its proven public key as its user id.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include <zmq.hpp>

#include "common/net/zmq_network.h"

namespace lace::net {

class Gatekeeper {
 public:
  using Admit = std::function<bool(const std::string& public_key)>;
  // `admit` is asked on the gatekeeper's thread. One gatekeeper per context.
  Gatekeeper(zmq::context_t& context, Admit admit, NetworkCounters& counters);
  ~Gatekeeper();  // after the context's shutdown, which ends the thread

 private:
  void serve();
  bool answer_one();

  const Admit admit_;
  NetworkCounters& counters_;
  zmq::socket_t socket_;
  std::thread thread_;
};

}  // namespace lace::net
