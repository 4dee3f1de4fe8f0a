// Which cluster a command speaks of: --data DIR or --control ENDPOINTS.
#pragma once

#include <string>
#include <vector>

#include "common/config/options.h"
#include "fs/cli/asker.h"
#include "fs/cli/local_cluster.h"

namespace lace::cli {

class Where {
 public:
  // Declares --data, --control and --keys.
  void declare(config::Options& options);
  // Errors: no_entry (no cluster in that directory), invalid.
  Result<Asker> asker() const;
  // The cluster on this machine. Errors: no_entry (there is none), not_supported (--control names another).
  Result<LocalCluster> local() const;

 private:
  std::string data_;
  std::vector<std::string> controls_;
  Access access_;
};

}  // namespace lace::cli
