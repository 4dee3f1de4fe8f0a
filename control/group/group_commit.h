// Group commit: every change to the namespace that is asked for while messages are being handled goes into ONE transaction,
// made durable with one fsync when the loop has no more messages waiting. In a control group it is then sent to the slaves,
// and what comes meanwhile waits for the next one.
#pragma once

#include <functional>
#include <vector>

#include "common/net/transport.h"
#include "control/namespace/namespace.h"

namespace lace::control {

// Loop thread only. The namespace and the loop outlive it.
class GroupCommit {
 public:
  // Runs within the transaction. An error means "this one changed nothing": the others go on.
  using Apply = std::function<Status(Namespace&)>;
  // Runs when the change is durable, or with the error of `apply` or of the commit. Called exactly once, in the order of add().
  using Done = std::function<void(Status)>;
  // Told after each transaction: how many changes it had, how long it took, and whether it was kept.
  using Observer = std::function<void(size_t changes, Micros took, bool kept)>;

  // Told of a transaction that is on this disk; calls `kept` when it is safe, now or later: in a control group.
  using Keep = std::function<void(std::function<void()> kept)>;

  GroupCommit(net::Loop& loop, Namespace& ns) : loop_(loop), namespace_(ns) {}

  void add(Apply apply, Done done);
  void set_observer(Observer observer) { observer_ = std::move(observer); }
  void set_keep(Keep keep) { keep_ = std::move(keep); }
  // A transaction is on this disk, and not yet safe: what it says may still be taken back. What add() is given now is done when
  // it is safe.
  bool keeping() const { return keeping_; }
  // Applies and commits what is waiting now: for a graceful stop.
  void flush();

 private:
  struct Change {
    Apply apply;
    Done done;
  };
  void schedule();
  Status apply_all(std::vector<Change>& changes, std::vector<Status>& outcomes);
  void keep(std::vector<Change> changes, std::vector<Status> outcomes);

  net::Loop& loop_;
  Namespace& namespace_;
  Observer observer_;
  Keep keep_;
  std::vector<Change> waiting_;
  bool scheduled_ = false;
  bool keeping_ = false;  // a transaction is not safe yet: the next one begins when it is
};

}  // namespace lace::control
