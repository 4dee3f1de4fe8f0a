#include "control/mapping/capacity.h"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>

namespace lace::control {

std::vector<uint64_t> parts_of(const std::vector<DiskSpace>& servers) {
  std::map<std::string, uint64_t> sharing;
  for (const DiskSpace& server : servers) ++sharing[server.disk];
  std::vector<uint64_t> parts;
  for (const DiskSpace& server : servers) {
    parts.push_back(server.disk.empty() ? server.bytes : server.bytes / sharing.at(server.disk));
  }
  return parts;
}

// U bytes fit if sum(min(server, U)) >= copies * U: no server holds one byte twice. A server larger than U counts as U, which
// takes one of the copies away; so try with the k largest counted that way.
uint64_t usable_bytes(std::vector<uint64_t> servers, uint32_t copies) {
  std::erase(servers, uint64_t{0});
  if (servers.empty() || copies == 0) return 0;
  const size_t wanted = std::min<size_t>(copies, servers.size());
  std::sort(servers.begin(), servers.end(), std::greater<>());
  uint64_t rest = std::accumulate(servers.begin(), servers.end(), uint64_t{0});
  uint64_t best = rest / wanted;
  for (size_t large = 0; large + 1 < wanted && servers[large] > best; ++large) {
    rest -= servers[large];
    best = rest / (wanted - large - 1);
  }
  return best;
}

}  // namespace lace::control
