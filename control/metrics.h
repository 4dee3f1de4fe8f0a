// What the control server counts.
#pragma once

#include <map>

#include "common/metrics/registry.h"
#include "common/wire/control_messages.h"

namespace lace::control {

class ControlMetrics {
 public:
  explicit ControlMetrics(metrics::Registry& registry);

  void transaction(size_t changes, double seconds, bool kept);
  void committed(const wire::Commit& commit, const wire::CommitReply& reply);
  void received(wire::Kind kind);
  void malformed(wire::Kind kind);
  void failures_reported() { failure_reports_.add(); }
  void epoch_raised() { epochs_raised_.add(); }

  // Set once a second.
  metrics::Gauge sessions, locks_held, locks_waiting, servers_up, servers_down, inodes, blocks, raising, pending_punches,
      missing_bytes, leases, exclusive_leases, lease_waiting;
  metrics::Counter leases_given, lease_recalls, lease_waits;
  void blocks_in_sync(const std::vector<uint64_t>& counts);

 private:
  metrics::Registry& registry_;
  metrics::Counter transactions_, transactions_failed_, commits_, malformed_, failure_reports_, epochs_raised_;
  metrics::Histogram changes_, seconds_;
  std::map<wire::Kind, metrics::Counter> received_;
  std::vector<metrics::Counter> operations_;     // by the operation's number
  std::map<uint16_t, metrics::Counter> errors_;  // by code
  std::vector<metrics::Gauge> in_sync_;          // by number of copies
};

}  // namespace lace::control
