// What a storage server counts, for Prometheus.
#pragma once

#include "common/metrics/registry.h"
#include "storage/storage.h"

namespace lace::storage {

class StorageMetrics {
 public:
  StorageMetrics(metrics::Registry& registry, const std::string& name);
  // On the loop's thread.
  void follow(const Storage& storage);

 private:
  metrics::Gauge copies_, stored_bytes_, missing_bytes_, capacity_bytes_, available_bytes_, serving_, filling_, waiting_,
      scrubbing_, scrubbed_bytes_;
  metrics::Counter received_bytes_, corrupt_pages_, healed_pages_, disk_errors_, reads_, read_bytes_, writes_, written_bytes_,
      forwarded_, forward_failures_, syncs_, refused_;
};

}  // namespace lace::storage
