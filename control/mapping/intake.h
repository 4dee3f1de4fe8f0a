// Takes in what a storage server reports when it registers, and tells it what it must know before it may serve:
//
//   copies of blocks that nobody ever made      -> quarantine
//   copies of blocks that are gone              -> discard
//   copies that left their block's set          -> SetEpochs dropped: they are refused from then on
//   copies of members that lag behind           -> SetEpochs: the server missed the end of a raise
//   members without a copy, while others have one -> SetEpochs dropped as well (repair makes them anew)
//   punches that wait for it                    -> done now
//
// Only then the server is `reported`, and its heartbeats get leases.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "control/mapping/copies.h"
#include "control/mapping/punches.h"

namespace lace::control {

// Loop thread only. What it is handed outlives it.
class Intake {
 public:
  Intake(net::Loop& loop, Namespace& ns, Servers& servers, Copies& copies, StorageCalls& storage, Punches& punches);

  // Errors: fenced (register again), malformed (not in order), and those of the namespace.
  Result<wire::ReportCopiesReply> report(const wire::ReportCopies& page);
  // Between heartbeats: copies whose state changed.
  void changed(ServerId server, const std::vector<wire::CopyReport>& reports);

  // It got its first lease: the blocks of its report want attention now, when copies on it count as up.
  void server_up(ServerId server);

  // A block whose copies want attention (suspect, whole after filling, corrupt, lost).
  void set_on_attention(std::function<void(BlockId)> run) { on_attention_ = std::move(run); }
  // The server may serve.
  void set_on_reported(std::function<void(ServerId)> run) { on_reported_ = std::move(run); }

 private:
  // A report under way. Abandoned when the server registers again.
  struct Report {
    ServerId server{};
    uint64_t incarnation = 0;
    BlockId last{};
    std::vector<BlockId> reported;  // by id: what the server has
    std::vector<BlockId> attention;
    size_t steps_left = 1;
    bool complete = false;  // all pages are in
    bool failed = false;
  };
  using ReportRef = std::shared_ptr<Report>;

  Status take(const ReportRef& report, const wire::CopyReport& copy, wire::ReportCopiesReply& reply);
  void tell(const ReportRef& report, const wire::CopyReport& copy, const wire::BlockInfo& block, bool member);
  Status look_for_missing(const ReportRef& report);
  Status look_for_dropped(const ReportRef& report);
  void look_at_missing(const ReportRef& report, const wire::BlockInfo& block);
  void missing_verdict(const ReportRef& report, const wire::BlockInfo& block, bool others_have_it);
  void step_done(const ReportRef& report);
  void finish(const ReportRef& report);

  net::Loop& loop_;
  Namespace& namespace_;
  Servers& servers_;
  Copies& copies_;
  StorageCalls& storage_;
  Punches& punches_;
  std::map<ServerId, ReportRef> reports_;
  std::map<ServerId, std::vector<BlockId>> attention_;  // of servers that are about to be up
  std::function<void(BlockId)> on_attention_;
  std::function<void(ServerId)> on_reported_;
};

}  // namespace lace::control
