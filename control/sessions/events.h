// What control tells mounts without being asked: numbered events, kept until the mount acknowledged them by asking for later
// ones (wire::WaitEvents). A waiting question is answered as soon as there is something.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "common/net/transport.h"
#include "common/wire/control_messages.h"

namespace lace::control {

// Loop thread only.
class Events {
 public:
  // Events are numbered from `term` * 2^32 + 1, so that what a mount saw before a restart of control is always older.
  Events(net::Loop& loop, uint64_t term) : loop_(loop), first_((term << 32) + 1) {}
  ~Events();

  // Answers the event's number.
  uint64_t push(SessionId session, wire::EventKind kind, uint64_t value = 0, uint64_t lease = 0);
  void wait(const wire::WaitEvents& question, net::Responder responder);
  // The number of the session's latest event; less than any of this term: there was none.
  uint64_t latest(SessionId session) const;
  // Up to which number the session acknowledged.
  uint64_t seen(SessionId session) const;
  void forget(SessionId session);
  // Called when a session acknowledged more than before.
  void add_on_seen(std::function<void(SessionId)> run) { on_seen_.push_back(std::move(run)); }

 private:
  struct Queue {
    uint64_t next = 0, seen = 0;
    std::deque<wire::Event> events;
    std::optional<net::Responder> waiting;
    net::TimerId timer{};
  };
  Queue& queue_of(SessionId session);
  void answer(Queue& queue);
  void stop_waiting(Queue& queue);

  net::Loop& loop_;
  const uint64_t first_;
  std::unordered_map<SessionId, Queue> queues_;
  std::vector<std::function<void(SessionId)>> on_seen_;
};

}  // namespace lace::control
