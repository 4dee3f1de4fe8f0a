// Leases as they are carried out: what waits until leases are out of its way, the events that recall them, and who may have
// one. LeaseTable decides.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "control/sessions/events.h"
#include "control/sessions/lease_table.h"
#include "control/sessions/sessions.h"
#include "control/timing.h"

namespace lace::control {

// Loop thread only. What it is handed outlives it.
class LeaseKeeper {
 public:
  using Need = LeaseTable::Need;
  // What it takes, as the namespace is now: asked again after each wait.
  using Needs = std::function<std::vector<Need>()>;
  using Run = std::function<void(Status)>;

  // From `begin` to `end`, no lease on these directories is given. May outlive the keeper: who claims may wait for a commit, or
  // for a server, when control stops.
  class Claim {
   public:
    Claim(std::shared_ptr<LeaseTable> table, std::vector<Need> needs) : table_(std::move(table)), needs_(std::move(needs)) {
      table_->begin(needs_);
    }
    ~Claim() { table_->end(needs_); }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    const std::vector<Need>& needs() const { return needs_; }

   private:
    const std::shared_ptr<LeaseTable> table_;
    const std::vector<Need> needs_;
  };
  using ClaimRef = std::shared_ptr<Claim>;

  LeaseKeeper(net::Loop& loop, Sessions& sessions, Events& events, const Timing& timing, uint64_t term)
      : loop_(loop), sessions_(sessions), events_(events), timing_(timing), table_(std::make_shared<LeaseTable>(term << 32)) {}

  // Runs at once, or when no lease of other sessions is in the way and every session that may have had one before a restart
  // has said so or ended. Errors: unavailable (the deadline passed, or too many wait already).
  void when_free(SessionId session, Needs needs, Instant deadline, Run run);
  // Keeps others from getting a lease while the session, for which all is free, makes its change. Null: there is nobody.
  ClaimRef claim(SessionId session, const Needs& needs);

  // The lease of the session, which may be a new one, added to an answer.
  void add(const Session& session, InodeId directory, std::vector<wire::Lease>& leases);
  // The session's log says that it made a directory, or that one is gone.
  void made(const Session& session, InodeId directory);
  void removed(InodeId directory) { table_->forget(directory); }
  bool is_changed_by_other(SessionId session, InodeId directory) const {
    return table_->is_changed_by_other(session, directory);
  }

  // Nobody gets a lease while somebody is let in.
  void set_opening(bool opening) { opening_ = opening; }
  void resumed(const Session& session, const std::vector<wire::Lease>& leases);
  void seen(SessionId session);   // it acknowledged events
  void ended(SessionId session);  // or it has no leases any more
  void look_again();              // something that was waited for may be over
  // Answers sessions that were asked for a lease too long ago.
  std::vector<SessionId> tick();

  LeaseTable::Count count(SessionId session) const { return table_->count(session); }
  LeaseTable::Count count() const { return table_->count(); }
  uint64_t last() const { return table_->last(); }
  size_t waiting() const { return waiting_.size(); }
  struct Totals {
    uint64_t given = 0, recalled = 0, waits = 0;
  };
  const Totals& totals() const { return totals_; }

 private:
  static constexpr size_t most_waiting = 10'000;
  static constexpr Millis tidy_every{1'000};

  struct Waiting {
    SessionId session{};
    Needs needs;
    ClaimRef claim;
    Instant deadline;
    Run run;
  };
  struct Asked {
    uint64_t event = 0;
    LeaseTable::Recall recall;
    Instant since;
  };
  bool is_free(SessionId session, const std::vector<Need>& needs) const;
  void send(const std::vector<LeaseTable::Recall>& recalls);

  net::Loop& loop_;
  Sessions& sessions_;
  Events& events_;
  const Timing& timing_;
  const std::shared_ptr<LeaseTable> table_;
  std::list<Waiting> waiting_;
  std::map<SessionId, std::deque<Asked>> asked_;
  Totals totals_;
  Instant tidy_due_;
  bool opening_ = false;
  bool looking_ = false, look_once_more_ = false;
};

}  // namespace lace::control
