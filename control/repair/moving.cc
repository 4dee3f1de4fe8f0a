// Copies move when servers are filled unevenly: one more is made where there is room, and when it is whole the one on the
// fullest server goes.
#include <algorithm>

#include "common/base/log.h"
#include "control/repair/balance.h"
#include "control/repair/repair.h"

namespace lace::control {
namespace {

constexpr size_t max_moves = 2;  // under way
constexpr uint32_t page_of_blocks = 64;

Filled filled(const Server& server) {
  return {server.record.server, server.figures.used_bytes, server.figures.available_bytes};
}

}  // namespace

ServerId Repair::fullest_of(const std::vector<ServerId>& members) const {
  ServerId fullest{};
  double most = -1;
  for (const ServerId member : members) {
    const Server* server = servers_.find(member);
    const double part = server == nullptr ? 1 : part_used(filled(*server));
    if (part > most) fullest = member, most = part;
  }
  return fullest;
}

// Only when there is nothing else to do.
void Repair::balance() {
  if (!attention_.empty() || !waiting_.empty() || scanning_ || scan_wanted_ || fills_.size() >= max_moves) return;
  const Instant now = loop_.clock().now();
  std::vector<Filled> servers;
  for (const Candidate& candidate : candidates_()) servers.push_back(filled(*servers_.find(candidate.server)));
  const auto move = next_move(servers);
  if (!move) return;
  // Those under way count as done: else they would be too many.
  for (const auto& [block, fill] : fills_) {
    for (Filled& server : servers) {
      if (server.server == move->to && fill.server == move->to) server.used_bytes += block_bytes;
      if (server.server == move->from && fill.server == move->to) server.used_bytes -= std::min(server.used_bytes, block_bytes);
    }
  }
  if (!next_move(servers)) return;
  const auto page = namespace_.blocks_on(move->from, moved_last_, page_of_blocks);
  if (!page) return;
  for (const wire::BlockInfo& block : *page) {
    moved_last_ = block.block;
    if (!may_move(block, move->to)) continue;
    const auto source = std::find_if(block.in_sync.begin(), block.in_sync.end(),
                                     [&](ServerId member) { return servers_.is_up(member, now) && has_room(member); });
    if (source == block.in_sync.end() || !has_room(move->to)) return;
    log::info("control.copy_moves", {{"block", to_string(block.block)}, {"from", raw(move->from)}, {"to", raw(move->to)}});
    return fill_on(block, move->to, *source);
  }
  if (page->size() < page_of_blocks) moved_last_ = BlockId{};
}

bool Repair::may_move(const wire::BlockInfo& block, ServerId to) const {
  const Instant now = loop_.clock().now();
  const bool all_up =
      std::all_of(block.in_sync.begin(), block.in_sync.end(), [&](ServerId member) { return servers_.is_up(member, now); });
  return all_up && block.filling.empty() && block.in_sync.size() == wanted_ && !contains(block.in_sync, to) &&
         !fills_.contains(block.block) && !raiser_.is_raising(block.block);
}

}  // namespace lace::control
