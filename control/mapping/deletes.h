// Removes the copies of blocks that are gone, behind the scenes: batches per server, sent again until acknowledged.
#pragma once

#include <functional>
#include <set>

#include "common/net/transport.h"
#include "control/group/group_commit.h"
#include "control/mapping/copies.h"
#include "control/mapping/servers.h"
#include "control/mapping/storage_calls.h"

namespace lace::control {

// Loop thread only. What it is handed outlives it.
class Deletes {
 public:
  Deletes(net::Loop& loop, Namespace& ns, GroupCommit& group, Servers& servers, StorageCalls& storage, Copies& copies,
          const Timing& timing);

  // The namespace has new work.
  void wake();
  // The server is up, and may have work waiting.
  void wake(ServerId server);
  // Removes copies that were dropped from their blocks' sets and are not needed any more.
  void remove_dropped(ServerId server, std::vector<BlockId> blocks);
  // Whether it is not known yet that the group has what the namespace says: nothing may be removed then, but `run` be called
  // when it is.
  bool must_wait() const { return group_.keeping(); }
  void when_kept(std::function<void()> run);
  // Called with blocks that a server has deleted: others that are not their members may have copies still.
  void set_on_deleted(std::function<void(const std::vector<BlockId>&)> run) { on_deleted_ = std::move(run); }

 private:
  void next(ServerId server);
  void pause(ServerId server);

  net::Loop& loop_;
  Namespace& namespace_;
  GroupCommit& group_;
  Servers& servers_;
  StorageCalls& storage_;
  Copies& copies_;
  const Timing& timing_;
  std::function<void(const std::vector<BlockId>&)> on_deleted_;
  std::set<ServerId> busy_;  // a batch is under way, or a pause
};

}  // namespace lace::control
