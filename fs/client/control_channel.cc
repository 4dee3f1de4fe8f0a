#include "fs/client/control_channel.h"

#include <algorithm>

#include "common/base/log.h"

namespace lace::fs {

namespace {

// The other side was not reached, or its answer was not, or it has to be told of our session again.
bool may_come_back(Code code) { return code == Code::unavailable || code == Code::unknown || code == Code::fenced; }

Error gave_up(const Error& last) { return {Code::io, "no control server answered within the mount's timeout: " + last.what}; }

}  // namespace

std::string ControlChannel::addresses() const {
  std::string text;
  const std::lock_guard lock(mutex_);
  for (const wire::Endpoint& endpoint : controls_) text += (text.empty() ? "" : ", ") + endpoint.url;
  return text;
}

wire::Endpoint ControlChannel::endpoint(size_t at) const {
  const std::lock_guard lock(mutex_);
  return controls_[at % controls_.size()];
}

Millis ControlChannel::patience() const {
  const std::lock_guard lock(mutex_);
  return controls_.size() > 1 ? answer_of_one_within : answer_within;
}

void ControlChannel::learn(const std::vector<wire::Endpoint>& controls) {
  if (controls.empty()) return;
  const wire::Endpoint asked = endpoint(current_.load());
  const std::lock_guard lock(mutex_);
  if (controls == controls_) return;
  controls_ = controls;
  const auto found = std::find(controls.begin(), controls.end(), asked);
  current_ = found == controls.end() ? 0 : static_cast<size_t>(found - controls.begin());
}

Result<net::Answer> ControlChannel::attempt(net::Caller& caller, net::Request request, Millis timeout) {
  const size_t at = current_.load();
  auto answer = caller.call(endpoint(at), std::move(request), timeout);
  if (answer && answer->term != 0 && answer->term < session_.term()) {
    answer = fail(Code::unknown, "the answer is of a control server that was the master before");
  }
  if (answer) {
    session_.observe_term(answer->term);
  } else if (may_come_back(answer.error().code)) {
    size_t expected = at;
    current_.compare_exchange_strong(expected, at + 1);
  }
  return answer;
}

Result<net::Answer> ControlChannel::ask_raw(net::Caller& caller, wire::Kind kind, const Encode& encode) {
  Backoff backoff(clock_, timeout_);
  for (;;) {
    const Session::Identity identity = session_.identity();
    auto answer = attempt(caller, {kind, encode(identity.session), {}}, patience());
    if (answer) return answer;
    const Error error = answer.error();
    if (error.code == Code::fenced) {
      if (auto back = wait_for_session(caller, identity.generation, backoff); !back) return pass(back);
      continue;
    }
    if (!may_come_back(error.code)) return answer;
    if (backoff.expired()) return tl::unexpected<Error>(gave_up(error));
    if (auto waited = backoff.wait(caller); !waited) return pass(waited);
  }
}

// The keeper resumes the session or opens another; either way the question can be asked again after that.
Status ControlChannel::wait_for_session(net::Caller& caller, uint64_t lost_generation, Backoff& backoff) {
  session_.suspect(lost_generation);
  if (backoff.expired()) return fail(Code::io, "the session was lost, and no new one could be opened");
  return backoff.wait(caller);
}

// ---------------------------------------------------------------- commits

struct ControlChannel::Sending {
  Slots::Slot slot;
  wire::Commit commit;
  bool maybe_done = false;   // it was sent, and not answered
  bool interrupted = false;  // a signal came; we still wait a little for the answer
};

Result<ControlChannel::Committed> ControlChannel::commit_one(net::Caller& caller, wire::Operation operation) {
  std::vector<wire::Operation> operations;
  operations.push_back(std::move(operation));
  auto reply = commit(caller, std::move(operations));
  if (!reply) return pass(reply);
  wire::OperationResult& result = reply->results.front();
  if (auto status = wire::status_of(result.outcome); !status) return pass(status);
  return Committed{std::move(result), std::move(reply->leases)};
}

Result<wire::CommitReply> ControlChannel::commit(net::Caller& caller, std::vector<wire::Operation> operations) {
  const size_t count = operations.size();
  Backoff backoff(clock_, timeout_);
  Sending sending;
  sending.commit.operations = std::move(operations);
  for (;;) {
    if (auto settled = settle(caller, backoff); !settled) return pass(settled);
    auto slot = acquire_slot(caller, backoff);
    if (!slot) return pass(slot);
    sending.slot = *slot;
    auto reply = send_commit(caller, sending, backoff);
    if (reply) {
      if (reply->results.size() != count) return fail(Code::malformed, "control answered another number of results");
      return reply;
    }
    if (reply.error().code == Code::fenced) {
      if (sending.maybe_done) return fail(Code::io, "the session was lost while a change was under way: it may have happened");
      if (auto back = wait_for_session(caller, sending.slot.generation, backoff); !back) return pass(back);
      continue;
    }
    // A slot that control counts otherwise than we do is not used again; the commit was not done.
    if (reply.error().code != Code::stale) return pass(reply);
    log::warn("client.slot_out_of_step", {{"slot", sending.slot.index}, {"number", sending.commit.number}});
    if (backoff.expired()) return fail(Code::io, "control refused all slots");
  }
}

Result<wire::CommitReply> ControlChannel::commit_in_order(net::Caller& caller, uint64_t generation,
                                                          std::vector<wire::Operation> operations) {
  constexpr Millis patience = std::chrono::hours(24 * 365);
  Backoff backoff(clock_, patience);
  Sending sending;
  sending.commit.operations = std::move(operations);
  sending.commit.terse = true;
  if (auto settled = settle(caller, backoff); !settled) return pass(settled);
  auto slot = acquire_slot(caller, backoff);
  if (!slot) return pass(slot);
  sending.slot = *slot;
  if (sending.slot.generation != generation) {
    slots_.release(sending.slot);
    return fail(Code::fenced);
  }
  return send_commit(caller, sending, backoff);
}

Result<Slots::Slot> ControlChannel::acquire_slot(net::Caller& caller, Backoff& backoff) {
  for (;;) {
    if (const auto slot = slots_.acquire(session_.identity().generation)) return *slot;
    if (backoff.expired()) return fail(Code::io, "too many changes are under way");
    if (auto waited = backoff.wait(caller); !waited) return pass(waited);
  }
}

// Sends until there is an answer, always with the same number, and gives the slot back.
Result<wire::CommitReply> ControlChannel::send_commit(net::Caller& caller, Sending& sending, Backoff& backoff) {
  const Session::Identity identity = session_.identity();
  Slots::Slot& slot = sending.slot;
  if (identity.generation != slot.generation) return fail(Code::fenced);
  sending.commit.session = identity.session;
  sending.commit.slot = slot.index;
  sending.commit.number = slot.number + 1;
  const std::string body = wire::encode(sending.commit);
  Error error;
  for (;;) {
    auto answer = attempt(caller, {wire::Kind::commit, body, {}}, patience());
    if (answer) {
      ++slot.number;
      slots_.release(slot);
      return wire::decode<wire::CommitReply>(answer->body);
    }
    error = answer.error();
    if (error.code == Code::interrupted || error.code == Code::unknown) sending.maybe_done = true;
    if (error.code == Code::interrupted && !sending.interrupted) {
      sending.interrupted = true;
      caller.resume();
      backoff.end_within(patience_after_signal);
      continue;
    }
    if (error.code == Code::fenced) {  // by a control server that was restarted, or for good: the keeper finds out
      if (session_.identity().generation != slot.generation) return tl::unexpected<Error>(error);
      session_.suspect(slot.generation);
    }
    if (!may_come_back(error.code) || backoff.expired()) break;
    if (!sending.maybe_done && sending.interrupted) break;
    if (auto waited = backoff.wait(caller); !waited) {
      if (sending.interrupted) break;
      sending.interrupted = true;
      caller.resume();
      backoff.end_within(sending.maybe_done ? patience_after_signal : Millis{0});
    }
  }
  const bool refused = !may_come_back(error.code) && error.code != Code::interrupted;
  if (error.code == Code::stale) return tl::unexpected<Error>(error);  // the slot is lost
  if (!sending.maybe_done) {
    slots_.release(slot);  // the number was not used
  } else if (!refused) {
    slots_.leave_unsettled(slot, sending.commit);
  }  // else it may have been used, by what was sent before: the slot is not used again
  if (refused) return tl::unexpected<Error>(error);
  if (sending.interrupted) return fail(Code::interrupted);
  return tl::unexpected<Error>(gave_up(error));
}

// Commits that were given up must be over, one way or the other, before anything newer.
Status ControlChannel::settle(net::Caller& caller, Backoff& backoff) {
  for (;;) {
    const uint64_t generation = session_.identity().generation;
    if (!slots_.any_unsettled(generation)) return {};
    Error error{Code::unavailable, "an earlier change is being settled"};
    if (auto unsettled = slots_.take_unsettled(generation)) {
      auto answer = attempt(caller, {wire::Kind::commit, wire::encode(unsettled->commit), {}}, patience());
      if (answer) ++unsettled->slot.number;
      const bool over = answer || (!may_come_back(answer.error().code) && answer.error().code != Code::interrupted);
      if (over) {
        slots_.settled(*unsettled, answer.has_value());
        continue;
      }
      error = answer.error();
      if (error.code == Code::fenced) session_.suspect(generation);
      slots_.put_back(std::move(*unsettled));
      if (error.code == Code::interrupted) return tl::unexpected<Error>(error);
    }
    if (backoff.expired()) return tl::unexpected<Error>(gave_up(error));
    if (auto waited = backoff.wait(caller); !waited) return waited;
  }
}

}  // namespace lace::fs
