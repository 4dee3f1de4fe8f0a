#include "control/repair/repair.h"

#include <algorithm>

#include "common/base/log.h"

namespace lace::control {
namespace {

constexpr size_t max_attention = 200'000;  // more: everything is looked at
constexpr size_t looks_per_tick = 500;
constexpr uint32_t scan_page = 1'000;
constexpr size_t max_fills = 64;
constexpr size_t max_fills_per_server = 8;
constexpr size_t waiting_looked_at = 200;  // in a tick
constexpr Millis order_again{10'000};
constexpr Millis failed_pause{1'000};
constexpr Millis look_for_room_every{10'000};
constexpr Millis check_fills_every{3'000};

}  // namespace

Repair::Repair(net::Loop& loop, Namespace& ns, Servers& servers, Copies& copies, EpochRaiser& raiser, StorageCalls& storage,
               PlacementPlan& placement, Deletes& deletes, const Timing& timing, uint32_t wanted, Candidates candidates)
    : loop_(loop),
      namespace_(ns),
      servers_(servers),
      copies_(copies),
      raiser_(raiser),
      storage_(storage),
      placement_(placement),
      deletes_(deletes),
      timing_(timing),
      wanted_(wanted),
      candidates_(std::move(candidates)),
      start_(loop.clock().now()) {}

void Repair::start() {
  timer_ = loop_.after(timing_.repair_tick, [this] {
    if (storage_.may_act()) tick();
    start();
  });
}

void Repair::stop() { loop_.cancel(timer_); }

void Repair::look_at(BlockId block) {
  if (attention_.size() >= max_attention) {
    scan_wanted_ = true;
    return;
  }
  attention_.insert(block);
}

void Repair::tick() {
  watch_away();
  watch_fills();
  const Instant now = loop_.clock().now();
  if (now >= room_due_) {
    for (const BlockId block : std::exchange(no_room_, {})) look_at(block);
    room_due_ = now + look_for_room_every;
  }
  std::erase_if(not_before_, [&](const auto& entry) { return entry.second <= now; });
  std::vector<BlockId> batch;
  for (const BlockId block : attention_) {
    if (batch.size() == looks_per_tick) break;
    if (!not_before_.contains(block)) batch.push_back(block);
  }
  for (const BlockId block : batch) {
    attention_.erase(block);
    look(block);
  }
  look_where_there_is_room();
  scan();
  balance();
}

// A server that stays away: its blocks need other copies.
void Repair::watch_away() {
  const Instant now = loop_.clock().now();
  for (const auto& [id, server] : servers_.all()) {
    const bool away = !servers_.is_up(id, now) && now - server.down_since > timing_.repair_grace;
    if (!away) {
      known_away_.erase(id);
    } else if (known_away_.insert(id).second) {
      log::warn("control.server_away", {{"server", server.record.name}, {"remedy", "its copies are made elsewhere"}});
      scan_wanted_ = true;
    }
  }
}

// One page of all blocks a tick, as long as there is room for fills.
void Repair::scan() {
  if (!scanning_) {
    if (!scan_wanted_) return;
    scan_wanted_ = false;
    scanning_ = true;
    scan_after_ = BlockId{0};
  }
  if (fills_.size() >= max_fills || attention_.size() >= max_attention / 2) return;
  const auto page = namespace_.all_blocks(scan_after_, scan_page);
  if (!page) return;
  const Instant now = loop_.clock().now();
  for (const wire::BlockInfo& block : *page) {
    const bool all_up =
        std::all_of(block.in_sync.begin(), block.in_sync.end(), [&](ServerId server) { return servers_.is_up(server, now); });
    const bool all_stay =
        std::none_of(block.in_sync.begin(), block.in_sync.end(), [&](ServerId server) { return is_leaving(server); });
    if (block.in_sync.size() != wanted_ || !block.filling.empty() || !all_up || !all_stay) attention_.insert(block.block);
  }
  if (page->size() < scan_page) {
    scanning_ = false;
  } else {
    scan_after_ = page->back().block;
  }
}

void Repair::watch_fills() {
  const Instant now = loop_.clock().now();
  for (auto& [id, fill] : fills_) {
    if (now - fill.looked_at < check_fills_every) continue;
    fill.looked_at = now;
    // Its report may have been lost, or was of an epoch that is over.
    storage_.inspect(fill.server, id, [this, block = id, server = fill.server](const Result<wire::InspectBlockReply>& copy) {
      if (copy && copy->exists) copies_.put(server, {{block, copy->epoch, copy->state, copy->missing_bytes}});
      look_at(block);
    });
  }
}

// ---------------------------------------------------------------- one block

void Repair::look(BlockId id) {
  if (raiser_.is_raising(id)) return look_at(id);
  const auto block = namespace_.block(id);
  if (!block) return look_at(id);
  if (*block) return look(**block);
  fills_.erase(id);
  // A copy that was made while the block was deleted.
  if (namespace_.was_block(id) && remove_dropped({id, 0, {}, {}, {}})) look_later(id);
}

void Repair::look(const wire::BlockInfo& block) {
  const BlockFacts facts = facts_of(block);
  const RepairStep step = next_repair(facts);
  if (block.filling.empty() && step.kind != RepairStep::heal) fills_.erase(block.block);
  switch (step.kind) {
    case RepairStep::none:
      if ((block.in_sync.size() >= wanted_ && remove_dropped(block)) || waits_for_others(facts)) look_later(block.block);
      return;
    case RepairStep::drop: return raiser_.drop(block.block, block.epoch, step.servers, look_again(block.block));
    case RepairStep::accept: {
      log::warn("control.suspect_accepted",
                {{"block", to_string(block.block)}, {"server", raw(step.server)}, {"reason", "no better copy exists"}});
      return raiser_.accept(block.block, block.epoch, step.server, [this, block, step](const Result<wire::BlockInfo>& raised) {
        // It counts now. If it did not hear of that, it registers again, and says anew what it is.
        const bool alone = raised && raised->epoch > block.epoch && raised->in_sync == std::vector{step.server};
        if (alone) copies_.put(step.server, {{block.block, 0, wire::CopyState::gone, 0}});
        look_again(block.block)(raised);
      });
    }
    case RepairStep::promote: return raiser_.promote(block.block, block.epoch, step.server, look_again(block.block));
    case RepairStep::order_fill:
    case RepairStep::heal: return order_fill(block, step.server, step.source);
    case RepairStep::start_fill: return start_fill(block, step.source, step.server);
  }
}

// A suspect copy is up, and a better one may come.
bool Repair::waits_for_others(const BlockFacts& facts) {
  return std::any_of(facts.in_sync.begin(), facts.in_sync.end(), [](const MemberFact& member) {
    return member.up && member.report && member.report->state != wire::CopyState::whole;
  });
}

void Repair::look_later(BlockId block) {
  not_before_[block] = loop_.clock().now() + failed_pause;
  look_at(block);
}

BlockFacts Repair::facts_of(const wire::BlockInfo& block) {
  BlockFacts facts;
  facts.block = block;
  facts.wanted = wanted_;
  facts.patience_over =
      std::all_of(block.in_sync.begin(), block.in_sync.end(), [this](ServerId server) { return waited_for(server); });
  for (const ServerId server : block.in_sync) facts.in_sync.push_back(fact_of(server, block.block));
  for (const ServerId server : block.filling) facts.filling.push_back(fact_of(server, block.block));
  if (block.in_sync.size() > wanted_) facts.surplus = fullest_of(block.in_sync);
  const Instant now = loop_.clock().now();
  for (const CopyRecord& copy : copies_.of(block.block)) {
    if (contains(block.in_sync, copy.server) || contains(block.filling, copy.server)) continue;
    const bool up = servers_.is_up(copy.server, now);
    facts.returned = facts.returned || up;
    facts.returning = facts.returning || (!up && servers_.find(copy.server) != nullptr && !known_away_.contains(copy.server));
  }
  for (MemberFact& member : facts.in_sync) {
    // That it was filling at an older epoch does not hold any more. What is suspect stays so, until it is accepted.
    const bool older = member.report && member.report->epoch < block.epoch;
    if (older && member.report->state == wire::CopyState::filling) member.report.reset();
  }
  return facts;
}

// It has been down for so long that what only it may have is not waited for any more.
bool Repair::waited_for(ServerId id) const {
  const Instant now = loop_.clock().now();
  const Server* server = servers_.find(id);
  if (server == nullptr || servers_.is_up(id, now)) return now - start_ > timing_.start_patience;
  const Instant down_since = std::max({start_, server->down_since, std::min(server->lease_end, now)});
  return now - down_since > timing_.start_patience;
}

// One that is not of the cluster any more does not come back.
bool Repair::is_leaving(ServerId id) const {
  const Server* server = servers_.find(id);
  return server == nullptr || server->record.draining;
}

MemberFact Repair::fact_of(ServerId server, BlockId block) const {
  MemberFact fact;
  fact.server = server;
  fact.up = servers_.is_up(server, loop_.clock().now());
  fact.away_long = known_away_.contains(server) || servers_.find(server) == nullptr;
  fact.leaving = is_leaving(server);
  fact.report = copies_.find(server, block);
  return fact;
}

bool Repair::has_room(ServerId server) const {
  if (fills_.size() >= max_fills) return false;
  const auto busy = std::count_if(fills_.begin(), fills_.end(), [&](const auto& entry) {
    return entry.second.server == server || entry.second.source == server;
  });
  return static_cast<size_t>(busy) < max_fills_per_server;
}

void Repair::start_fill(const wire::BlockInfo& block, ServerId source, ServerId filling) {
  std::vector<ServerId> members = block.in_sync;
  members.insert(members.end(), block.filling.begin(), block.filling.end());
  std::vector<Candidate> candidates = candidates_();
  if (!has_room(source)) {
    if (filling != ServerId{}) return order_fill(block, filling, source);  // it may be what takes the room
    return wait_for_room(block);
  }
  // A server that is full of fills is not a candidate now, and one that had a copy before comes first.
  std::erase_if(candidates, [&](const Candidate& candidate) { return !has_room(candidate.server); });
  std::vector<Candidate> known;
  for (const Candidate& candidate : candidates) {
    if (!contains(members, candidate.server) && copies_.find(candidate.server, block.block)) known.push_back(candidate);
  }
  auto chosen = placement_.choose_one(known, members);
  if (!chosen) chosen = placement_.choose_one(candidates, members);
  if (!chosen) {  // stays degraded until servers come, or have room
    if (candidates.size() < candidates_().size()) return wait_for_room(block);
    no_room_.insert(block.block);
    if (filling != ServerId{}) order_fill(block, filling, source);
    return;
  }
  fill_on(block, *chosen, source);
}

void Repair::fill_on(const wire::BlockInfo& block, ServerId server, ServerId source) {
  const Instant now = loop_.clock().now();
  fills_[block.block] = {server, source, 0, now, now};
  copies_.put(server, {{block.block, 0, wire::CopyState::gone, 0}});  // what was known of its old copy is void
  raiser_.fill(block.block, server, [this, id = block.block, server](const Result<wire::BlockInfo>& raised) {
    // It came to nothing: what it has is still there.
    const bool joined = raised && contains(raised->filling, server);
    if (!joined) copies_.put(server, {{id, 0, wire::CopyState::suspect, 0}});
    look_again(id)(raised);
  });
}

void Repair::wait_for_room(const wire::BlockInfo& block) { waiting_.insert({block.in_sync.size(), block.block}); }

void Repair::look_where_there_is_room() {
  size_t looked_at = 0;
  for (auto next = waiting_.begin(); next != waiting_.end() && looked_at < waiting_looked_at && fills_.size() < max_fills;
       ++looked_at) {
    const auto [copies, block] = *next;
    waiting_.erase(next);
    look(block);  // may put it back
    next = waiting_.upper_bound({copies, block});
  }
}

void Repair::order_fill(const wire::BlockInfo& block, ServerId server, ServerId source) {
  const Instant now = loop_.clock().now();
  const auto found = fills_.find(block.block);
  const bool ordered = found != fills_.end() && found->second.server == server && found->second.epoch == block.epoch &&
                       now - found->second.ordered <= order_again;
  if (ordered) return;
  if (found == fills_.end() && !has_room(server)) return wait_for_room(block);
  fills_[block.block] = {server, source, block.epoch, now, now};
  const BlockId id = block.block;
  wire::FillOrder order{id, block.epoch, source, {}};
  for (const ServerId other : block.in_sync) {
    if (other != source && other != server && servers_.is_up(other, now)) order.others.push_back(other);
  }
  storage_.fill(server, order, [this, id, server](const Status& status) {
    if (status) return;
    log::info("control.fill_postponed", {{"block", to_string(id)}, {"server", raw(server)}, {"reason", status.error().what}});
    const auto again = fills_.find(id);
    if (again != fills_.end()) again->second.epoch = 0;
    not_before_[id] = loop_.clock().now() + failed_pause;
    look_at(id);
  });
}

// The block has all its copies, or is gone: those that were dropped on the way are not needed any more. False: there are none.
bool Repair::remove_dropped(const wire::BlockInfo& block) {
  const Instant now = loop_.clock().now();
  bool any = false;
  const bool waits = deletes_.must_wait();
  for (const CopyRecord& copy : copies_.of(block.block)) {
    if (contains(block.in_sync, copy.server) || contains(block.filling, copy.server)) continue;
    if (!servers_.is_up(copy.server, now)) continue;
    if (!waits) deletes_.remove_dropped(copy.server, {block.block});
    any = true;
  }
  if (any && waits) deletes_.when_kept([this, id = block.block] { look(id); });
  return any;
}

EpochRaiser::Done Repair::look_again(BlockId block) {
  return [this, block](const Result<wire::BlockInfo>& raised) {
    if (!raised) {
      fills_.erase(block);
      not_before_[block] = loop_.clock().now() + failed_pause;
    }
    look_at(block);
  };
}

}  // namespace lace::control
