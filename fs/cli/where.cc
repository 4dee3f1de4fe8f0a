#include "fs/cli/where.h"

namespace lace::cli {

void Where::declare(config::Options& options) {
  data_ = LocalCluster::default_directory();
  options.text("data", data_, "DIR", "directory of a local cluster, as given to 'lace up'");
  options.list("control", controls_, "URL", "control servers, instead of --data: ipc://PATH or tcp://HOST:PORT#KEY");
  options.text("keys", access_.keys_path, "FILE", "key file to show to servers on tcp://, as made by 'lace key new'");
}

Result<LocalCluster> Where::local() const {
  if (!controls_.empty()) {
    return fail(
        Code::not_supported,
        "only a cluster that 'lace up' made on this machine gets a server so: elsewhere start lace-storage with an empty "
        "--data directory, a new --name, and this --control; it joins by itself");
  }
  LocalCluster cluster(data_);
  const auto shape = cluster.shape();
  if (!shape) return pass(shape);
  if (!*shape)
    return fail(Code::no_entry, "there is no cluster in " + cluster.directory() + ": start one with 'lace up', or give --data");
  return cluster;
}

Result<Asker> Where::asker() const {
  if (!controls_.empty()) {
    std::string all;
    for (const auto& one : controls_) all += (all.empty() ? "" : ",") + one;
    return Asker::make(all, access_);
  }
  const LocalCluster cluster(data_);
  const auto shape = cluster.shape();
  if (!shape) return pass(shape);
  if (!*shape)
    return fail(Code::no_entry,
                "there is no cluster in " + cluster.directory() + ": start one with 'lace up', or give --data or --control");
  return Asker::make(cluster.control_urls(**shape), access_);
}

}  // namespace lace::cli
