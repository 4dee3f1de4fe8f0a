#include "control/metrics.h"

#include <array>

namespace lace::control {
namespace {

constexpr std::array operation_names{"create", "link",      "remove",       "rename", "set_attributes", "write",
                                     "punch",  "set_xattr", "remove_xattr", "share",  "copy_tree",      "remove_snapshot"};
static_assert(operation_names.size() == std::variant_size_v<wire::Operation>);

const std::vector<double> sizes{1, 2, 5, 10, 20, 50, 100, 200, 500, 1'000, 2'000, 5'000};
const std::vector<double> times{1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5};

}  // namespace

ControlMetrics::ControlMetrics(metrics::Registry& registry)
    : sessions(registry.gauge("lace_control_sessions", "Mounts that are known.")),
      locks_held(registry.gauge("lace_control_locks", "File locks that are held.")),
      locks_waiting(registry.gauge("lace_control_locks_waiting", "Requests that wait for a file lock.")),
      servers_up(registry.gauge("lace_control_servers", "Storage servers by state.", {{"state", "up"}})),
      servers_down(registry.gauge("lace_control_servers", "Storage servers by state.", {{"state", "down"}})),
      inodes(registry.gauge("lace_control_inodes", "Inodes in the namespace.")),
      blocks(registry.gauge("lace_control_blocks", "Blocks in the namespace.")),
      raising(registry.gauge("lace_control_epochs_raising", "Blocks whose copy set is being changed.")),
      pending_punches(registry.gauge("lace_control_pending_punches", "Freed ranges that not every copy gave back yet.")),
      missing_bytes(registry.gauge("lace_control_missing_bytes", "Holes that are still to be filled, on all servers.")),
      leases(registry.gauge("lace_control_leases", "Leases on directories.")),
      exclusive_leases(registry.gauge("lace_control_leases_exclusive", "Leases whose holder may change the directory alone.")),
      lease_waiting(registry.gauge("lace_control_lease_waiting", "Requests that wait for a lease of another mount.")),
      leases_given(registry.counter("lace_control_leases_given_total", "Leases that were given, or made exclusive.")),
      lease_recalls(registry.counter("lace_control_lease_recalls_total", "Leases that mounts were asked to give back.")),
      lease_waits(registry.counter("lace_control_lease_waits_total", "Requests that waited for a lease of another mount.")),
      registry_(registry),
      transactions_(registry.counter("lace_control_transactions_total", "Transactions of the namespace that were kept.")),
      transactions_failed_(registry.counter("lace_control_transactions_failed_total", "Transactions that were rolled back.")),
      commits_(registry.counter("lace_control_commits_total", "Commits that were applied.")),
      malformed_(registry.counter("lace_control_malformed_total", "Messages that could not be decoded or broke a bound.")),
      failure_reports_(registry.counter("lace_control_failure_reports_total", "Reports of copies that did not take a write.")),
      epochs_raised_(registry.counter("lace_control_epochs_raised_total", "Changes of the copy set of a block.")),
      changes_(registry.histogram("lace_control_transaction_changes", "Changes in one transaction.", sizes)),
      seconds_(registry.histogram("lace_control_transaction_seconds", "Duration of a transaction with its sync.", times)) {
  for (const char* name : operation_names) {
    operations_.push_back(
        registry.counter("lace_control_operations_total", "Operations on the namespace by kind.", {{"operation", name}}));
  }
}

void ControlMetrics::transaction(size_t changes, double seconds, bool kept) {
  (kept ? transactions_ : transactions_failed_).add();
  changes_.observe(static_cast<double>(changes));
  seconds_.observe(seconds);
}

void ControlMetrics::committed(const wire::Commit& commit, const wire::CommitReply& reply) {
  commits_.add();
  for (const wire::Operation& operation : commit.operations) operations_[operation.index()].add();
  for (const wire::OperationResult& result : reply.results) {
    const uint16_t code = result.outcome.code;
    if (code == 0) continue;
    auto known = errors_.find(code);
    if (known == errors_.end()) {
      const std::string name(name_of(static_cast<Code>(code)));
      known = errors_
                  .emplace(code, registry_.counter("lace_control_operation_errors_total", "Operations that failed.",
                                                   {{"error", name}}))
                  .first;
    }
    known->second.add();
  }
}

void ControlMetrics::received(wire::Kind kind) {
  auto known = received_.find(kind);
  if (known == received_.end()) {
    const std::string name(wire::name_of(kind));
    known =
        received_.emplace(kind, registry_.counter("lace_control_messages_total", "Messages by kind.", {{"kind", name}})).first;
  }
  known->second.add();
}

void ControlMetrics::malformed(wire::Kind) { malformed_.add(); }

void ControlMetrics::blocks_in_sync(const std::vector<uint64_t>& counts) {
  while (in_sync_.size() < counts.size()) {
    in_sync_.push_back(registry_.gauge("lace_control_blocks_in_sync", "Blocks by number of in-sync copies.",
                                       {{"copies", std::to_string(in_sync_.size())}}));
  }
  for (size_t n = 0; n < in_sync_.size(); ++n) in_sync_[n].set(n < counts.size() ? static_cast<double>(counts[n]) : 0);
}

}  // namespace lace::control
