#include "fs/cli/local_storages.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "fs/cli/process.h"

namespace lace::cli {
namespace {
constexpr Millis grace{10'000};
constexpr std::string_view prefix = "storage-";
}  // namespace

Result<std::string> forget_storage(const LocalCluster& cluster, const std::string& name) {
  const auto lock = ClusterLock::take(cluster);
  if (!lock) return pass(lock);
  const auto found = cluster.shape();
  if (!found) return pass(found);
  if (!*found) return std::string();
  ClusterShape shape = **found;
  const auto names = cluster.storage_names(shape);
  if (std::find(names.begin(), names.end(), name) == names.end()) return std::string();
  const auto pid = cluster.running(name, shape);
  int number = 0;
  std::from_chars(name.data() + prefix.size(), name.data() + name.size(), number);
  shape.removed.push_back(number);
  if (const Status saved = cluster.save(shape); !saved) return pass(saved);
  if (pid) {
    if (const auto ended = end_process(*pid, grace); !ended) return pass(ended);
  }
  unlink(cluster.pid_path(name).c_str());
  return cluster.data_path(name);
}

}  // namespace lace::cli
