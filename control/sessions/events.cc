#include "control/sessions/events.h"

#include <algorithm>

namespace lace::control {
namespace {
constexpr uint32_t max_wait_ms = 60'000;
constexpr size_t max_events_in_reply = 1'000;
}  // namespace

Events::~Events() {
  for (auto& [session, queue] : queues_) stop_waiting(queue);
}

Events::Queue& Events::queue_of(SessionId session) {
  Queue& queue = queues_[session];
  if (queue.next == 0) queue.next = first_;
  return queue;
}

uint64_t Events::push(SessionId session, wire::EventKind kind, uint64_t value, uint64_t lease) {
  Queue& queue = queue_of(session);
  const uint64_t number = queue.next++;
  queue.events.push_back({number, kind, value, lease});
  if (queue.waiting) answer(queue);
  return number;
}

void Events::wait(const wire::WaitEvents& question, net::Responder responder) {
  Queue& queue = queue_of(question.session);
  while (!queue.events.empty() && queue.events.front().number <= question.seen) queue.events.pop_front();
  const bool more = question.seen > queue.seen;
  queue.seen = std::max(queue.seen, question.seen);

  // A second question takes the place of the first, whose asker gave up.
  if (queue.waiting) {
    stop_waiting(queue);
    queue.waiting->answer(wire::WaitEventsReply{});
  }
  queue.waiting = std::move(responder);
  if (!queue.events.empty() || question.wait_ms == 0) {
    answer(queue);
  } else {
    const SessionId session = question.session;
    queue.timer = loop_.after(Millis(std::min(question.wait_ms, max_wait_ms)), [this, session] {
      const auto found = queues_.find(session);
      if (found == queues_.end()) return;
      found->second.timer = {};
      if (found->second.waiting) answer(found->second);
    });
  }
  if (!more) return;
  const SessionId session = question.session;
  for (const auto& run : on_seen_) run(session);
}

uint64_t Events::latest(SessionId session) const {
  const auto found = queues_.find(session);
  return found == queues_.end() || found->second.next == 0 ? first_ - 1 : found->second.next - 1;
}

uint64_t Events::seen(SessionId session) const {
  const auto found = queues_.find(session);
  return found == queues_.end() ? 0 : found->second.seen;
}

void Events::forget(SessionId session) {
  const auto found = queues_.find(session);
  if (found == queues_.end()) return;
  stop_waiting(found->second);
  if (found->second.waiting) found->second.waiting->refuse(Code::fenced, "the session has ended");
  queues_.erase(found);
}

void Events::answer(Queue& queue) {
  stop_waiting(queue);
  wire::WaitEventsReply reply;
  const size_t count = std::min(queue.events.size(), max_events_in_reply);
  reply.events.assign(queue.events.begin(), queue.events.begin() + static_cast<ptrdiff_t>(count));
  net::Responder responder = std::move(*queue.waiting);
  queue.waiting.reset();
  responder.answer(reply);
}

void Events::stop_waiting(Queue& queue) {
  if (queue.timer != net::TimerId{}) loop_.cancel(queue.timer);
  queue.timer = {};
}

}  // namespace lace::control
