// The control server on one page: its parts by value, in the order in which they are built. Everything runs on one thread, the
// loop's; nothing waits except for the disk. What is said to it arrives in the handlers (control/handlers, one file for each
// group of messages), which are functions over these parts.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/group/announcer.h"
#include "control/group/group_commit.h"
#include "control/group/hooks.h"
#include "control/mapping/copies.h"
#include "control/mapping/deletes.h"
#include "control/mapping/epoch_raiser.h"
#include "control/mapping/intake.h"
#include "control/mapping/placement.h"
#include "control/mapping/punches.h"
#include "control/mapping/servers.h"
#include "control/mapping/storage_calls.h"
#include "control/metrics.h"
#include "control/namespace/namespace.h"
#include "control/repair/census.h"
#include "control/repair/checker.h"
#include "control/repair/limits.h"
#include "control/repair/repair.h"
#include "control/sessions/commit_queue.h"
#include "control/sessions/credentials.h"
#include "control/sessions/lease_keeper.h"
#include "control/sessions/session_keeper.h"
#include "control/timing.h"

namespace lace::control {

struct ControlOptions {
  std::string name = "control-1";
  uint32_t copies = 2;                 // of each block, 1 to max_copies
  std::vector<wire::Endpoint> listen;  // a group's master has none: its member listens
  Timing timing;
  SessionKeeper::ProcessEnded process_ended;
  std::optional<GroupHooks> group = {};
};

class Control {
 public:
  // The loop and the metrics outlive it. `namespace_` has just been opened: its term is this server's.
  Control(net::Loop& loop, std::unique_ptr<Namespace> opened, std::unique_ptr<Copies> mapping, Credentials access,
          metrics::Registry& registry, ControlOptions given);
  ~Control();

  // Loads what must be in memory, sends what was left to do, and listens. Errors: those of the disk and of Loop::listen.
  Status start();
  // Commits what waits; what is not answered is refused. The loop may be stopped then.
  void stop();
  // A message that came in.
  void receive(net::Incoming incoming, net::Responder responder);

  // ---- constant
  const ControlOptions options;
  const Credentials credentials;
  net::Loop& loop;

  // ---- state, and the decisions over it
  std::unique_ptr<Namespace> names;  // hard: files, blocks, sessions
  std::unique_ptr<Copies> copies;    // soft: what storage servers say of their copies
  Servers servers;
  Sessions sessions;
  LockTable locks;
  PlacementPlan placement;
  Census census;
  wire::RepairLimits limits;
  std::map<ServerId, uint64_t> scrub_orders;  // wire::HeartbeatReply's
  ControlMetrics metrics;

  // ---- what works on it
  GroupCommit group;
  Events events;
  LeaseKeeper leases;
  StorageCalls storage;
  EpochRaiser raiser;
  Punches punches;
  Deletes deletes;
  Intake intake;
  SessionKeeper keeper;
  WriteHold write_hold;
  CommitQueue commits;
  Repair repair;
  Checker checker;
  Announcer announcer;

  // Servers that are up and take new copies.
  std::vector<Candidate> candidates() const;
  Instant now() const { return loop.clock().now(); }
  // It was removed from the namespace.
  void forget_server(ServerId server);
  bool may_act() const { return !options.group || options.group->may_act(); }

 private:
  Status resume();
  void tick();
  void notice_servers();
  void set_gauges();
  void count_leases();
  void empty_log();

  std::map<ServerId, bool> was_up_;
  net::TimerId tick_timer_{};
  Instant gauges_due_;
  bool log_grows_ = true;  // the database's, since it was emptied
  Instant last_change_;
};

}  // namespace lace::control
