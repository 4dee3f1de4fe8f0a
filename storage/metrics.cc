#include "storage/metrics.h"

namespace lace::storage {
namespace {

class Maker {
 public:
  Maker(metrics::Registry& registry, const std::string& server) : registry_(registry), labels_{{"server", server}} {}
  metrics::Gauge gauge(const std::string& name, const std::string& help) {
    return registry_.gauge("lace_storage_" + name, help, labels_);
  }
  metrics::Counter counter(const std::string& name, const std::string& help) {
    return registry_.counter("lace_storage_" + name + "_total", help, labels_);
  }

 private:
  metrics::Registry& registry_;
  const metrics::Labels labels_;
};

}  // namespace

StorageMetrics::StorageMetrics(metrics::Registry& registry, const std::string& name)
    : copies_(Maker(registry, name).gauge("copies", "block copies held")),
      stored_bytes_(Maker(registry, name).gauge("stored_bytes", "bytes in pages with data")),
      missing_bytes_(Maker(registry, name).gauge("missing_bytes", "bytes in pages still to be filled")),
      capacity_bytes_(Maker(registry, name).gauge("capacity_bytes", "size of the disk")),
      available_bytes_(Maker(registry, name).gauge("available_bytes", "free on the disk")),
      serving_(Maker(registry, name).gauge("serving", "1 while control has given a lease")),
      filling_(Maker(registry, name).gauge("fills_running", "copies being filled now")),
      waiting_(Maker(registry, name).gauge("fills_waiting", "copies waiting to be filled")),
      scrubbing_(Maker(registry, name).gauge("scrubbing", "1 while all copies are being read and checked")),
      scrubbed_bytes_(Maker(registry, name).gauge("scrubbed_bytes", "read by this scrub, or the last")),
      received_bytes_(
          Maker(registry, name).counter("hole_copy_received_bytes", "received to fill copies, since the server was made")),
      corrupt_pages_(Maker(registry, name).counter("corrupt_pages", "pages that did not match their checksum")),
      healed_pages_(Maker(registry, name).counter("healed_pages", "such pages that were had from another copy")),
      disk_errors_(Maker(registry, name).counter("disk_errors", "reads and syncs that failed")),
      reads_(Maker(registry, name).counter("reads", "reads by clients")),
      read_bytes_(Maker(registry, name).counter("read_bytes", "bytes sent to readers")),
      writes_(Maker(registry, name).counter("writes", "writes, of clients and of primaries")),
      written_bytes_(Maker(registry, name).counter("written_bytes", "bytes in these writes")),
      forwarded_(Maker(registry, name).counter("forwarded_writes", "writes sent on to other members")),
      forward_failures_(Maker(registry, name).counter("forward_failures", "writes that a member did not take")),
      syncs_(Maker(registry, name).counter("syncs", "requests to make blocks durable")),
      refused_(Maker(registry, name).counter("refused", "requests answered with an error")) {}

void StorageMetrics::follow(const Storage& storage) {
  const StoreTotals totals = storage.totals();
  copies_.set(static_cast<double>(totals.copies));
  stored_bytes_.set(static_cast<double>(totals.stored_bytes));
  missing_bytes_.set(static_cast<double>(totals.missing_bytes));
  const disk::Usage usage = storage.membership().usage();
  capacity_bytes_.set(static_cast<double>(usage.capacity_bytes));
  available_bytes_.set(static_cast<double>(usage.available_bytes));
  serving_.set(storage.membership().serving() ? 1 : 0);
  filling_.set(static_cast<double>(storage.filler().under_way()));
  waiting_.set(static_cast<double>(storage.filler().waiting()));
  received_bytes_.set_at_least(static_cast<double>(totals.received_bytes));
  corrupt_pages_.set_at_least(static_cast<double>(totals.corrupt_pages));
  healed_pages_.set_at_least(static_cast<double>(totals.healed_pages));
  disk_errors_.set_at_least(static_cast<double>(totals.disk_errors));
  scrubbing_.set(storage.scrubber().record().running ? 1 : 0);
  scrubbed_bytes_.set(static_cast<double>(storage.scrubber().record().done_bytes));
  const ServerCounters& counters = storage.counters();
  reads_.set_at_least(static_cast<double>(counters.reads));
  read_bytes_.set_at_least(static_cast<double>(counters.read_bytes));
  writes_.set_at_least(static_cast<double>(counters.writes));
  written_bytes_.set_at_least(static_cast<double>(counters.written_bytes));
  forwarded_.set_at_least(static_cast<double>(counters.forwarded));
  forward_failures_.set_at_least(static_cast<double>(counters.forward_failures));
  syncs_.set_at_least(static_cast<double>(counters.syncs));
  refused_.set_at_least(static_cast<double>(counters.refused));
}

}  // namespace lace::storage
