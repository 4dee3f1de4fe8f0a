// Commits on their way: applied in the next group, durable, punched where extents were removed, answered.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/net/transport.h"
#include "control/group/group_commit.h"
#include "control/mapping/deletes.h"
#include "control/mapping/punches.h"
#include "control/sessions/lease_keeper.h"
#include "control/sessions/session_keeper.h"
#include "control/sessions/write_hold.h"

namespace lace::control {

// Loop thread only. What it is handed outlives it.
class CommitQueue {
 public:
  // Told of each commit that was applied.
  using Observer = std::function<void(const wire::Commit&, const wire::CommitReply&)>;

  CommitQueue(Namespace& ns, GroupCommit& group, Sessions& sessions, SessionKeeper& keeper, LeaseKeeper& leases,
              WriteHold& hold, Punches& punches, Deletes& deletes);

  // The session is known, and it is the asker's. Before open() commits wait (at most max_waiting of them).
  void add(wire::Commit commit, net::Responder responder);
  // Punches from before a restart are done: commits may be served.
  void open();
  void set_observer(Observer observer) { observer_ = std::move(observer); }

 private:
  struct Work {
    ~Work();  // dropped unanswered, it may be done: `unknown`
    wire::Commit commit;
    CommitOutcome outcome;
    std::vector<net::Responder> responders;  // more than one: it was sent again before it was answered
    LeaseKeeper::ClaimRef claim;
  };
  using WorkRef = std::shared_ptr<Work>;
  using Slot = std::pair<SessionId, uint32_t>;

  void start(const WorkRef& work);
  void submit(const WorkRef& work);
  void apply(const WorkRef& work, std::optional<WriteHold::Id> held);
  void hold(const Work& work, bool held);
  void applied(const WorkRef& work, const Status& status);
  void finish(const WorkRef& work, const Status& status);
  void note_directories(const Work& work);
  void add_leases(Work& work);

  Namespace& namespace_;
  GroupCommit& group_;
  Sessions& sessions_;
  SessionKeeper& keeper_;
  LeaseKeeper& leases_;
  WriteHold& write_hold_;
  Punches& punches_;
  Deletes& deletes_;
  Observer observer_;
  bool open_ = false;
  std::deque<WorkRef> waiting_;
  std::map<Slot, WorkRef> under_way_;
};

}  // namespace lace::control
