// The storage server: its parts, in construction order. One loop thread runs all of it; blocking disk work goes to the loop's
// workers. main.cc gives it a disk, a loop and a data directory; tests give it others.
#pragma once

#include <functional>
#include <memory>

#include "common/disk/disk.h"
#include "common/net/transport.h"
#include "storage/copy/copy_store.h"
#include "storage/holecopy/filler.h"
#include "storage/membership/guard.h"
#include "storage/membership/membership.h"
#include "storage/ops/server.h"
#include "storage/scrub/scrubber.h"

namespace lace::storage {

struct StorageOptions {
  MembershipOptions membership;
  StoreOptions store;
  FillerOptions filler;
  // The data directory, absolute: clients of this machine that may open its files read them there. Empty: they ask.
  std::string shared_directory{};
  Millis housekeeping{1'000};
  uint64_t streams_above = uint64_t{2} << 30;  // free bytes; with less, see CopyStore::set_streams
  Millis stop_patience{5'000};                 // how long a stop waits for what is under way
};

class Storage {
 public:
  // `loop` and `disk` outlive it. `joined`: see Membership.
  Storage(net::Loop& loop, disk::Disk& disk, StorageOptions options, Joined joined);

  // Blocking, before the loop runs: finds the copies. Errors name the remedy.
  Status open();
  Status listen(const wire::Endpoint& endpoint);
  // Joins the cluster and serves. `refused`: control does not want this server (see Membership::on_refused).
  void start(std::function<void(Error)> refused);
  // Takes no more requests, waits for what is under way, then stops the loop. On the loop's thread.
  void stop();
  // Blocking, after the loop: everything is synced and marked clean.
  Status close();

  const ServerCounters& counters() const { return counters_; }
  StoreTotals totals() const { return store_.totals(); }
  const Membership& membership() const { return membership_; }
  const Filler& filler() const { return filler_; }
  const CopyStore& copies() const { return store_; }
  const Scrubber& scrubber() const { return scrubber_; }
  wire::RepairFigures repair_figures() const;
  // Called on the loop's thread at each housekeeping.
  void on_tick(std::function<void()> tick) { tick_ = std::move(tick); }

 private:
  void handle(net::Incoming incoming, net::Responder reply);
  void look_at_space();
  void keep_house();
  void stop_when_idle();

  net::Loop& loop_;
  disk::Disk& disk_;
  const StorageOptions options_;
  CopyStore store_;
  Guard guard_;
  Membership membership_;
  Forwarding forwarding_;
  FailureReports failures_;
  Filler filler_;
  Scrubber scrubber_;
  ServerCounters counters_;
  Server server_;
  std::function<void()> tick_;
  bool stopping_ = false;
  Instant stop_at_latest_{};
};

}  // namespace lace::storage
