// A Network without sockets: every request is answered by a function, in the caller's thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

#include "common/base/check.h"
#include "common/net/transport.h"

namespace lace::test {

class FakeCaller final : public net::Caller {
 public:
  // `finishing`: the caller waits now; the handler may wait, too (until interrupted() or its own end).
  using Handler =
      std::function<Result<net::Answer>(const wire::Endpoint&, const net::Request&, const std::function<bool()>& interrupted)>;
  explicit FakeCaller(const Handler& handler) : handler_(handler) {}

  Ticket start(const wire::Endpoint& to, net::Request request, Millis) override {
    const uint64_t number = ++last_;
    if (request.kind == wire::Kind::wait_events)
      waiting_.emplace(number, std::pair{to, std::move(request)});
    else
      done_.emplace(number, handler_(to, request, [this] { return interrupted_.load(); }));
    return Ticket{number};
  }
  Result<net::Answer> finish(Ticket ticket) override {
    const auto number = static_cast<uint64_t>(ticket);
    if (const auto late = waiting_.find(number); late != waiting_.end()) {
      const auto [to, request] = std::move(late->second);
      waiting_.erase(late);
      if (interrupted_) return fail(Code::interrupted);
      return handler_(to, request, [this] { return interrupted_.load(); });
    }
    const auto found = done_.find(number);
    CHECK(found != done_.end());
    auto answer = std::move(found->second);
    done_.erase(found);
    if (interrupted_) return fail(Code::interrupted);
    return answer;
  }
  Status pause(Millis duration) override {
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, duration, [this] { return interrupted_.load(); });
    if (interrupted_) return fail(Code::interrupted);
    return {};
  }
  void interrupt() override {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
    woken_.notify_all();
  }
  void resume() override { interrupted_ = false; }

 private:
  const Handler& handler_;
  uint64_t last_ = 0;
  std::map<uint64_t, Result<net::Answer>> done_;
  std::map<uint64_t, std::pair<wire::Endpoint, net::Request>> waiting_;
  std::atomic<bool> interrupted_{false};
  std::mutex mutex_;
  std::condition_variable woken_;
};

class FakeNetwork final : public net::Network {
 public:
  explicit FakeNetwork(FakeCaller::Handler handler) : handler_(std::move(handler)) {}
  std::unique_ptr<net::Loop> make_loop() override { return nullptr; }
  std::unique_ptr<net::Caller> make_caller() override { return std::make_unique<FakeCaller>(handler_); }

 private:
  const FakeCaller::Handler handler_;
};

}  // namespace lace::test
