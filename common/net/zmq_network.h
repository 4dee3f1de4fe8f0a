// The Transport seam over ZeroMQ: ROUTER for what listens, DEALER for what asks, ipc:// or tcp:// with CURVE.
// This room is the only one that includes <zmq.hpp>.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>

#include "common/net/transport.h"

namespace lace::net {

struct KeyPair {
  std::string public_key;  // Z85, 40 characters
  std::string secret_key;
};
KeyPair make_key_pair();

struct NetworkOptions {
  std::optional<KeyPair> keys;  // needed for tcp://
  // Which public keys a listener lets in over tcp://. Unset: nobody.
  std::function<bool(const std::string& public_key)> admit;
  int io_threads = 1;
  int worker_threads = 4;                       // for Loop::offload, per loop
  size_t max_message_bytes = size_t{16} << 20;  // larger frames end the connection
};

// Counters for metrics; any thread may read.
struct NetworkCounters {
  std::atomic<uint64_t> received{0}, sent{0}, malformed{0}, refused_keys{0};
};

class ZmqNetwork final : public Network {
 public:
  explicit ZmqNetwork(const Clock& clock, NetworkOptions options = {});
  ~ZmqNetwork() override;  // after all its loops and callers
  std::unique_ptr<Loop> make_loop() override;
  std::unique_ptr<Caller> make_caller() override;
  const NetworkCounters& counters() const;

 private:
  class Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace lace::net
