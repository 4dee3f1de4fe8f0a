#include "control/mapping/copy_set.h"

#include <algorithm>

namespace lace::control {

Status check_known(Namespace& ns, const std::vector<ServerId>& servers) {
  const auto known = ns.servers();
  if (!known) return pass(known);
  for (const ServerId server : servers) {
    const bool there = std::any_of(known->begin(), known->end(), [&](const ServerRecord& one) { return one.server == server; });
    if (!there) return fail(Code::unavailable, "a storage server has just been removed");
  }
  return {};
}

bool contains(const std::vector<ServerId>& servers, ServerId server) {
  return std::find(servers.begin(), servers.end(), server) != servers.end();
}

namespace {

using IsUp = std::function<bool(ServerId)>;

std::vector<ServerId> without(const std::vector<ServerId>& servers, const std::function<bool(ServerId)>& leaves) {
  std::vector<ServerId> rest;
  std::copy_if(servers.begin(), servers.end(), std::back_inserter(rest), [&](ServerId server) { return !leaves(server); });
  return rest;
}

bool any_up(const std::vector<ServerId>& servers, const IsUp& is_up) {
  return std::any_of(servers.begin(), servers.end(), is_up);
}

}  // namespace

Result<CopySetPlan> plan_copy_set(const wire::BlockInfo& block, const CopySetWish& wish, const IsUp& is_up) {
  CopySetPlan plan;
  plan.in_sync = block.in_sync;
  for (const ServerId server : block.filling) {
    if (contains(wish.promote, server) && is_up(server) && plan.in_sync.size() < max_copies) {
      plan.in_sync.push_back(server);
      plan.changes = true;
    } else if (contains(wish.drop, server)) {
      plan.unfilled.push_back(server);
      plan.changes = true;
    } else {
      plan.filling.push_back(server);
    }
  }

  const bool drops =
      std::any_of(wish.drop.begin(), wish.drop.end(), [&](ServerId server) { return contains(block.in_sync, server); });
  if (drops) {
    const auto is_down = [&](ServerId server) { return !is_up(server); };
    auto rest = without(plan.in_sync, [&](ServerId server) { return contains(wish.drop, server) || is_down(server); });
    if (rest.empty()) rest = without(plan.in_sync, is_down);
    if (rest.empty()) return fail(Code::unavailable, "no in-sync copy of the block is on a server that is up");
    plan.dropped = without(plan.in_sync, [&](ServerId server) { return contains(rest, server); });
    plan.in_sync = std::move(rest);
    plan.changes = plan.changes || !plan.dropped.empty();
  }

  for (const ServerId server : wish.fill) {
    if (contains(block.in_sync, server) || contains(plan.filling, server) || contains(plan.unfilled, server)) continue;
    if (!is_up(server) || plan.in_sync.size() + plan.filling.size() >= max_copies) continue;
    plan.filling.push_back(server);
    plan.joining.push_back(server);
    plan.changes = true;
  }
  if (plan.changes && !any_up(plan.in_sync, is_up)) {
    return fail(Code::unavailable, "no in-sync copy of the block is on a server that is up");
  }
  return plan;
}

}  // namespace lace::control
