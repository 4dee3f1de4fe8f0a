// The life of sessions: opened, resumed after a restart of control, ended by their mount or by their lease; and what depends on
// it: who is the only one (`sole`), which orphans can be taken apart, when locks may be given out again.
//
// A lease that ended, or a process that did, fences the session first: storage servers are told with every heartbeat answer,
// and after one storage lease everyone has heard it or stopped serving. Only then its locks and open inodes are let go.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <unordered_set>
#include <vector>

#include "control/group/group_commit.h"
#include "control/mapping/deletes.h"
#include "control/mapping/punches.h"
#include "control/sessions/events.h"
#include "control/sessions/lease_keeper.h"
#include "control/sessions/lock_table.h"
#include "control/sessions/sessions.h"

namespace lace::control {

// Loop thread only. What it is handed outlives it.
class SessionKeeper {
 public:
  using Opened = std::function<void(Result<SessionId>)>;

  SessionKeeper(net::Loop& loop, Namespace& ns, GroupCommit& group, Sessions& sessions, Events& events, LeaseKeeper& leases,
                LockTable& locks, Punches& punches, Deletes& deletes, const Timing& timing);

  // Loads what the namespace remembers.
  Status start();

  // `opened` is called when the session is durable and every other one knows that it is not alone any more.
  void open(SessionRecord record, Opened opened);
  // Takes in what a mount holds, the first time after a restart.
  void resume(Session& session, const wire::ResumeSession& message);
  void close(SessionId session, std::function<void(Status)> done);
  // Looks at the leases, and at the processes.
  void tick();
  // Whether the mount's process has surely ended: then its session need not wait for the end of its lease. Unset: nobody knows.
  using ProcessEnded = std::function<bool(const SessionRecord&)>;
  void set_process_ended(ProcessEnded process_ended) { process_ended_ = std::move(process_ended); }

  // Runs at once, or when every session that is known from before a restart has resumed or ended. Errors: unavailable (too
  // many wait already).
  Status when_resumed(std::function<void()> run);
  // Inodes that lost their last name while they were held.
  void orphaned(const std::vector<InodeId>& inodes);
  void let_go(Session& session, const std::vector<InodeId>& inodes);
  // Called when a session is forgotten.
  void set_on_ended(std::function<void()> run) { on_ended_ = std::move(run); }
  // Tells those whose locks were granted.
  void tell_granted();

  // For heartbeats: sessions whose tokens are void.
  std::vector<SessionId> fenced() const;

 private:
  struct Opening {
    SessionId session{};
    std::map<SessionId, uint64_t> waits;  // for these to have seen this event
    Opened opened;
  };
  void admit(SessionId session, Opened opened);
  void look_at_openings();
  void look_at_processes();
  void fence(SessionId session, const char* why);
  void look_at_sole();
  void end(SessionId session, std::function<void(Status)> done);
  void ended(SessionId session);
  void look_at_grace();
  void reap(InodeId inode);
  bool may_be_held(InodeId inode) const { return !grace_over_ || sessions_.is_held(inode); }

  net::Loop& loop_;
  Namespace& namespace_;
  GroupCommit& group_;
  Sessions& sessions_;
  Events& events_;
  LeaseKeeper& leases_;
  LockTable& locks_;
  Punches& punches_;
  Deletes& deletes_;
  const Timing& timing_;

  ProcessEnded process_ended_;
  std::function<void()> on_ended_;
  Instant processes_due_;  // when to look at them
  std::vector<Opening> openings_;
  std::deque<std::pair<SessionId, Instant>> fenced_;  // until when they are named
  std::set<SessionId> ending_;
  bool grace_over_ = false;
  std::vector<std::function<void()>> after_grace_;
  std::unordered_set<InodeId> orphans_;  // held ones, or whose holders are not known yet
};

}  // namespace lace::control
