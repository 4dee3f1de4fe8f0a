// The Caller over ZeroMQ: sends and waits on the calling thread itself, without a hop to another one.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "common/net/connection.h"
#include "common/net/core.h"
#include "common/net/transport.h"
#include "common/net/wake_up.h"

namespace lace::net {

class ZmqCaller final : public Caller {
 public:
  explicit ZmqCaller(std::shared_ptr<Core> core) : core_(std::move(core)) {}

  Ticket start(const wire::Endpoint& to, Request request, Millis timeout) override;
  Result<Answer> finish(Ticket ticket) override;
  Status pause(Millis duration) override;
  void interrupt() override;
  void resume() override;

 private:
  struct Call {
    Connection* connection;
    Instant deadline;
    Millis timeout;
    std::optional<Result<Answer>> answer;
  };

  Connection& connection_to(const wire::Endpoint& endpoint);
  void collect(Connection& connection);
  Error give_up(uint64_t request, const Call& call);
  void wait(Instant until);

  const std::shared_ptr<Core> core_;
  WakeUp wake_up_;
  std::atomic<bool> interrupted_{false};

  // the user's thread only
  std::map<wire::Endpoint, std::unique_ptr<Connection>> connections_;
  std::unordered_map<uint64_t, Call> calls_;
  uint64_t next_request_ = 1;
  std::vector<pollfd> descriptors_;
};

}  // namespace lace::net
