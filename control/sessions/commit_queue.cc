#include "control/sessions/commit_queue.h"

namespace lace::control {
namespace {
constexpr size_t max_waiting = 10'000;

// For who believes in success, as the holder of the only session may: what went otherwise, and nothing else.
wire::CommitReply terse(wire::CommitReply&& reply) {
  wire::CommitReply result;
  for (uint32_t index = 0; index < reply.results.size(); ++index) {
    if (reply.results[index].outcome.code == 0) continue;
    result.failed.push_back(index);
    result.results.push_back(std::move(reply.results[index]));
  }
  return result;
}

}  // namespace

CommitQueue::CommitQueue(GroupCommit& group, Sessions& sessions, SessionKeeper& keeper, Punches& punches, Deletes& deletes)
    : group_(group), sessions_(sessions), keeper_(keeper), punches_(punches), deletes_(deletes) {}

void CommitQueue::add(wire::Commit commit, net::Responder responder) {
  const Slot slot{commit.session, commit.slot};
  const auto same = under_way_.find(slot);
  if (same != under_way_.end() && same->second->commit.number == commit.number) {
    // The namespace knows it already, but its punches are not done: both askers get the one answer.
    same->second->responders.push_back(std::move(responder));
    return;
  }
  if (!open_ && waiting_.size() >= max_waiting) {
    return responder.refuse(Code::unavailable, "control has just started and too many commits wait");
  }
  const auto work = std::make_shared<Work>();
  work->commit = std::move(commit);
  work->responders.push_back(std::move(responder));
  under_way_[slot] = work;
  if (open_) {
    start(work);
  } else {
    waiting_.push_back(work);
  }
}

void CommitQueue::open() {
  if (open_) return;
  open_ = true;
  for (const WorkRef& work : std::exchange(waiting_, {})) start(work);
}

void CommitQueue::start(const WorkRef& work) {
  const auto apply = [this, work](Namespace& ns) -> Status {
    const Session* session = sessions_.find(work->commit.session);
    if (session == nullptr || session->fenced) return fail(Code::fenced, "the session has ended");
    auto outcome = ns.apply(work->commit);
    if (!outcome) return pass(outcome);
    work->outcome = std::move(*outcome);
    hold(*work, true);  // a later commit of the same group may take the name away
    return {};
  };
  group_.add(apply, [this, work](const Status& status) { applied(work, status); });
}

void CommitQueue::hold(const Work& work, bool held) {
  Session* session = sessions_.find(work.commit.session);
  if (session == nullptr) return;
  for (const InodeId inode : work.outcome.held) {
    if (held) {
      sessions_.hold(*session, inode);
    } else {
      sessions_.let_go(*session, inode);
    }
  }
}

void CommitQueue::applied(const WorkRef& work, const Status& status) {
  if (!status) {
    hold(*work, false);
    return finish(work, status);
  }
  const CommitOutcome& outcome = work->outcome;
  if (observer_) observer_(work->commit, outcome.reply);
  if (!outcome.deferred.empty()) punches_.send(outcome.deferred, {});
  if (outcome.deletes) deletes_.wake();
  keeper_.orphaned(outcome.orphaned);
  if (outcome.punches.empty()) return finish(work, {});
  punches_.send(outcome.punches, [this, work] { finish(work, {}); });
}

void CommitQueue::finish(const WorkRef& work, const Status& status) {
  const auto place = under_way_.find(Slot{work->commit.session, work->commit.slot});
  if (place != under_way_.end() && place->second == work) under_way_.erase(place);
  if (status && work->commit.terse) work->outcome.reply = terse(std::move(work->outcome.reply));
  for (net::Responder& responder : work->responders) {
    if (status) {
      responder.answer(work->outcome.reply);
    } else {
      responder.refuse(status.error());
    }
  }
}

}  // namespace lace::control
