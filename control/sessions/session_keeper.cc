#include "control/sessions/session_keeper.h"

#include <memory>

#include "common/base/log.h"

namespace lace::control {
namespace {
constexpr size_t max_after_grace = 10'000;
constexpr uint32_t page_of_orphans = 10'000;
constexpr Millis look_at_processes_every{1'000};
}  // namespace

SessionKeeper::SessionKeeper(net::Loop& loop, Namespace& ns, GroupCommit& group, Sessions& sessions, Events& events,
                             LeaseKeeper& leases, LockTable& locks, Punches& punches, Deletes& deletes, const Timing& timing)
    : loop_(loop),
      namespace_(ns),
      group_(group),
      sessions_(sessions),
      events_(events),
      leases_(leases),
      locks_(locks),
      punches_(punches),
      deletes_(deletes),
      timing_(timing) {
  namespace_.set_held([this](InodeId inode) { return may_be_held(inode); });
  events_.add_on_seen([this](SessionId session) {
    look_at_openings();
    leases_.seen(session);
  });
}

Status SessionKeeper::start() {
  auto records = namespace_.sessions();
  if (!records) return pass(records);
  const Instant now = loop_.clock().now();
  for (SessionRecord& record : *records) sessions_.add(std::move(record), now, false);
  // One that was alone may still believe it.
  if (records->size() == 1) sessions_.find(sessions_.all().begin()->first)->sole = true;
  for (InodeId after{0};;) {
    const auto page = namespace_.orphans(after, page_of_orphans);
    if (!page) return pass(page);
    orphans_.insert(page->begin(), page->end());
    if (page->size() < page_of_orphans) break;
    after = page->back();
  }
  look_at_grace();
  return {};
}

// ---------------------------------------------------------------- opening

void SessionKeeper::open(SessionRecord record, Opened opened) {
  const auto kept = std::make_shared<SessionRecord>(std::move(record));
  const auto done = std::make_shared<Opened>(std::move(opened));
  const auto apply = [kept](Namespace& ns) -> Status {
    const auto id = ns.create_session(*kept);
    if (!id) return pass(id);
    kept->session = *id;
    return {};
  };
  group_.add(apply, [this, kept, done](const Status& status) {
    if (!status) return (*done)(pass(status));
    sessions_.add(*kept, loop_.clock().now(), true);
    log::info("control.session_opened",
              {{"session", raw(kept->session)}, {"host", kept->host}, {"mount_point", kept->mount_point}});
    admit(kept->session, std::move(*done));
  });
}

void SessionKeeper::admit(SessionId session, Opened opened) {
  Opening opening{session, {}, std::move(opened)};
  for (const auto& [id, other] : sessions_.all()) {
    if (id == session) continue;
    if (other.sole) {
      sessions_.find(id)->sole = false;
      opening.waits[id] = events_.push(id, wire::EventKind::sole_ended, 0, leases_.last());
      continue;
    }
    // Somebody is waiting for this one to hear it already: so do we.
    for (const Opening& earlier : openings_) {
      const auto wait = earlier.waits.find(id);
      if (wait != earlier.waits.end()) opening.waits[id] = wait->second;
    }
  }
  look_at_processes();  // who is dead can't hear it
  if (sessions_.size() == 1) sessions_.find(session)->sole = true;
  openings_.push_back(std::move(opening));
  leases_.set_opening(true);
  look_at_openings();
}

void SessionKeeper::look_at_openings() {
  std::vector<Opening> ready;
  std::erase_if(openings_, [&](Opening& opening) {
    std::erase_if(opening.waits, [&](const auto& wait) {
      if (sessions_.find(wait.first) == nullptr) return true;
      if (events_.seen(wait.first) < wait.second) return false;
      leases_.ended(wait.first);  // it has dropped all it knew
      return true;
    });
    if (!opening.waits.empty()) return false;
    ready.push_back(std::move(opening));
    return true;
  });
  leases_.set_opening(!openings_.empty());
  for (Opening& opening : ready) {
    Session* session = sessions_.find(opening.session);
    if (session == nullptr || session->fenced) {
      opening.opened(fail(Code::fenced, "the session ended before it was opened"));
      continue;
    }
    sessions_.renew(*session, loop_.clock().now());
    opening.opened(opening.session);
  }
}

void SessionKeeper::look_at_sole() {
  if (sessions_.size() != 1 || !openings_.empty()) return;
  Session& session = *sessions_.find(sessions_.all().begin()->first);
  if (session.sole || session.fenced || !session.resumed) return;
  session.sole = true;
  events_.push(session.record.session, wire::EventKind::sole_again, 0, leases_.last());
  leases_.ended(session.record.session);  // it has the whole tree
}

void SessionKeeper::resume(Session& session, const wire::ResumeSession& message) {
  sessions_.renew(session, loop_.clock().now());
  if (session.resumed) return;
  sessions_.resume(session);
  for (const InodeId inode : message.held) sessions_.hold(session, inode);
  for (const wire::LockRange& range : message.locks) locks_.restore(session.record.session, range);
  log::info("control.session_resumed", {{"session", raw(session.record.session)},
                                        {"held", message.held.size()},
                                        {"locks", message.locks.size()},
                                        {"leases", message.leases.size()}});
  leases_.resumed(session, message.leases);
  look_at_grace();
}

// ---------------------------------------------------------------- ending

void SessionKeeper::close(SessionId session, std::function<void(Status)> done) {
  if (Session* found = sessions_.find(session)) found->fenced = true;  // nothing that is on its way counts any more
  end(session, std::move(done));
}

void SessionKeeper::tick() {
  const Instant now = loop_.clock().now();
  while (!fenced_.empty() && fenced_.front().second <= now) fenced_.pop_front();
  // A mount that still waits to be let in can't renew: its lease begins when it is answered.
  for (const Opening& opening : openings_) {
    if (Session* session = sessions_.find(opening.session)) sessions_.renew(*session, now);
  }
  for (const SessionId id : sessions_.expired(now)) fence(id, "lease over");
  for (const SessionId id : leases_.tick()) {
    if (sessions_.find(id) != nullptr) fence(id, "did not give a lease back");
  }
  if (now >= processes_due_) look_at_processes();
}

void SessionKeeper::look_at_processes() {
  processes_due_ = loop_.clock().now() + look_at_processes_every;
  if (!process_ended_) return;
  for (const auto& [id, session] : sessions_.all()) {
    if (!session.fenced && process_ended_(session.record)) fence(id, "process gone");
  }
}

void SessionKeeper::fence(SessionId id, const char* why) {
  Session& session = *sessions_.find(id);
  if (session.fenced) return;
  session.fenced = true;
  fenced_.emplace_back(id, loop_.clock().now() + timing_.token_lease + timing_.storage_lease);
  log::warn("control.session_fenced",
            {{"session", raw(id)}, {"host", session.record.host}, {"mount_point", session.record.mount_point}, {"why", why}});
  loop_.after(timing_.storage_lease + timing_.storage_margin, [this, id] { end(id, [](const Status&) {}); });
}

void SessionKeeper::end(SessionId session, std::function<void(Status)> done) {
  if (!ending_.insert(session).second) return done(fail(Code::fenced, "the session is ending"));
  const auto grown = std::make_shared<bool>(false);
  const auto apply = [session, grown](Namespace& ns) -> Status {
    const auto more = ns.end_session(session);
    if (!more) return pass(more);
    *grown = *more;
    return {};
  };
  group_.add(apply, [this, session, grown, done = std::move(done)](const Status& status) {
    ending_.erase(session);
    if (!status) {
      loop_.after(timing_.retry_pause, [this, session] { end(session, [](const Status&) {}); });
      return done(status);
    }
    if (*grown) deletes_.wake();
    ended(session);
    done({});
  });
}

void SessionKeeper::ended(SessionId session) {
  log::info("control.session_ended", {{"session", raw(session)}});
  const std::vector<InodeId> free = sessions_.remove(session);
  locks_.release_session(session);
  events_.forget(session);
  leases_.ended(session);
  tell_granted();
  for (const InodeId inode : free) {
    if (orphans_.contains(inode) && grace_over_) reap(inode);
  }
  if (on_ended_) on_ended_();
  look_at_openings();
  look_at_sole();
  look_at_grace();
}

std::vector<SessionId> SessionKeeper::fenced() const {
  std::vector<SessionId> ids;
  for (const auto& [id, until] : fenced_) ids.push_back(id);
  return ids;
}

// ---------------------------------------------------------------- after a restart

Status SessionKeeper::when_resumed(std::function<void()> run) {
  if (grace_over_) {
    run();
    return {};
  }
  if (after_grace_.size() >= max_after_grace) return fail(Code::unavailable, "too many requests wait for other mounts");
  after_grace_.push_back(std::move(run));
  return {};
}

void SessionKeeper::look_at_grace() {
  if (grace_over_ || !sessions_.all_resumed()) return;
  grace_over_ = true;
  const std::vector<InodeId> orphans(orphans_.begin(), orphans_.end());
  for (const InodeId inode : orphans) {
    if (!sessions_.is_held(inode)) reap(inode);
  }
  for (const auto& run : std::exchange(after_grace_, {})) run();
}

// ---------------------------------------------------------------- open inodes

void SessionKeeper::orphaned(const std::vector<InodeId>& inodes) {
  for (const InodeId inode : inodes) {
    orphans_.insert(inode);
    if (!may_be_held(inode)) reap(inode);
  }
}

void SessionKeeper::let_go(Session& session, const std::vector<InodeId>& inodes) {
  for (const InodeId inode : inodes) {
    if (sessions_.let_go(session, inode) && orphans_.contains(inode) && grace_over_) reap(inode);
  }
}

// Piece by piece, so that a huge file does not stop everybody else.
void SessionKeeper::reap(InodeId inode) {
  const auto reaped = std::make_shared<Reaped>();
  const auto apply = [this, inode, reaped](Namespace& ns) -> Status {
    if (sessions_.is_held(inode)) return fail(Code::busy, "the inode is held again");
    auto part = ns.reap(inode);
    if (!part) return pass(part);
    *reaped = std::move(*part);
    return {};
  };
  group_.add(apply, [this, inode, reaped](const Status& status) {
    if (!status && status.error().code == Code::busy) {
      if (!sessions_.is_held(inode)) orphans_.erase(inode);  // it has a name again
      return;
    }
    if (!status) {
      loop_.after(timing_.retry_pause * 4, [this, inode] { reap(inode); });
      return;
    }
    if (!reaped->punches.empty()) punches_.send(reaped->punches, {});
    if (reaped->deletes) deletes_.wake();
    orphaned(reaped->orphaned);
    if (reaped->done) {
      orphans_.erase(inode);
    } else {
      reap(inode);
    }
  });
}

void SessionKeeper::tell_granted() {
  for (const LockTable::Granted& granted : locks_.take_granted()) {
    events_.push(granted.session, wire::EventKind::lock_granted, granted.waiter);
  }
}

}  // namespace lace::control
