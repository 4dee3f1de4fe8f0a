// Raises the epochs of blocks: the one way in which a copy set changes (PacificA, Lin et al. 2008, section 3).
//
//   plan      who stays, who leaves, who joins (copy_set.h)
//   confirm   somebody who stays answers, so that the set is never left to a server that just died as well
//   fence     who leaves has stopped serving the block: it said so, or its lease ran out and it must register again
//   prepare   who joins has made a copy that is one big hole, or has said that the one it had is to be filled
//   commit    epoch + 1 and the new set, durably, in the namespace
//   tell      who stays moves its copy to the new epoch; who does not answer must register and report again
//
// Wishes for a block that come while it is raised wait for the next round, all of them together.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "common/net/transport.h"
#include "control/group/group_commit.h"
#include "control/mapping/copies.h"
#include "control/mapping/copy_set.h"
#include "control/mapping/servers.h"
#include "control/mapping/storage_calls.h"

namespace lace::control {

// Loop thread only. What it is handed outlives it.
class EpochRaiser {
 public:
  // The block as it is now. Errors: no_entry (there is no such block), unavailable (no in-sync copy on a server that is up),
  // and the disk's.
  using Done = std::function<void(Result<wire::BlockInfo>)>;

  EpochRaiser(net::Loop& loop, Namespace& ns, GroupCommit& group, Servers& servers, StorageCalls& storage,
              const Timing& timing);
  ~EpochRaiser();

  // These servers are to leave, if the block is still at `epoch`; else it is answered as it is.
  void drop(BlockId block, Epoch epoch, std::vector<ServerId> servers, Done done);
  void fill(BlockId block, ServerId server, Done done);
  void promote(BlockId block, Epoch epoch, ServerId server, Done done);
  // Nobody has a better copy: goes on with the suspect copy of `keep` alone.
  void accept(BlockId block, Epoch epoch, ServerId keep, Done done);

  // Called with every block whose copy set has changed.
  void set_on_raised(std::function<void(const wire::BlockInfo&)> run) { on_raised_ = std::move(run); }
  // Called with every server that is in neither list of a block any more: it may have a copy still.
  void set_on_left(std::function<void(BlockId, ServerId)> run) { on_left_ = std::move(run); }
  // Called with every member that says it has no copy any more, or refused to have one: it is not to be counted on.
  void set_on_gone(std::function<void(BlockId, ServerId)> run) { on_gone_ = std::move(run); }
  bool is_raising(BlockId block) const { return raises_.contains(block); }
  size_t raising() const { return raises_.size(); }

 private:
  struct Wish {
    Epoch epoch = 0;  // 0: at any
    CopySetWish set;
    ServerId accept{};
    Done done;
  };
  struct Raise;
  using RaiseRef = std::shared_ptr<Raise>;

  void add(BlockId block, Wish wish);
  void start(const RaiseRef& raise);
  void start_later(const RaiseRef& raise);
  Result<CopySetPlan> plan(Raise& raise);
  void fence(const RaiseRef& raise, ServerId server);
  void bar(Raise& raise, ServerId server);
  void lift_bars(Raise& raise);
  void wait_for_lease(const RaiseRef& raise, ServerId server);
  void confirm(const RaiseRef& raise, ServerId server);
  static void leave_out_bad(Raise& raise);
  void prepare(const RaiseRef& raise, ServerId server);
  void confirmed(const RaiseRef& raise);
  void step_done(const RaiseRef& raise);
  void try_again(const RaiseRef& raise);
  void commit(const RaiseRef& raise);
  void tell(const RaiseRef& raise);
  uint64_t incarnation_of(ServerId server) const;
  void tell_member(const RaiseRef& raise, ServerId server);
  void finish(const RaiseRef& raise, const Result<wire::BlockInfo>& outcome);

  net::Loop& loop_;
  Namespace& namespace_;
  GroupCommit& group_;
  Servers& servers_;
  StorageCalls& storage_;
  const Timing& timing_;
  std::function<void(const wire::BlockInfo&)> on_raised_;
  std::function<void(BlockId, ServerId)> on_left_;
  std::function<void(BlockId, ServerId)> on_gone_;
  std::map<BlockId, RaiseRef> raises_;
};

}  // namespace lace::control
