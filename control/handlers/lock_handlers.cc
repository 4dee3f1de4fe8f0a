#include "control/handlers/handlers.h"

namespace lace::control {
namespace {

constexpr uint8_t unlock = 2;

void take_lock(Control& control, const wire::Lock& message, Responder& responder) {
  const Session* session = control.sessions.find(message.session);
  if (session == nullptr || session->fenced) return responder.refuse(Code::fenced, "the session has ended");
  auto reply = control.locks.lock(message.session, message.range, message.wait);
  // The answer goes before the events of those who were let in by it.
  if (reply) {
    responder.answer(*reply);
  } else {
    responder.refuse(reply.error());
  }
  control.keeper.tell_granted();
}

}  // namespace

void handle(Control& control, const Asker& asker, wire::Lock& message, Responder responder) {
  const Session* session = session_of(control, asker, message.session, responder);
  if (session == nullptr || !is_visible(control, *session, message.range.inode, responder)) return;
  if (message.range.type == unlock) return take_lock(control, message, responder);
  // After a restart the locks of those who did not resume yet are not known: nobody may get ahead of them.
  const auto kept = std::make_shared<Responder>(std::move(responder));
  const Instant deadline = asker.deadline;
  const Status waits = control.keeper.when_resumed([&control, kept, deadline, message] {
    if (control.now() >= deadline) return kept->refuse(Code::unavailable, "the lock was asked for too long ago");
    take_lock(control, message, *kept);
  });
  if (!waits) kept->refuse(waits.error());
}

void handle(Control& control, const Asker& asker, wire::CancelLock& message, Responder responder) {
  if (session_of(control, asker, message.session, responder) == nullptr) return;
  responder.answer(wire::CancelLockReply{control.locks.cancel(message.session, message.waiter)});
  control.keeper.tell_granted();
}

void handle(Control& control, const Asker& asker, wire::TestLock& message, Responder responder) {
  const Session* session = session_of(control, asker, message.session, responder);
  if (session == nullptr || !is_visible(control, *session, message.range.inode, responder)) return;
  const auto kept = std::make_shared<Responder>(std::move(responder));
  const Status waits = control.keeper.when_resumed(
      [&control, kept, message] { kept->answer(wire::TestLockReply{control.locks.test(message.session, message.range)}); });
  if (!waits) kept->refuse(waits.error());
}

void handle(Control& control, const Asker& asker, wire::ReleaseLocks& message, Responder responder) {
  if (session_of(control, asker, message.session, responder) == nullptr) return;
  control.locks.release(message.session, message.inode, message.owner, message.flock);
  responder.answer(wire::Done{});
  control.keeper.tell_granted();
}

}  // namespace lace::control
