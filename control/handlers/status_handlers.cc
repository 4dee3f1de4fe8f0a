#include <algorithm>
#include <set>

#include "common/access/tokens.h"
#include "control/handlers/handlers.h"
#include "control/mapping/capacity.h"
#include "control/repair/health.h"

namespace lace::control {

void handle(Control& control, const Asker& asker, wire::ClusterStatus&, Responder responder) {
  if (asker.rights.confined()) return responder.refuse(Code::denied, "this key sees only " + asker.rights.subtree);
  wire::ClusterStatusReply reply;
  const Instant now = control.now();
  const Counts counts = control.names->counts();
  reply.cluster = control.names->cluster();
  reply.servers = control.servers.infos(now);
  if (control.options.group) {
    reply.controls = control.options.group->members();
  } else {
    reply.controls.push_back({control.options.name, true, control.names->term(), counts.applied, {}, {}});
  }
  reply.blocks = counts.blocks;
  const auto in_sync = control.census.in_sync_up(now);
  if (!in_sync) return responder.refuse(in_sync.error());
  reply.in_sync = *in_sync;
  reply.limits = control.limits;
  for (wire::ServerInfo& server : reply.servers) {
    const auto blocks = control.names->count_on(server.server);
    if (!blocks) return responder.refuse(blocks.error());
    server.blocks = *blocks;
    if (server.state != wire::ServerState::down) reply.missing_bytes += server.missing_bytes;
  }
  reply.inodes = counts.inodes;
  reply.copies = control.options.copies;
  for (const auto& [id, session] : control.sessions.all()) {
    const auto left = std::chrono::duration_cast<Millis>(session.lease_end - now).count();
    const LeaseTable::Count leases = control.leases.count(id);
    reply.sessions.push_back({id, session.record.host, session.record.mount_point, session.record.process,
                              static_cast<uint64_t>(std::max<int64_t>(left, 0)), session.held.size(), control.locks.held_by(id),
                              leases.all, leases.exclusive, session.sole});
  }
  const Health health =
      judge({reply.servers, reply.in_sync, control.options.copies, control.repair.filling(), control.repair.unchecked()});
  reply.health = health.word;
  reply.reasons = health.reasons;
  for (const wire::ControlInfo& member : reply.controls) {
    if (member.master || member.state.empty() || member.state == "in sync") continue;
    if (reply.health == "healthy") reply.health = "degraded";
    reply.reasons.push_back(member.name + " is " + member.state + ": it can't take over now");
  }
  responder.answer(reply);
}

void handle(Control& control, const Asker& asker, wire::InspectInode& message, Responder responder) {
  if (asker.rights.confined()) return responder.refuse(Code::denied, "this key sees only " + asker.rights.subtree);
  auto found = control.names->extents(message.inode, 0, max_file_bytes, 10'000);
  if (!found) return responder.refuse(found.error());
  std::set<BlockId> ids;
  for (const wire::Extent& extent : found->extents) ids.insert(extent.block);
  auto blocks = control.names->blocks({ids.begin(), ids.end()});
  if (!blocks) return responder.refuse(blocks.error());
  std::set<ServerId> members;
  for (const wire::BlockInfo& block : *blocks) {
    members.insert(block.in_sync.begin(), block.in_sync.end());
    members.insert(block.filling.begin(), block.filling.end());
  }
  for (wire::BlockInfo& block : *blocks) {
    block.token =
        control.credentials.token({SessionId{0}, block.block, access::may_inspect}, control.options.timing.token_lease);
  }
  wire::InspectInodeReply reply{std::move(found->attributes), std::move(found->extents), std::move(*blocks), {}};
  for (const ServerId id : members) {
    if (const Server* server = control.servers.find(id)) reply.servers.push_back(control.servers.info(*server, control.now()));
  }
  responder.answer(reply);
}

void handle(Control& control, const Asker& asker, wire::CheckNamespace& message, Responder responder) {
  if (asker.rights.confined()) return responder.refuse(Code::denied, "this key sees only " + asker.rights.subtree);
  if (message.repair && asker.rights.read_only) return responder.refuse(Code::read_only, "this key may not change anything");
  auto reply = control.checker.ask(message);
  if (!reply) return responder.refuse(reply.error());
  responder.answer(*reply);
}

void handle(Control& control, const Asker& asker, wire::FileSystemUsage& message, Responder responder) {
  if (session_of(control, asker, message.session, responder) == nullptr) return;
  std::vector<DiskSpace> capacity, available;  // of all servers, and of those that take more
  for (const auto& [id, server] : control.servers.all()) {
    capacity.push_back({server.disk, server.figures.capacity_bytes});
    const uint64_t left = server.figures.available_bytes;
    const bool takes_more = control.servers.is_up(id, control.now()) && !server.record.draining && !Servers::is_failing(server);
    if (takes_more && left > PlacementPlan::reserve_bytes) {
      available.push_back({server.disk, left - PlacementPlan::reserve_bytes});
    }
  }
  wire::FileSystemUsageReply reply;
  reply.capacity_bytes = usable_bytes(parts_of(capacity), control.options.copies);
  reply.available_bytes = usable_bytes(parts_of(available), control.options.copies);
  reply.inodes = control.names->counts().inodes;
  responder.answer(reply);
}

}  // namespace lace::control
