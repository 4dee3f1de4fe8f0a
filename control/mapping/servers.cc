#include "control/mapping/servers.h"

#include <algorithm>

namespace lace::control {
namespace {
// Since its start. One bad page is what scrubs are for; so many are a disk that is dying.
constexpr uint64_t failing_errors = 3;
constexpr uint64_t failing_pages = 64;
}  // namespace

Server& Servers::add(ServerRecord record) {
  Server& server = servers_[record.server];
  server.record = std::move(record);
  server.lease_end = start_ + timing_.storage_lease + timing_.storage_margin;
  server.down_since = start_;
  return server;
}

Server* Servers::find(ServerId server) {
  const auto found = servers_.find(server);
  return found == servers_.end() ? nullptr : &found->second;
}

const Server* Servers::find(ServerId server) const {
  const auto found = servers_.find(server);
  return found == servers_.end() ? nullptr : &found->second;
}

Server* Servers::find_named(const std::string& name) {
  for (auto& [id, server] : servers_) {
    if (server.record.name == name) return &server;
  }
  return nullptr;
}

void Servers::register_incarnation(Server& server, const wire::RegisterServer& message, Instant now) {
  server.down_since = up(server, now) ? now : std::max(server.down_since, std::min(server.lease_end, now));
  if (server.incarnation != message.incarnation) server.figures.repair = {};
  server.incarnation = message.incarnation;
  server.disk = message.disk;
  server.registered = true;
  server.reported = false;
  server.figures.capacity_bytes = message.capacity_bytes;
  server.figures.used_bytes = message.used_bytes;
  server.figures.available_bytes = message.available_bytes;
}

void Servers::revoke(Server& server, Instant now) {
  if (!server.registered) return;
  server.down_since = up(server, now) ? now : std::max(server.down_since, std::min(server.lease_end, now));
  server.registered = false;
  server.reported = false;
}

Result<uint32_t> Servers::heartbeat(const wire::Heartbeat& message, Instant now) {
  Server* server = find(message.server);
  if (server == nullptr || !server->registered || server->incarnation != message.incarnation) {
    return fail(Code::fenced, "register again: control does not know this server or its present start");
  }
  server->figures = message;
  server->figures.changed.clear();
  if (!server->reported || server->bars > 0) return 0;
  server->lease_end = std::max(server->lease_end, now + timing_.storage_lease + timing_.storage_margin);
  return static_cast<uint32_t>(timing_.storage_lease.count());
}

bool Servers::is_failing(const Server& server) {
  const wire::RepairFigures& figures = server.figures.repair;
  return figures.disk_errors >= failing_errors || figures.corrupt_pages >= failing_pages;
}

bool Servers::is_up(ServerId server, Instant now) const {
  const Server* found = find(server);
  return found != nullptr && up(*found, now);
}

bool Servers::lease_over(ServerId server, Instant now) const {
  const Server* found = find(server);
  return found == nullptr || now >= found->lease_end;
}

std::vector<wire::ServerInfo> Servers::infos(Instant now) const {
  std::vector<wire::ServerInfo> infos;
  for (const auto& [id, server] : servers_) infos.push_back(info(server, now));
  return infos;
}

wire::ServerInfo Servers::info(const Server& server, Instant now) const {
  wire::ServerInfo info;
  info.server = server.record.server;
  info.name = server.record.name;
  info.endpoint = server.record.endpoint;
  info.state = !up(server, now)         ? wire::ServerState::down
               : is_failing(server)     ? wire::ServerState::failing
               : server.record.draining ? wire::ServerState::draining
                                        : wire::ServerState::up;
  info.capacity_bytes = server.figures.capacity_bytes;
  info.used_bytes = server.figures.used_bytes;
  info.available_bytes = server.figures.available_bytes;
  info.missing_bytes = server.figures.missing_bytes;
  info.hole_copy_received_bytes = server.figures.hole_copy_received_bytes;
  info.copies = server.figures.copies;
  info.repair = server.figures.repair;
  return info;
}

}  // namespace lace::control
