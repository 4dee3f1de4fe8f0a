#include "common/net/zmq_caller.h"

#include <algorithm>
#include <cerrno>

#include "common/base/check.h"
#include "common/net/asking.h"

namespace lace::net {

Connection& ZmqCaller::connection_to(const wire::Endpoint& endpoint) {
  auto& place = connections_[endpoint];
  if (!place) place = std::make_unique<Connection>(*core_, endpoint);
  return *place;
}

Caller::Ticket ZmqCaller::start(const wire::Endpoint& to, Request request, Millis timeout) {
  const uint64_t number = next_request_++;
  Connection& connection = connection_to(to);
  calls_.emplace(number, Call{&connection, core_->clock.now() + timeout, timeout, std::nullopt});
  connection.send(envelope_of(request.kind, number, 0, timeout), std::move(request));
  return Ticket{number};
}

Result<Answer> ZmqCaller::finish(Ticket ticket) {
  const auto number = static_cast<uint64_t>(ticket);
  const auto found = calls_.find(number);
  CHECK(found != calls_.end());  // each ticket is finished once
  Call& call = found->second;
  const auto take = [&](Result<Answer> answer) {
    calls_.erase(found);
    return answer;
  };
  collect(*call.connection);
  while (!call.answer) {
    const bool give_up_now = interrupted_ || core_->clock.now() >= call.deadline;
    if (!give_up_now && !call.connection->needs_progress()) {
      descriptors_.clear();
      call.connection->add_to(descriptors_);
      wait(std::min(call.deadline, call.connection->wake_at()));
    }
    call.connection->progress();
    collect(*call.connection);
    if (give_up_now && !call.answer) return take(tl::unexpected<Error>(give_up(number, call)));
  }
  return take(std::move(*call.answer));
}

Error ZmqCaller::give_up(uint64_t request, const Call& call) {
  const std::string& url = call.connection->endpoint().url;
  const bool sent = call.connection->forget(request);
  if (interrupted_) return {Code::interrupted, url + ": interrupted while waiting for the answer"};
  return {sent ? Code::unknown : Code::unavailable, url + ": no answer within " + std::to_string(call.timeout.count()) + " ms"};
}

// Answers of other tickets wait in their places.
void ZmqCaller::collect(Connection& connection) {
  for (auto& completed : connection.take_completed()) {
    const auto call = calls_.find(completed.request);
    if (call != calls_.end()) call->second.answer = std::move(completed.answer);
  }
}

Status ZmqCaller::pause(Millis duration) {
  const Instant until = core_->clock.now() + duration;
  while (!interrupted_ && core_->clock.now() < until) {
    descriptors_.clear();
    wait(until);
  }
  if (interrupted_) return fail(Code::interrupted);
  return {};
}

// Waits for what is in descriptors_, for interrupt(), or for the time.
void ZmqCaller::wait(Instant until) {
  descriptors_.push_back({wake_up_.fd(), POLLIN, 0});
  const timespec left = time_left(until, core_->clock.now());
  const int ready = ppoll(descriptors_.data(), descriptors_.size(), &left, nullptr);
  CHECK(ready >= 0 || errno == EINTR || errno == ENOMEM);
}

void ZmqCaller::interrupt() {
  interrupted_ = true;
  wake_up_.set();
}

void ZmqCaller::resume() {
  wake_up_.clear();
  interrupted_ = false;
}

}  // namespace lace::net
