// What must hold, all of it in one place. Each throws Violation (trace.h) when it does not.
//
//  at any time     a read shows what was answered, or newer; synced bytes survive everything   BlockModel, by the clients
//                  another mount sees what was closed or synced before it opened the file      File::published, by FileClients
//                  a copy's account of its holes is what its file says                         check_accounts
//                  no operation is done twice: names exchanged, made, removed                  Slots, no_entry, exists
//                  of names that all exchange, each file keeps exactly one                     FileClients::check_shared
//                  a record appended to a log is there once, whole, in its writer's order      Log
//                  what is lost with a client's process is the end of what it did              Slots, Log
//  at quiet points copies in sync are the same where nothing is under way, and as the model says   check_copies
//  at the end      everything ends by itself; the cluster becomes healthy by itself            run.cc
//                  the namespace is consistent: references, links; nothing of what was         check_namespace (also at quiet
//                  removed is left                                                             points), left_of
#pragma once

#include <functional>
#include <set>

#include "tests/sim/block_model.h"
#include "tests/sim/cluster.h"

namespace lace::sim {

class Invariants {
 public:
  // Without a model, copies are only compared with each other. `lost` is called for blocks whose copies in sync all may have
  // lost what was not synced.
  Invariants(Cluster& cluster, const BlockModel* model, std::function<void(BlockId)> lost)
      : cluster_(cluster), model_(model), lost_(std::move(lost)) {}

  // Follows which copies may have lost something. To be called before a power loss, before control ends, and now and then.
  void power_lost(const StorageNode& node, const std::vector<BlockId>& blocks);
  void follow(const std::vector<BlockId>& blocks);

  void check_accounts();
  // While no client does anything.
  void check_copies(const std::vector<BlockId>& blocks, bool all_must_serve);
  void check_namespace();
  // Empty: healthy. Else why not.
  std::string unhealthy();
  // Empty: nothing is left of these blocks. Else what is.
  std::string left_of(const std::vector<BlockId>& removed);

 private:
  void learn_sets(const std::vector<BlockId>& blocks);
  void lost_if_all_uncertain(BlockId block);

  Cluster& cluster_;
  const BlockModel* const model_;
  const std::function<void(BlockId)> lost_;
  std::map<BlockId, wire::BlockInfo> sets_;           // as control last knew them
  std::set<std::pair<ServerId, BlockId>> uncertain_;  // copies whose server lost power, until they are whole again
  // Blocks that a server was just leaving when one that stays lost power: two failures at a time, which may lose what was not
  // synced.
  std::set<BlockId> raced_;
};

}  // namespace lace::sim
