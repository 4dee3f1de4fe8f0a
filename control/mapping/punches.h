// Gives the space of removed extents back on the copies. A punch is stored in the namespace with the change that freed the
// pages (PendingPunch) and forgotten when every member of the block has done it: until then it is sent again and again.
//
// `done` of send() is called when the pages can be written anew: every member has punched and that is durable, or left the copy
// set, or is away holding the last copy: then it punches before it serves again (settle()).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "common/net/transport.h"
#include "control/mapping/epoch_raiser.h"

namespace lace::control {

// Loop thread only. What it is handed outlives it.
class Punches {
 public:
  Punches(net::Loop& loop, Namespace& ns, GroupCommit& group, Servers& servers, StorageCalls& storage, EpochRaiser& raiser,
          const Timing& timing);

  void send(const std::vector<PendingPunch>& punches, std::function<void()> done);
  // After a restart: sends all that the namespace remembers.
  Status resume(std::function<void()> done);
  // The server reported its copies, and is to serve when it has done the punches that wait for it.
  void settle(ServerId server, std::function<void()> done);

  size_t pending() const { return works_.size(); }

 private:
  // What several punches are waited for with.
  struct Waiter {
    size_t left = 0;
    std::function<void()> done;
    void one_less() {
      if (--left == 0 && done) std::exchange(done, nullptr)();
    }
  };
  struct Work {
    PendingPunch punch;
    std::set<ServerId> finished;  // members that have done it
    std::set<ServerId> under_way;
    std::map<ServerId, int> failures;
    std::set<ServerId> away;  // hold the last copy, and are not there
    bool acknowledging = false;
    std::vector<std::shared_ptr<Waiter>> waiters;
  };
  using WorkRef = std::shared_ptr<Work>;

  void add(const PendingPunch& punch, const std::shared_ptr<Waiter>& waiter);
  void step(const WorkRef& work);
  void step_later(const WorkRef& work);
  void order(const WorkRef& work, ServerId server, Epoch epoch);
  void member_is_away(const WorkRef& work, ServerId server, Epoch epoch);
  void acknowledge(const WorkRef& work);
  void release(const WorkRef& work);

  net::Loop& loop_;
  Namespace& namespace_;
  GroupCommit& group_;
  Servers& servers_;
  StorageCalls& storage_;
  EpochRaiser& raiser_;
  const Timing& timing_;
  std::map<uint64_t, WorkRef> works_;
};

}  // namespace lace::control
