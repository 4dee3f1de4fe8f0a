#include "tests/sim/fiber_network.h"

#include <map>
#include <optional>

#include "common/base/check.h"

namespace lace::sim {
namespace {

class FiberCaller final : public net::Caller {
 public:
  explicit FiberCaller(std::unique_ptr<net::Loop> loop) : loop_(std::move(loop)) {}

  Ticket start(const wire::Endpoint& to, net::Request request, Millis timeout) override {
    const auto ticket = static_cast<Ticket>(next_++);
    answers_[ticket] = std::nullopt;
    loop_->call(to, std::move(request), timeout, [this, ticket](Result<net::Answer> answer) {
      const auto open = answers_.find(ticket);
      if (open == answers_.end()) return;  // who asked was interrupted
      open->second = std::move(answer);
      wake_waiting();
    });
    return ticket;
  }
  Result<net::Answer> finish(Ticket ticket) override {
    const auto open = answers_.find(ticket);
    CHECK(open != answers_.end());
    while (!open->second && !interrupted_) wait(std::nullopt);
    auto answer = std::move(open->second);
    answers_.erase(open);
    if (!answer) return fail(Code::interrupted);
    return std::move(*answer);
  }
  Status pause(Millis duration) override {
    const Instant until = loop_->clock().now() + duration;
    if (duration.count() <= 0) give_way();
    while (!interrupted_) {
      const auto left = std::chrono::ceil<Micros>(until - loop_->clock().now());
      if (left.count() <= 0) return {};
      wait(left);
    }
    return fail(Code::interrupted);
  }
  void interrupt() override {
    interrupted_ = true;
    wake_waiting();
  }
  void resume() override { interrupted_ = false; }

 private:
  void wait(std::optional<Micros> longest) {
    CHECK(waiting_ == nullptr);
    waiting_ = current_fiber();
    park(longest);
    waiting_ = nullptr;
  }
  void wake_waiting() {
    if (waiting_ != nullptr) wake(*waiting_);
  }

  std::unique_ptr<net::Loop> loop_;
  uint64_t next_ = 1;
  std::map<Ticket, std::optional<Result<net::Answer>>> answers_;
  Fiber* waiting_ = nullptr;
  bool interrupted_ = false;
};

}  // namespace

std::unique_ptr<net::Loop> FiberNetwork::make_loop() { CHECK(!"clients have no loops"); }

std::unique_ptr<net::Caller> FiberNetwork::make_caller() {
  return std::make_unique<FiberCaller>(simulation_.make_loop(name_ + "/" + std::to_string(++callers_)));
}

}  // namespace lace::sim
