// The Transport seam: how messages are carried. Two ways to use it: a Loop (servers: one thread, callbacks, nothing blocks)
// and a Caller (clients: blocking, one thread at a time). The ZeroMQ implementation is in zmq_*.cc; tests hand in their own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/wire/codec.h"
#include "common/wire/types.h"

namespace lace::net {

struct Request {
  wire::Kind kind{};
  std::string body;  // an encoded message
  Bytes payload;
};

struct Answer {
  std::string body;
  Bytes payload;
  uint64_t term = 0;  // the answering server's
};

// Who asks, as far as the transport has proof of it.
struct Peer {
  bool local = false;  // came over ipc://: guarded by file permissions
  std::string key;     // tcp://: the CURVE public key that was proven, Z85
};

struct Incoming {
  wire::Kind kind{};
  std::string body;
  Bytes payload;
  Peer peer;
  uint64_t term = 0;  // the asker's
  Instant deadline;   // nobody waits for the answer after this
};

// Answers one request, once, now or later, on the loop's thread. Dropped without an answer it refuses with `unavailable`,
// so that no asker waits in vain.
class Responder {
 public:
  using Send = std::function<void(Result<Answer>)>;
  Responder() = default;
  explicit Responder(Send send) : send_(std::move(send)) {}
  Responder(Responder&& other) noexcept : send_(std::exchange(other.send_, nullptr)) {}
  Responder& operator=(Responder&& other) noexcept {
    std::swap(send_, other.send_);
    return *this;
  }
  ~Responder() {
    if (send_) send_(fail(Code::unavailable, "the server dropped the request"));
  }

  template <class Reply>
  void answer(const Reply& reply, Bytes payload = {}) {
    raw(Answer{wire::encode(reply), std::move(payload), 0});
  }
  void refuse(Error error) { raw(tl::unexpected<Error>(std::move(error))); }
  void refuse(Code code, std::string what = {}) { refuse(Error{code, std::move(what)}); }
  void raw(Result<Answer> answer) {
    if (const Send send = std::exchange(send_, nullptr)) send(std::move(answer));
  }

 private:
  Send send_;
};

enum class TimerId : uint64_t {};

// A thread is a loop. All members except post() and stop() are for the loop's own thread; callbacks run there.
class Loop {
 public:
  using Handler = std::function<void(Incoming, Responder)>;
  using Done = std::function<void(Result<Answer>)>;
  virtual ~Loop() = default;

  virtual const Clock& clock() const = 0;
  // What every message that leaves here says in Envelope::term.
  virtual void set_term(uint64_t term) = 0;

  // Malformed frames are refused, counted and logged before the handler sees them.
  virtual Status listen(const wire::Endpoint& endpoint, Handler handler) = 0;
  // Sends, and calls `done` exactly once: with the answer, with the error the other side refused with, with `unavailable` (not
  // sent, or nobody there), or with `unknown` (sent, but the connection or the time ended). Requests to one endpoint
  // arrive in the order of the calls.
  virtual void call(const wire::Endpoint& to, Request request, Millis timeout, Done done) = 0;

  virtual TimerId after(Micros delay, std::function<void()> run) = 0;
  virtual void cancel(TimerId timer) = 0;
  // Runs once when all messages that are waiting now have been handled: for group commit.
  virtual void when_drained(std::function<void()> run) = 0;
  // `work` runs on a worker thread (it blocks: disk), then `then` on the loop.
  virtual void offload(std::function<void()> work, std::function<void()> then) = 0;

  virtual void post(std::function<void()> run) = 0;  // any thread
  virtual void run() = 0;                            // until stop()
  virtual void stop() = 0;                           // any thread
};

// A blocking asker. Not thread-safe except interrupt(): each thread has its own.
class Caller {
 public:
  enum class Ticket : uint64_t {};
  virtual ~Caller() = default;

  // Sends without waiting. Every ticket is to be finished once; several may be under way, to several endpoints.
  virtual Ticket start(const wire::Endpoint& to, Request request, Millis timeout) = 0;
  // Waits. Errors as for Loop::call, and `interrupted`. Tickets may be finished in any order.
  virtual Result<Answer> finish(Ticket ticket) = 0;
  Result<Answer> call(const wire::Endpoint& to, Request request, Millis timeout) {
    return finish(start(to, std::move(request), timeout));
  }
  // Sleeps, unless interrupted: for retries.
  virtual Status pause(Millis duration) = 0;

  // From any thread: what waits now, and every wait until resume(), ends with `interrupted`.
  virtual void interrupt() = 0;
  virtual void resume() = 0;
};

// Makes loops and callers; owns what they share (I/O threads, keys).
class Network {
 public:
  virtual ~Network() = default;
  virtual std::unique_ptr<Loop> make_loop() = 0;      // to be run by one thread of the user
  virtual std::unique_ptr<Caller> make_caller() = 0;  // any thread
};

// A reply and the bytes that came with it.
template <class Message>
struct Answered {
  typename Message::Reply reply;
  Bytes payload;
  uint64_t term = 0;
};

template <class Message>
Request request_of(const Message& message, Bytes payload = {}) {
  return {Message::kind, wire::encode(message), std::move(payload)};
}

template <class Message>
Result<Answered<Message>> decode_answer(Result<Answer> answer) {
  if (!answer) return pass(answer);
  auto reply = wire::decode<typename Message::Reply>(answer->body);
  if (!reply) return pass(reply);
  return Answered<Message>{std::move(*reply), std::move(answer->payload), answer->term};
}

template <class Message>
Result<Answered<Message>> call(Caller& caller, const wire::Endpoint& to, const Message& message, Millis timeout,
                               Bytes payload = {}) {
  return decode_answer<Message>(caller.call(to, request_of(message, std::move(payload)), timeout));
}

template <class Message>
void call(Loop& loop, const wire::Endpoint& to, const Message& message, Millis timeout,
          std::function<void(Result<Answered<Message>>)> done, Bytes payload = {}) {
  loop.call(to, request_of(message, std::move(payload)), timeout,
            [done = std::move(done)](Result<Answer> answer) { done(decode_answer<Message>(std::move(answer))); });
}

}  // namespace lace::net
