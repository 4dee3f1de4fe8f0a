#include "fs/client/servers.h"

namespace lace::fs {

void Servers::update(const std::vector<wire::ServerInfo>& servers) {
  const std::lock_guard lock(mutex_);
  for (const wire::ServerInfo& server : servers) servers_[server.server] = std::make_shared<const wire::ServerInfo>(server);
}

Servers::Info Servers::find(ServerId server) const {
  const std::lock_guard lock(mutex_);
  const auto found = servers_.find(server);
  return found == servers_.end() ? nullptr : found->second;
}

}  // namespace lace::fs
