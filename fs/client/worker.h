// A thread with its own Caller, for the parts that work beside the user's requests.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "common/net/transport.h"

namespace lace::fs {

class Worker {
 public:
  Worker(net::Network& network, std::function<void(net::Caller&)> run) : caller_(network.make_caller()) {
    thread_ = std::thread([this, body = std::move(run)] { body(*caller_); });
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    if (thread_.joinable()) thread_.join();
  }

  void interrupt() { caller_->interrupt(); }  // from any thread

 private:
  std::unique_ptr<net::Caller> caller_;
  std::thread thread_;
};

}  // namespace lace::fs
