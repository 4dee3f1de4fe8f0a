// Callers that carry nothing but interrupts, for a file system that needs no servers.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>

#include "common/base/check.h"
#include "common/net/transport.h"

namespace lace::fs {

class MemoryCaller final : public net::Caller {
 public:
  Ticket start(const wire::Endpoint&, net::Request, Millis) override { return Ticket{1}; }
  Result<net::Answer> finish(Ticket) override { return fail(Code::unavailable, "there are no servers"); }
  Status pause(Millis duration) override {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, duration, [this] { return interrupted_; })) return fail(Code::interrupted);
    return {};
  }
  void interrupt() override { set(true); }
  void resume() override { set(false); }

 private:
  void set(bool interrupted) {
    {
      const std::lock_guard lock(mutex_);
      interrupted_ = interrupted;
    }
    changed_.notify_all();
  }
  std::mutex mutex_;
  bool interrupted_ = false;
  std::condition_variable changed_;
};

class MemoryNetwork final : public net::Network {
 public:
  std::unique_ptr<net::Loop> make_loop() override {
    CHECK(false);
    return nullptr;
  }
  std::unique_ptr<net::Caller> make_caller() override { return std::make_unique<MemoryCaller>(); }
};

}  // namespace lace::fs
