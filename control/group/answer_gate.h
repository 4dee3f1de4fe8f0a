// What a master says must be true whoever is master next: an answer that rests on transactions which not every in-sync member
// has on its disk waits until they do, and every answer waits while the master may not speak. They leave in order.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "common/net/transport.h"

namespace lace::control {

// Loop thread only.
class AnswerGate {
 public:
  // `may_speak`: now. `kept`: up to which number transactions are safe. `last`: of the newest one.
  AnswerGate(std::function<bool()> may_speak, std::function<uint64_t()> kept, std::function<uint64_t()> last)
      : may_speak_(std::move(may_speak)), kept_(std::move(kept)), last_(std::move(last)) {}

  ~AnswerGate() {
    close();
    *lives_ = false;
  }

  // The same responder, behind the gate.
  net::Responder guard(net::Responder responder);
  // Lets out what may go: call it when something may have changed.
  void look();
  // Nothing is said any more. Those who wait are refused with `unknown`: what they asked for may be done already.
  void close();
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting {
    uint64_t number = 0;
    net::Responder responder;
    Result<net::Answer> answer;
  };
  void pass_on(net::Responder responder, Result<net::Answer> answer);

  const std::function<bool()> may_speak_;
  const std::function<uint64_t()> kept_;
  const std::function<uint64_t()> last_;
  std::deque<Waiting> waiting_;
  bool closed_ = false;
  std::shared_ptr<bool> lives_ = std::make_shared<bool>(true);
};

}  // namespace lace::control
