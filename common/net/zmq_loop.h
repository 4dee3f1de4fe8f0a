// The Loop over ZeroMQ. One turn: posted functions, due timers, answers, requests, when_drained functions; then it waits in
// poll(2) for whatever comes next, and touches only what is ready. A socket's descriptor tells only changes, so a socket that
// was used since it was last seen empty is asked before waiting.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "common/net/connection.h"
#include "common/net/core.h"
#include "common/net/listener.h"
#include "common/net/timers.h"
#include "common/net/transport.h"
#include "common/net/wake_up.h"
#include "common/net/workers.h"

namespace lace::net {

class ZmqLoop final : public Loop {
 public:
  explicit ZmqLoop(std::shared_ptr<Core> core);

  const Clock& clock() const override { return core_->clock; }
  void set_term(uint64_t term) override;
  Status listen(const wire::Endpoint& endpoint, Handler handler) override;
  void call(const wire::Endpoint& to, Request request, Millis timeout, Done done) override;
  TimerId after(Micros delay, std::function<void()> run) override;
  void cancel(TimerId timer) override;
  void when_drained(std::function<void()> run) override;
  void offload(std::function<void()> work, std::function<void()> then) override;
  void post(std::function<void()> run) override;
  void run() override;
  void stop() override;

 private:
  struct Call {
    Connection* connection;
    TimerId timer;
    Done done;
  };

  void turn();
  void wait();
  void find_left_over();
  void find_ready();
  void run_posted();
  void progress(Connection& connection);
  void time_out(uint64_t request, Millis timeout);
  Connection& connection_to(const wire::Endpoint& endpoint);

  const std::shared_ptr<Core> core_;
  WakeUp wake_up_;
  std::atomic<bool> stopping_{false};

  // the loop's thread only
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::map<wire::Endpoint, std::unique_ptr<Connection>> connections_;
  std::unordered_map<uint64_t, Call> calls_;
  uint64_t next_request_ = 1;
  uint64_t term_ = 0;
  Timers timers_;
  std::vector<std::function<void()>> when_drained_;
  // what this turn has to look at
  std::vector<std::shared_ptr<Listener>> ready_listeners_;
  std::vector<Connection*> ready_connections_;
  std::vector<pollfd> descriptors_;

  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by mutex_

  Workers workers_;  // ends first: what runs there posts to the loop
};

}  // namespace lace::net
