#include "fs/client/session.h"

#include <algorithm>

namespace lace::fs {

namespace {

// Taken off the lease: clocks may drift, and an answer takes its time to the kernel.
constexpr Millis margin{2'000};

}  // namespace

Session::Identity Session::identity() const {
  const std::lock_guard lock(mutex_);
  return identity_;
}

std::shared_ptr<const std::string> Session::token() const {
  const std::lock_guard lock(mutex_);
  return token_;
}

uint64_t Session::stamp() const {
  const uint64_t stamp = stamp_.load();
  if (stamp == 0 || clock_.now().time_since_epoch().count() >= certain_until_.load()) return 0;
  return stamp;
}

bool Session::lease_holds() const { return clock_.now().time_since_epoch().count() < certain_until_.load(); }

Millis Session::certain_for() const { return stamp_.load() == 0 ? Millis{0} : lease_left(); }

Millis Session::lease_left() const {
  const auto left = std::chrono::nanoseconds(certain_until_.load()) - clock_.now().time_since_epoch();
  return std::max(Millis{0}, std::chrono::duration_cast<Millis>(left));
}

void Session::opened(const wire::OpenSessionReply& reply, Instant sent) {
  {
    const std::lock_guard lock(mutex_);
    identity_ = {reply.session, identity_.generation + 1};
    sole_heard_ = 0;
    root_ = reply.root;
    copies_ = reply.copies;
    read_only_ = reply.read_only;
    lease_ms_ = reply.lease_ms;
  }
  resumed(reply, sent);
}

void Session::resumed(const wire::OpenSessionReply& reply, Instant sent) {
  term_ = reply.term;
  set_token(reply.token, reply.token_lease_ms);
  end_sole();
  take_lease(reply.lease_ms, sent);
  const std::lock_guard lock(mutex_);
  if (reply.events >= sole_heard_) set_sole(reply.sole);  // else an event was faster than this
}

void Session::renewed(const wire::RenewSessionReply& reply, Instant sent) {
  set_token(reply.token, reply.token_lease_ms);
  take_lease(0, sent);
  observe_term(reply.term);
}

// A lease that had run out is a break: what was learned before may have changed since.
void Session::take_lease(uint32_t lease_ms, Instant sent) {
  const std::lock_guard lock(mutex_);
  if (lease_ms != 0) lease_ms_ = lease_ms;
  const bool lapsed = clock_.now().time_since_epoch().count() >= certain_until_.load();
  if (lapsed && sole_) stamp_ = ++last_stamp_;
  certain_until_ = (sent + Millis{lease_ms_} - margin).time_since_epoch().count();
}

void Session::set_sole(bool sole, uint64_t event) {
  const std::lock_guard lock(mutex_);
  sole_heard_ = event;
  set_sole(sole);
}

void Session::end_sole() {
  const std::lock_guard lock(mutex_);
  set_sole(false);
}

void Session::set_sole(bool sole) {
  sole_ = sole;
  ++last_stamp_;
  stamp_ = sole ? last_stamp_ : 0;
}

void Session::distrust() {
  const std::lock_guard lock(mutex_);
  if (stamp_.load() != 0) stamp_ = ++last_stamp_;
}

void Session::set_token(const std::string& token, uint64_t lease_ms) {
  token_lease_ms_ = lease_ms;
  const std::lock_guard lock(mutex_);
  token_ = std::make_shared<const std::string>(token);
}

void Session::observe_term(uint64_t term) {
  if (term != 0 && term != term_.load()) request_attention();
}

void Session::suspect(uint64_t generation) {
  if (identity().generation == generation) request_attention();
}

void Session::request_attention() {
  const std::lock_guard lock(mutex_);
  attention_ = true;
  attention_changed_.notify_all();
}

bool Session::wait_for_attention(Millis longest) {
  std::unique_lock lock(mutex_);
  attention_changed_.wait_for(lock, longest, [&] { return attention_ || stopping_.load(); });
  return std::exchange(attention_, false);
}

void Session::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  attention_changed_.notify_all();
}

}  // namespace lace::fs
