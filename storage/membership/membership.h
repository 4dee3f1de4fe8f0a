// This server as a member of its cluster: registration, the report of all copies, heartbeats, the lease, who the others are.
//
// The lease is counted from the moment the heartbeat was sent that control answered. Without it nothing is read or written
// here: control may have given the blocks to others. All on the loop's thread.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "common/net/transport.h"
#include "common/wire/storage_messages.h"
#include "storage/copy/copy_store.h"
#include "storage/membership/guard.h"

namespace lace::storage {

struct MembershipOptions {
  std::string cluster;  // empty: joins the one that control tells
  ServerId server{};    // 0: gets one
  std::string name;
  wire::Endpoint endpoint;               // where others reach this server
  std::vector<wire::Endpoint> controls;  // asked in turn until one answers; later those that control tells
  uint64_t incarnation = 0;              // random per start
  std::string disk;                      // wire::RegisterServer::disk
  Millis heartbeat{250};
  Millis heartbeat_timeout{1'000};
  Millis register_timeout{5'000};
  Millis retry{250};
  size_t report_page = 10'000;  // copies in one message
  int most_denials = 20;        // in a row, before the server gives up: after a kill its name may still seem to live
};

// What this server says of its disk.
using DiskUsage = std::function<disk::Usage()>;
// Durable here before anything is served: the cluster and number of this server. An error ends the server.
using Joined = std::function<Status(const std::string& cluster, ServerId server)>;

class Membership {
 public:
  Membership(net::Loop& loop, CopyStore& store, Guard& guard, MembershipOptions options, DiskUsage usage, Joined joined);

  void start();
  void stop();  // sends nothing any more
  // Called when control refuses this server for good (another cluster, a name in use): `what` says the remedy.
  void on_refused(std::function<void(Error)> refused) { refused_ = std::move(refused); }

  // Error: stale, when the lease ran out or control does not know this server yet.
  Status check_lease() const;
  Millis lease_left() const;  // 0: none
  bool serving() const { return check_lease().has_value(); }
  // A message from control must carry a term that is not older than the one known. Error: stale.
  Status check_term(uint64_t term) const;
  ServerId self() const { return options_.server; }
  uint64_t term() const { return term_; }
  uint64_t incarnation() const { return options_.incarnation; }
  const std::string& cluster() const { return options_.cluster; }
  const wire::Endpoint& control() const { return options_.controls[control_]; }
  // Where another server is. Null: not known (yet).
  const wire::ServerInfo* find_server(ServerId server) const;
  disk::Usage usage() const { return usage_(); }

  // What is told of repair with each heartbeat; and: what control said in answer to one.
  void set_figures(std::function<wire::RepairFigures()> figures) { figures_ = std::move(figures); }
  void on_told(std::function<void(const wire::HeartbeatReply&)> told) { told_ = std::move(told); }
  // A new master has told where it is: registers there. Error: stale.
  Status follow(uint64_t term, const std::vector<wire::Endpoint>& controls);

  // The copy changed other than by control's word: told at once.
  void tell_changed(BlockId block);

 private:
  enum class Phase { stopped, registering, reporting, serving };

  void register_again();
  void learn(const std::vector<wire::Endpoint>& controls);
  void retry_later();
  void registered(Result<net::Answered<wire::RegisterServer>> answer);
  void report(BlockId behind, bool first);
  void reported(const wire::ReportCopiesReply& reply);
  void beat();
  void send_heartbeat();
  void heartbeat_answered(Instant sent, const std::map<BlockId, uint64_t>& told, Result<net::Answered<wire::Heartbeat>> answer);
  wire::CopyReport report_of(BlockId block) const;

  net::Loop& loop_;
  CopyStore& store_;
  Guard& guard_;
  MembershipOptions options_;
  const DiskUsage usage_;
  const Joined joined_;
  std::function<void(Error)> refused_;
  std::function<wire::RepairFigures()> figures_;
  std::function<void(const wire::HeartbeatReply&)> told_;

  Phase phase_ = Phase::stopped;
  size_t control_ = 0;  // index into options_.controls
  int denials_ = 0;     // in a row
  uint64_t round_ = 0;  // grows with every registration: answers to older ones are not heard
  uint64_t term_ = 0;
  Instant lease_until_{};
  uint32_t beats_under_way_ = 0;
  bool beat_soon_ = false;
  std::map<ServerId, wire::ServerInfo> servers_;
  std::map<BlockId, uint64_t> changed_;  // to be told; with the number of the change
  uint64_t changes_ = 0;
};

}  // namespace lace::storage
