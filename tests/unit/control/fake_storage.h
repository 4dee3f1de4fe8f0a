// A storage server that keeps its copies in memory: enough of one to see what control tells it, and to break it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/wire/storage_messages.h"
#include "tests/lib/sim_transport.h"

namespace lace::control {

struct FakeCopy {
  Epoch epoch = 0;
  wire::CopyState state = wire::CopyState::whole;
  uint64_t content = 0;  // number of the last write
  std::vector<wire::BlockPunch> punches;
};

// What survives its process.
struct FakeDisk {
  std::string cluster;
  ServerId server{};
  std::string name;  // of the disk it lies on, which others may share; empty: its own
  std::map<BlockId, FakeCopy> copies;
  std::map<BlockId, FakeCopy> quarantine;
  std::set<BlockId> refused;  // had no copy when they were told to leave
};

class FakeStorage {
 public:
  FakeStorage(sim::Simulation& simulation, std::string name, wire::Endpoint control, FakeDisk& disk,
              net::Peer peer = {true, ""});
  ~FakeStorage();

  const wire::Endpoint& endpoint() const { return endpoint_; }
  bool serves() const { return simulation_.now() < lease_until_; }
  // A write by somebody, if the copy may take it.
  bool write(BlockId block, Epoch epoch, uint64_t content);
  std::optional<uint64_t> read(BlockId block, Epoch epoch) const;
  void tell(BlockId block) { changed_.push_back(block); }  // with the next heartbeat

  bool fills = true;        // what is ordered is fetched at once
  bool deaf = false;        // takes no orders, but its heartbeats go on
  uint64_t orders = 0;      // messages from control
  uint64_t registered = 0;  // how often

 private:
  void receive(net::Incoming incoming, net::Responder responder);
  void register_now();
  void report();
  void beat();
  wire::Outcome set_epoch(const wire::EpochChange& change);
  wire::Outcome punch(const wire::BlockPunch& punch);
  wire::Outcome fill(const wire::FillOrder& order);

  sim::Simulation& simulation_;
  const std::string name_;
  const wire::Endpoint control_, endpoint_;
  FakeDisk& disk_;
  std::unique_ptr<net::Loop> loop_;
  const uint64_t incarnation_;
  bool serving_ = false;
  Instant lease_until_{};
  std::vector<BlockId> changed_;
};

}  // namespace lace::control
