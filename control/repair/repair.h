// Makes copies whole again: looks at blocks that want attention, and at all blocks when servers come, stay away, or control
// starts; takes the next step of each (planner.h). Fills are bounded in number for each server, so that repair never floods
// the cluster.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "control/mapping/copies.h"
#include "control/mapping/deletes.h"
#include "control/mapping/epoch_raiser.h"
#include "control/mapping/placement.h"
#include "control/mapping/servers.h"
#include "control/repair/planner.h"

namespace lace::control {

// Loop thread only. What it is handed outlives it.
class Repair {
 public:
  using Candidates = std::function<std::vector<Candidate>()>;

  Repair(net::Loop& loop, Namespace& ns, Servers& servers, Copies& copies, EpochRaiser& raiser, StorageCalls& storage,
         PlacementPlan& placement, Deletes& deletes, const Timing& timing, uint32_t wanted, Candidates candidates);

  void start();  // begins to look, every timing.repair_tick
  void stop();
  void look_at(BlockId block);
  void look_at_all() { scan_wanted_ = true; }

  size_t filling() const { return fills_.size(); }
  // Blocks that were not looked at yet, or whose next step is under way.
  size_t unchecked() const { return attention_.size() + raiser_.raising(); }
  // The server is no server of the cluster any more.
  void forget(ServerId server) { known_away_.erase(server); }

 private:
  struct Fill {
    ServerId server{}, source{};
    Epoch epoch = 0;  // at which it was ordered; 0: not yet
    Instant ordered;
    Instant looked_at;
  };
  void tick();
  void watch_away();
  void scan();
  void watch_fills();
  void look(BlockId block);
  void look_later(BlockId block);
  static bool waits_for_others(const BlockFacts& facts);
  void look(const wire::BlockInfo& block);
  BlockFacts facts_of(const wire::BlockInfo& block);
  bool waited_for(ServerId server) const;
  bool is_leaving(ServerId server) const;
  MemberFact fact_of(ServerId server, BlockId block) const;
  void start_fill(const wire::BlockInfo& block, ServerId source, ServerId filling);
  void fill_on(const wire::BlockInfo& block, ServerId server, ServerId source);
  void wait_for_room(const wire::BlockInfo& block);
  void look_where_there_is_room();
  ServerId fullest_of(const std::vector<ServerId>& members) const;
  void balance();
  bool may_move(const wire::BlockInfo& block, ServerId to) const;
  void order_fill(const wire::BlockInfo& block, ServerId server, ServerId source);
  bool remove_dropped(const wire::BlockInfo& block);
  bool has_room(ServerId server) const;
  EpochRaiser::Done look_again(BlockId block);

  net::Loop& loop_;
  Namespace& namespace_;
  Servers& servers_;
  Copies& copies_;
  EpochRaiser& raiser_;
  StorageCalls& storage_;
  PlacementPlan& placement_;
  Deletes& deletes_;
  const Timing& timing_;
  const uint32_t wanted_;
  const Candidates candidates_;
  const Instant start_;

  net::TimerId timer_{};
  std::set<BlockId> attention_;
  std::map<BlockId, Instant> not_before_;  // blocks whose last step failed
  std::set<BlockId> no_room_;              // blocks for which there is no server
  // Blocks that wait until fewer fills are under way, those with the fewest copies first.
  std::set<std::pair<size_t, BlockId>> waiting_;
  Instant room_due_{};
  std::set<ServerId> known_away_;
  std::map<BlockId, Fill> fills_;
  bool scan_wanted_ = true;
  bool scanning_ = false;
  BlockId scan_after_{};
  BlockId moved_last_{};
};

}  // namespace lace::control
