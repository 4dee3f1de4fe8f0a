// Questions and commits to the control group, again and again over lost connections, restarts and a lost session, until
// they are answered or the mount's timeout ends. Thread-safe; nothing is locked while a request is under way.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "common/net/transport.h"
#include "common/wire/control_messages.h"
#include "fs/client/backoff.h"
#include "fs/client/session.h"
#include "fs/client/slots.h"

namespace lace::fs {

class ControlChannel {
 public:
  static constexpr Millis answer_within{10'000};         // one try
  static constexpr Millis answer_of_one_within{2'000};   // one try, where others can be asked: it may stand still
  static constexpr Millis patience_after_signal{1'000};  // an interrupted commit waits so long for its answer

  ControlChannel(const Clock& clock, std::vector<wire::Endpoint> controls, Millis timeout, Session& session)
      : clock_(clock), timeout_(timeout), session_(session), controls_(std::move(controls)) {}

  // `message.session` is filled in. Errors: what control says, io (timeout), interrupted.
  template <class Message>
  Result<typename Message::Reply> ask(net::Caller& caller, Message message) {
    const auto encode = [&](SessionId session) {
      message.session = session;
      return wire::encode(message);
    };
    auto answer = ask_raw(caller, Message::kind, encode);
    if (!answer) return pass(answer);
    return wire::decode<typename Message::Reply>(answer->body);
  }

  // Exactly once. One result for each operation. Errors of the whole: interrupted and io (it may happen yet, before any later
  // commit of this mount), no_space, read_only, denied.
  Result<wire::CommitReply> commit(net::Caller& caller, std::vector<wire::Operation> operations);
  // For the operation log: one commit at a time, in the session `generation`, for as long as that takes. Answers what failed
  // (wire::Commit::terse). Errors: fenced (the session is gone, and what was not committed with it), interrupted (it may
  // happen yet), what control says of the whole (nothing was done: no_space, ...).
  Result<wire::CommitReply> commit_in_order(net::Caller& caller, uint64_t generation, std::vector<wire::Operation> operations);
  // One operation: its error is the error.
  struct Committed : wire::OperationResult {
    std::vector<wire::Lease> leases;
  };
  Result<Committed> commit_one(net::Caller& caller, wire::Operation operation);

  // Every commit that was given up is over, one way or the other. Errors: interrupted, io.
  Status settled(net::Caller& caller) {
    Backoff backoff(clock_, timeout_);
    return settle(caller, backoff);
  }

  // One try, to the control server that answered last; goes to the next one if nobody is there.
  Result<net::Answer> attempt(net::Caller& caller, net::Request request, Millis timeout);
  std::string addresses() const;
  // Where the control group is now, by its own word; empty: as before.
  void learn(const std::vector<wire::Endpoint>& controls);
  // How long one try may take.
  Millis patience() const;
  const Clock& clock() const { return clock_; }
  Millis timeout() const { return timeout_; }
  Session& session() { return session_; }

 private:
  using Encode = std::function<std::string(SessionId)>;
  struct Sending;
  wire::Endpoint endpoint(size_t at) const;
  Result<net::Answer> ask_raw(net::Caller& caller, wire::Kind kind, const Encode& encode);
  Status wait_for_session(net::Caller& caller, uint64_t lost_generation, Backoff& backoff);
  Status settle(net::Caller& caller, Backoff& backoff);
  Result<Slots::Slot> acquire_slot(net::Caller& caller, Backoff& backoff);
  Result<wire::CommitReply> send_commit(net::Caller& caller, Sending& sending, Backoff& backoff);

  const Clock& clock_;
  const Millis timeout_;
  Session& session_;
  Slots slots_;
  std::atomic<size_t> current_{0};
  mutable std::mutex mutex_;
  std::vector<wire::Endpoint> controls_;  // guarded by mutex_
};

}  // namespace lace::fs
