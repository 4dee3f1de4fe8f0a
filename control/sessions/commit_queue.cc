#include "control/sessions/commit_queue.h"

#include <sys/stat.h>

#include "control/sessions/lease_needs.h"

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

// Who shares part of a file can copy it instead; a whole tree is worth waiting for a mount that is gone, until its lease is
// over.
constexpr Millis hold_for_file{2'000};
constexpr Millis hold_for_tree{25'000};

struct Shares {  // what a commit has become shared
  bool any = false;
  Millis within{0};
  InodeId inode = no_inode;  // of one file alone
};

Shares shares_of(const wire::Commit& commit) {
  Shares shares;
  for (const wire::Operation& operation : commit.operations) {
    const auto* share = std::get_if<wire::Share>(&operation);
    const bool tree = std::holds_alternative<wire::CopyTree>(operation);
    if (share == nullptr && !tree) continue;
    shares.inode = share != nullptr && !shares.any ? share->from : no_inode;
    shares.any = true;
    shares.within = std::max(shares.within, tree ? hold_for_tree : hold_for_file);
  }
  return shares;
}

}  // namespace

CommitQueue::CommitQueue(Namespace& ns, GroupCommit& group, Sessions& sessions, SessionKeeper& keeper, LeaseKeeper& leases,
                         WriteHold& hold, Punches& punches, Deletes& deletes)
    : namespace_(ns),
      group_(group),
      sessions_(sessions),
      keeper_(keeper),
      leases_(leases),
      write_hold_(hold),
      punches_(punches),
      deletes_(deletes) {}

CommitQueue::Work::~Work() {
  for (net::Responder& responder : responders)
    responder.refuse(Code::unknown, "the server ended while the change was under way");
}

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

// What a log tells was decided under leases: nobody else has one in its way.
void CommitQueue::start(const WorkRef& work) {
  if (work->commit.terse) return submit(work);
  const auto needs = [this, work] { return to_change(namespace_, work->commit.operations); };
  // A mount that is about to share gives no lease back: two of them must not wait for each other for ever.
  const Shares shares = shares_of(work->commit);
  const Instant deadline = shares.any ? write_hold_.deadline(shares.within) : Instant::max();
  leases_.when_free(work->commit.session, needs, deadline, [this, work, needs, any = shares.any](const Status& status) {
    if (!status && any) return finish(work, fail(Code::try_again, "another mount does not give back what it may cache"));
    if (!status) return finish(work, status);
    work->claim = leases_.claim(work->commit.session, needs);
    submit(work);
  });
}

// Before pages are shared, nobody else may be writing into them. (Leases first: a mount that holds still gives none back.)
void CommitQueue::submit(const WorkRef& work) {
  const Shares shares = shares_of(work->commit);
  if (!shares.any) return apply(work, std::nullopt);
  write_hold_.begin(work->commit.session, shares.within, [this, work](WriteHold::Id id, const Status& held) {
    if (held) return apply(work, id);
    write_hold_.end(id, no_inode);
    finish(work, held);
  });
}

void CommitQueue::apply(const WorkRef& work, std::optional<WriteHold::Id> held) {
  const auto run = [this, work, held](Namespace& ns) -> Status {
    const Session* session = sessions_.find(work->commit.session);
    if (session == nullptr || session->fenced) return fail(Code::fenced, "the session has ended");
    if (held && !write_hold_.covers_all(*held)) return fail(Code::try_again, "another mount has just come");
    auto outcome = ns.apply(work->commit);
    if (!outcome) return pass(outcome);
    work->outcome = std::move(*outcome);
    hold(*work, true);  // a later commit of the same group may take the name away
    return {};
  };
  group_.add(run, [this, work, held](const Status& status) {
    if (held) write_hold_.end(*held, shares_of(work->commit).inode);
    applied(work, status);
  });
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
  note_directories(*work);
  if (outcome.punches.empty()) return finish(work, {});
  punches_.send(outcome.punches, [this, work] { finish(work, {}); });
}

void CommitQueue::note_directories(const Work& work) {
  const Session* session = sessions_.find(work.commit.session);
  for (size_t index = 0; index < work.commit.operations.size(); ++index) {
    const wire::OperationResult& result = work.outcome.reply.results[index];
    if (result.outcome.code != 0) continue;
    const auto* create = std::get_if<wire::Create>(&work.commit.operations[index]);
    const bool makes = create != nullptr && create->inode != no_inode && S_ISDIR(create->mode);
    if (makes && session != nullptr && work.commit.terse && !work.outcome.repeated) leases_.made(*session, create->inode);
    const wire::Attributes& gone = result.displaced;
    if (gone.inode != no_inode && gone.links == 0 && S_ISDIR(gone.mode)) leases_.removed(gone.inode);
  }
}

// Nobody else has a lease on what was changed: the session may go on alone there.
void CommitQueue::add_leases(Work& work) {
  const Session* session = sessions_.find(work.commit.session);
  if (work.claim == nullptr || session == nullptr) return;
  const LeaseNeeds needs = work.claim->needs();
  work.claim.reset();
  for (const LeaseTable::Need& need : needs) {
    const auto home = namespace_.home(need.directory);
    if (home && *home == need.directory) leases_.add(*session, need.directory, work.outcome.reply.leases);  // it is still there
  }
}

void CommitQueue::finish(const WorkRef& work, const Status& status) {
  const auto place = under_way_.find(Slot{work->commit.session, work->commit.slot});
  if (place != under_way_.end() && place->second == work) under_way_.erase(place);
  if (status) add_leases(*work);
  work->claim.reset();
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
