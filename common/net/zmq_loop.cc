#include "common/net/zmq_loop.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <poll.h>

#include "common/base/check.h"
#include "common/net/asking.h"

namespace lace::net {
namespace {

constexpr size_t drained_per_turn = 1000;  // messages of one listener, so that timers and answers are never kept waiting long

template <class Item>
void add_once(std::vector<Item>& list, const Item& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

}  // namespace

ZmqLoop::ZmqLoop(std::shared_ptr<Core> core) : core_(std::move(core)), workers_(core_->options.worker_threads) {}

void ZmqLoop::set_term(uint64_t term) {
  term_ = term;
  for (const auto& listener : listeners_) listener->set_term(term);
}

Status ZmqLoop::listen(const wire::Endpoint& endpoint, Handler handler) {
  auto opened = Listener::open(*core_, endpoint, std::move(handler));
  if (!opened) return pass(opened);
  (*opened)->set_term(term_);
  listeners_.push_back(std::move(*opened));
  return {};
}

Connection& ZmqLoop::connection_to(const wire::Endpoint& endpoint) {
  auto& place = connections_[endpoint];
  if (!place) place = std::make_unique<Connection>(*core_, endpoint);
  return *place;
}

void ZmqLoop::call(const wire::Endpoint& to, Request request, Millis timeout, Done done) {
  const uint64_t number = next_request_++;
  Connection& connection = connection_to(to);
  const TimerId timer = timers_.add(clock().now() + timeout, [this, number, timeout] { time_out(number, timeout); });
  calls_.emplace(number, Call{&connection, timer, std::move(done)});
  connection.send(envelope_of(request.kind, number, term_, timeout), std::move(request));
}

void ZmqLoop::time_out(uint64_t request, Millis timeout) {
  auto call = calls_.extract(request);
  if (call.empty()) return;
  Connection& connection = *call.mapped().connection;
  const std::string what = connection.endpoint().url + ": no answer within " + std::to_string(timeout.count()) + " ms";
  const bool sent = connection.forget(request);
  call.mapped().done(fail(sent ? Code::unknown : Code::unavailable, what));
}

TimerId ZmqLoop::after(Micros delay, std::function<void()> run) { return timers_.add(clock().now() + delay, std::move(run)); }

void ZmqLoop::cancel(TimerId timer) { timers_.cancel(timer); }

void ZmqLoop::when_drained(std::function<void()> run) { when_drained_.push_back(std::move(run)); }

void ZmqLoop::offload(std::function<void()> work, std::function<void()> then) {
  workers_.run([this, work = std::move(work), then = std::move(then)]() mutable {
    work();
    post(std::move(then));
  });
}

void ZmqLoop::post(std::function<void()> run) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(run));
  }
  if (first) wake_up_.set();
}

void ZmqLoop::stop() {
  stopping_ = true;
  wake_up_.set();
}

void ZmqLoop::run() {
  while (!stopping_) {
    turn();
    wait();
  }
  stopping_ = false;
}

// ---------------------------------------------------------------- one turn

void ZmqLoop::turn() {
  run_posted();
  for (Connection* connection : std::exchange(ready_connections_, {})) progress(*connection);
  timers_.run_due(clock().now());  // after the answers: one that is here already is not too late
  for (const auto& listener : std::exchange(ready_listeners_, {})) {
    if (!listener->drain(drained_per_turn)) add_once(ready_listeners_, listener);
  }
  for (auto& function : std::exchange(when_drained_, {})) function();
}

void ZmqLoop::run_posted() {
  std::vector<std::function<void()>> posted;
  {
    const std::lock_guard lock(mutex_);
    posted.swap(posted_);
  }
  for (auto& function : posted) function();
}

void ZmqLoop::progress(Connection& connection) {
  connection.progress();
  for (auto& completed : connection.take_completed()) {
    auto call = calls_.extract(completed.request);
    if (call.empty()) continue;
    timers_.cancel(call.mapped().timer);
    call.mapped().done(std::move(completed.answer));
  }
}

// ---------------------------------------------------------------- waiting

void ZmqLoop::wait() {
  if (stopping_) return;
  find_left_over();
  descriptors_.clear();
  descriptors_.push_back({wake_up_.fd(), POLLIN, 0});
  Instant until = timers_.next();
  for (const auto& listener : listeners_) listener->add_to(descriptors_);
  for (const auto& [endpoint, connection] : connections_) {
    connection->add_to(descriptors_);
    until = std::min(until, connection->wake_at());
  }
  if (!ready_connections_.empty() || !ready_listeners_.empty() || !when_drained_.empty()) until = Instant::min();
  const timespec left = until == Instant::max() ? timespec{} : time_left(until, clock().now());
  const int polled = ppoll(descriptors_.data(), descriptors_.size(), until == Instant::max() ? nullptr : &left, nullptr);
  CHECK(polled >= 0 || errno == EINTR || errno == ENOMEM);
  if (polled > 0 && descriptors_[0].revents != 0) wake_up_.clear();
  find_ready();
}

void ZmqLoop::find_left_over() {
  for (const auto& listener : listeners_) {
    if (listener->needs_drain()) add_once(ready_listeners_, listener);
  }
  for (const auto& [endpoint, connection] : connections_) {
    if (connection->needs_progress()) add_once(ready_connections_, connection.get());
  }
}

void ZmqLoop::find_ready() {
  const Instant now = clock().now();
  for (const auto& listener : listeners_) {
    if (listener->is_ready(descriptors_)) add_once(ready_listeners_, listener);
  }
  for (const auto& [endpoint, connection] : connections_) {
    if (connection->is_ready(descriptors_, now)) add_once(ready_connections_, connection.get());
  }
}

}  // namespace lace::net
