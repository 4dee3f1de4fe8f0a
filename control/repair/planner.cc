#include "control/repair/planner.h"

#include <algorithm>

namespace lace::control {
namespace {

// A copy that was never reported since it was made by its first write is taken to be whole.
bool is_bad(const MemberFact& member) { return member.report && member.report->state != wire::CopyState::whole; }

// Its server has lost the copy, or refused to have one.
bool has_nothing(const MemberFact& member) { return member.report && member.report->missing_bytes == block_bytes; }

RepairStep drop_of(std::vector<ServerId> servers) { return {RepairStep::drop, std::move(servers), {}, {}}; }

// Nobody in sync is up and whole: whether to go on with a suspect copy.
RepairStep without_good_copy(const BlockFacts& facts) {
  const bool wait = std::any_of(facts.in_sync.begin(), facts.in_sync.end(), [&](const MemberFact& member) {
    return !member.up && !facts.patience_over;  // it may have a good one
  });
  if (wait) return {};
  // The one at the latest epoch: it was good when that began, which those at older ones have not even heard of. One that is
  // past the block's was told to leave, by a raise that did not come to its end: the last to be chosen.
  const auto worth = [&](const MemberFact& member) {
    const Epoch epoch = member.report->epoch;
    return std::pair(!has_nothing(member), epoch > facts.block.epoch ? Epoch{0} : epoch);
  };
  const MemberFact* best = nullptr;
  for (const MemberFact& member : facts.in_sync) {
    const bool suspect = member.report && member.report->state == wire::CopyState::suspect;
    if (member.up && suspect && (best == nullptr || worth(member) > worth(*best))) best = &member;
  }
  if (best == nullptr) return {};
  // Going on from nothing: only when all are there, and none has anything. Who is away may have what was synced.
  const bool all_up =
      std::all_of(facts.in_sync.begin(), facts.in_sync.end(), [](const MemberFact& member) { return member.up; });
  if (has_nothing(*best) && !all_up) return {};
  return {RepairStep::accept, {}, best->server, {}};
}

RepairStep next_of_filling(const BlockFacts& facts, ServerId source) {
  for (const MemberFact& member : facts.filling) {
    const bool whole =
        member.report && member.report->state == wire::CopyState::whole && member.report->epoch == facts.block.epoch;
    if (member.up && whole) return {RepairStep::promote, {}, member.server, {}};
  }
  for (const MemberFact& member : facts.filling) {
    // A whole one that lost power before it was promoted can't be filled: it begins anew.
    const bool suspect = member.report && member.report->state == wire::CopyState::suspect;
    if (member.away_long || member.leaving || suspect) return drop_of({member.server});
  }
  for (const MemberFact& member : facts.filling) {
    if (member.up) return {RepairStep::order_fill, {}, member.server, source};
  }
  return {};
}

bool has_lost_pages(const MemberFact& member) { return member.report && !is_bad(member) && member.report->missing_bytes > 0; }

// Whom the block does not need any more: its server is being drained, or there are more copies than wanted.
std::vector<ServerId> not_needed(const BlockFacts& facts) {
  std::vector<ServerId> leaving;
  size_t staying = 0;
  for (const MemberFact& member : facts.in_sync) {
    if (!member.up || has_lost_pages(member)) return {};  // first things first
    member.leaving ? leaving.push_back(member.server) : static_cast<void>(++staying);
  }
  if (staying < facts.wanted) return {};
  if (leaving.empty() && staying > facts.wanted && facts.surplus != ServerId{}) leaving.push_back(facts.surplus);
  return leaving;
}

RepairStep heal_of(const BlockFacts& facts) {
  for (const MemberFact& member : facts.in_sync) {
    if (!member.up || !has_lost_pages(member)) continue;
    for (const MemberFact& source : facts.in_sync) {
      if (source.up && !is_bad(source) && source.server != member.server)
        return {RepairStep::heal, {}, member.server, source.server};
    }
  }
  return {};
}

bool stays(const MemberFact& member) { return !member.leaving; }

}  // namespace

RepairStep next_repair(const BlockFacts& facts) {
  const auto good = std::find_if(facts.in_sync.begin(), facts.in_sync.end(),
                                 [](const MemberFact& member) { return member.up && !is_bad(member); });
  if (good == facts.in_sync.end()) return without_good_copy(facts);

  std::vector<ServerId> leave;
  for (const MemberFact& member : facts.in_sync) {
    if (is_bad(member) || member.away_long) leave.push_back(member.server);
  }
  if (leave.empty()) leave = not_needed(facts);
  if (!leave.empty()) return drop_of(std::move(leave));

  const RepairStep filling = next_of_filling(facts, good->server);
  const auto copies = std::count_if(facts.in_sync.begin(), facts.in_sync.end(), stays) +
                      std::count_if(facts.filling.begin(), facts.filling.end(), stays);
  const bool enough = static_cast<size_t>(copies) >= facts.wanted;
  if (filling.kind != RepairStep::none && (enough || filling.kind != RepairStep::order_fill)) return filling;
  // Who was away needs only what it missed: a new copy elsewhere would cost more than a little patience.
  const bool wait = facts.returning && !facts.returned;
  if (!enough && !wait) return {RepairStep::start_fill, {}, filling.server, good->server};
  if (filling.kind != RepairStep::none) return filling;
  return heal_of(facts);
}

}  // namespace lace::control
