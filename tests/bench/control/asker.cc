#include "tests/bench/control/asker.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace lace::bench {
namespace {
constexpr Millis renew_every{3'000};
}  // namespace

void give_up(const std::string& doing, const Error& error) {
  std::fprintf(stderr, "bench: %s: %s (%s)\n", doing.c_str(), error.what.c_str(), std::string(name_of(error.code)).c_str());
  std::exit(1);
}

Asker::Asker(const std::string& url) : network_(clock_), caller_(network_.make_caller()), endpoint_{url, ""} {}
Asker::~Asker() = default;

template <class Message>
wire::OpenSessionReply Asker::ask_until_it_serves(const Message& message) {
  const Instant end = clock_.now() + Millis(60'000);
  for (;;) {
    auto answer = net::call(*caller_, endpoint_, message, timeout);
    if (answer) return std::move(answer->reply);
    const bool away = answer.error().code == Code::unavailable || answer.error().code == Code::unknown;
    if (!away || clock_.now() >= end) give_up(std::string(wire::name_of(Message::kind)), answer.error());
    (void)caller_->pause(Millis(1));
  }
}

void Asker::open() {
  wire::OpenSession message;
  message.host = "bench";
  message.mount_point = "/bench";
  message.process = static_cast<uint32_t>(getpid());
  session_ = ask_until_it_serves(message).session;
  renew_at_ = clock_.now() + renew_every;
}

void Asker::resume() {
  ask_until_it_serves(wire::ResumeSession{session_, {}, {}});
  renew_at_ = clock_.now() + renew_every;
}

void Asker::close() { ask(wire::CloseSession{}); }

void Asker::renew() {
  if (clock_.now() < renew_at_) return;
  renew_at_ = clock_.now() + renew_every;
  ask(wire::RenewSession{});
}

void Asker::commit_all(uint32_t slots, const std::function<Operations()>& next,
                       const std::function<void(const Operations&, const wire::CommitReply&)>& answered) {
  struct UnderWay {
    net::Caller::Ticket ticket;
    uint32_t slot;
    Operations operations;
  };
  std::deque<UnderWay> waiting;
  std::deque<uint32_t> free;
  for (uint32_t slot = 0; slot < slots; ++slot) free.push_back(slot);
  for (;;) {
    while (!free.empty()) {
      Operations operations = next();
      if (operations.empty()) break;
      const uint32_t slot = free.front();
      free.pop_front();
      const auto ticket = start(wire::Commit{{}, slot, ++numbers_.at(slot), operations});
      waiting.push_back({ticket, slot, std::move(operations)});
    }
    if (waiting.empty()) return;
    const UnderWay first = std::move(waiting.front());
    waiting.pop_front();
    const wire::CommitReply reply = finish<wire::Commit>(first.ticket);
    for (const wire::OperationResult& result : reply.results) {
      if (result.outcome.code != 0) give_up("an operation", {static_cast<Code>(result.outcome.code), result.outcome.what});
    }
    free.push_back(first.slot);
    answered(first.operations, reply);
  }
}

}  // namespace lace::bench
