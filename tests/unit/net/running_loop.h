// What tests of transports need: a loop on its own thread, and handlers that wait for the test.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "common/net/transport.h"
#include "common/wire/control_messages.h"

namespace lace::net::test {

// A loop on a thread of its own, as a server has it.
class RunningLoop {
 public:
  explicit RunningLoop(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
  ~RunningLoop() { end(); }

  Loop& operator*() { return *loop_; }
  Loop* operator->() { return loop_.get(); }
  void start() {
    thread_ = std::thread([this] { loop_->run(); });
  }
  // As if the process were killed: the listening sockets are gone when this returns.
  void end() {
    if (thread_.joinable()) {
      loop_->stop();
      thread_.join();
    }
    loop_.reset();
  }
  // Runs `function` on the loop's thread and waits for it.
  void on_loop(std::function<void()> function) {
    std::promise<void> done;
    loop_->post([&] {
      function();
      done.set_value();
    });
    done.get_future().wait();
  }

 private:
  std::unique_ptr<Loop> loop_;
  std::thread thread_;
};

inline Request numbered(uint64_t number, Bytes payload = {}) {
  return request_of(wire::GetAttributes{SessionId{1}, InodeId{number}}, std::move(payload));
}
inline uint64_t number_of(std::string_view body) { return raw(wire::decode<wire::GetAttributes>(body).value().inode); }

// Answers with what it was asked.
inline void echo(Incoming incoming, Responder responder) {
  responder.raw(Answer{std::move(incoming.body), std::move(incoming.payload), 0});
}

// Hands requests from a handler to the test, which answers when it likes (by post()).
class Held {
 public:
  Loop::Handler handler() {
    return [this](Incoming incoming, Responder responder) {
      const std::lock_guard lock(mutex_);
      requests_.emplace_back(std::move(incoming), std::move(responder));
      changed_.notify_all();
    };
  }
  void wait_for(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return requests_.size() >= count; });
  }
  std::vector<std::pair<Incoming, Responder>> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(requests_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<Incoming, Responder>> requests_;
};

inline constexpr Millis plenty{20'000};  // tests never wait for so long unless something is broken

}  // namespace lace::net::test
