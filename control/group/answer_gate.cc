#include "control/group/answer_gate.h"

namespace lace::control {
namespace {
Error closed() { return {Code::unknown, "this server is not the master any more"}; }
}  // namespace

net::Responder AnswerGate::guard(net::Responder responder) {
  const auto kept = std::make_shared<net::Responder>(std::move(responder));
  return net::Responder([this, lives = lives_, kept](Result<net::Answer> answer) {
    if (!*lives) return kept->refuse(closed());
    pass_on(std::move(*kept), std::move(answer));
  });
}

void AnswerGate::pass_on(net::Responder responder, Result<net::Answer> answer) {
  if (closed_) return responder.refuse(closed());
  waiting_.push_back({last_(), std::move(responder), std::move(answer)});
  look();
}

void AnswerGate::look() {
  if (waiting_.empty() || closed_ || !may_speak_()) return;
  const uint64_t kept = kept_();
  while (!waiting_.empty() && waiting_.front().number <= kept) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    next.responder.raw(std::move(next.answer));
  }
}

void AnswerGate::close() {
  closed_ = true;
  for (Waiting& one : waiting_) one.responder.refuse(closed());
  waiting_.clear();
}

}  // namespace lace::control
