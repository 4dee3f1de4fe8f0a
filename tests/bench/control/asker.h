// A mount as control sees it: one session, questions one by one or several under way, commits in numbered slots.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "common/net/zmq_network.h"
#include "common/wire/control_messages.h"

namespace lace::bench {

// Ends the benchmark: a figure that stands on errors is none.
[[noreturn]] void give_up(const std::string& doing, const Error& error);

class Asker {
 public:
  static constexpr uint32_t most_slots = 64;

  explicit Asker(const std::string& url);
  ~Asker();

  // Both wait until the server answers.
  void open();
  void resume();  // the same session, after a restart
  void close();

  template <class Message>
  typename Message::Reply ask(Message message) {
    return finish<Message>(start(std::move(message)));
  }

  // Asks what `next` gives until it gives nothing, `in_flight` at a time, answered in order.
  template <class Message>
  void ask_all(uint32_t in_flight, const std::function<std::optional<Message>()>& next,
               const std::function<void(typename Message::Reply)>& answered) {
    std::deque<net::Caller::Ticket> waiting;
    for (bool more = true; more || !waiting.empty();) {
      while (more && waiting.size() < in_flight) {
        std::optional<Message> message = next();
        if (!(more = message.has_value())) break;
        waiting.push_back(start(std::move(*message)));
      }
      if (waiting.empty()) break;
      answered(finish<Message>(waiting.front()));
      waiting.pop_front();
    }
  }

  // The same for commits, each in a slot of its own. `next` may give no operations while others are under way that will bring
  // some; with none under way that is the end. `answered` gets the operations back with their results.
  using Operations = std::vector<wire::Operation>;
  void commit_all(uint32_t slots, const std::function<Operations()>& next,
                  const std::function<void(const Operations&, const wire::CommitReply&)>& answered);

 private:
  template <class Message>
  wire::OpenSessionReply ask_until_it_serves(const Message& message);
  template <class Message>
  net::Caller::Ticket start(Message message) {
    if constexpr (requires { message.session; }) message.session = session_;
    return caller_->start(endpoint_, net::request_of(message), timeout);
  }
  template <class Message>
  typename Message::Reply finish(net::Caller::Ticket ticket) {
    auto answer = net::decode_answer<Message>(caller_->finish(ticket));
    if (!answer) give_up(std::string(wire::name_of(Message::kind)), answer.error());
    renew();
    return std::move(answer->reply);
  }
  void renew();  // the session, every now and then

  static constexpr Millis timeout{120'000};
  const SystemClock clock_;
  net::ZmqNetwork network_;
  const std::unique_ptr<net::Caller> caller_;
  const wire::Endpoint endpoint_;
  SessionId session_{};
  std::array<uint64_t, most_slots> numbers_{};
  Instant renew_at_;
};

}  // namespace lace::bench
