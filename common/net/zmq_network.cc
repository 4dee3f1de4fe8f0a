#include "common/net/zmq_network.h"

#include <string_view>
#include <utility>

#include "common/base/log.h"
#include "common/net/core.h"
#include "common/net/zmq_caller.h"
#include "common/net/zmq_loop.h"

namespace lace::net {
namespace {

constexpr int max_sockets = 16'000;  // three for each connection of each thread

}  // namespace

Core::Core(const Clock& the_clock, NetworkOptions the_options)
    : clock(the_clock), options(std::move(the_options)), context(options.io_threads) {
  context.set(zmq::ctxopt::max_sockets, max_sockets);
}

Core::~Core() {
  context.shutdown();  // ends the gatekeeper's thread
  gatekeeper_.reset();
}

void Core::guard() {
  const std::lock_guard lock(mutex_);
  if (!gatekeeper_) gatekeeper_ = std::make_unique<Gatekeeper>(context, options.admit, counters);
}

void count_malformed(NetworkCounters& counters, std::string_view url, std::string_view what) {
  ++counters.malformed;
  static log::Limiter limiter;
  if (limiter.pass()) log::warn("net.malformed", {{"url", url}, {"what", what}, {"suppressed", limiter.taken()}});
}

KeyPair make_key_pair() {
  char public_key[41] = {};
  char secret_key[41] = {};
  if (zmq_curve_keypair(public_key, secret_key) != 0) throw zmq::error_t();
  return {public_key, secret_key};
}

class ZmqNetwork::Shared : public Core {
 public:
  using Core::Core;
};

ZmqNetwork::ZmqNetwork(const Clock& clock, NetworkOptions options)
    : shared_(std::make_shared<Shared>(clock, std::move(options))) {}
ZmqNetwork::~ZmqNetwork() = default;

std::unique_ptr<Loop> ZmqNetwork::make_loop() { return std::make_unique<ZmqLoop>(shared_); }
std::unique_ptr<Caller> ZmqNetwork::make_caller() { return std::make_unique<ZmqCaller>(shared_); }
const NetworkCounters& ZmqNetwork::counters() const { return shared_->counters; }

}  // namespace lace::net
