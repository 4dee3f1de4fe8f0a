// One storage server more or less in a cluster on this machine.
#pragma once

#include <iosfwd>
#include <string>

#include "fs/cli/local_cluster.h"

namespace lace::cli {

// Makes one more, starts it, and waits until the cluster has it. Says so to `out`. Answers its name. (up.cc)
Result<std::string> add_storage(const LocalCluster& cluster, std::ostream& out);
// One that has left the cluster: ends its process, and it is not started again. Answers where its data is; empty: it is none of
// this cluster's.
Result<std::string> forget_storage(const LocalCluster& cluster, const std::string& name);

}  // namespace lace::cli
