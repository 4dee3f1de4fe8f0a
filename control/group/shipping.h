// The master's way to its slaves: transactions in order, from where each of them is; and how far all that are required have
// them on their disks.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/net/transport.h"
#include "common/wire/group_messages.h"
#include "control/group/mastership.h"
#include "control/namespace/namespace.h"

namespace lace::control {

// Loop thread only. What it is handed outlives it.
class Shipping {
 public:
  Shipping(net::Loop& loop, Namespace& ns, Mastership& mastership, uint64_t term);
  ~Shipping();

  // Sends what is missing to whom it is missing: call it when there is a new transaction, and now and then.
  void feed();
  // Up to which number every required slave has everything on its disk.
  uint64_t kept() const;
  // Called when kept() may have grown.
  void set_on_kept(std::function<void()> run) { on_kept_ = std::move(run); }
  // Called when a slave holds all that the master does.
  void set_on_caught_up(std::function<void(const std::string&)> run) { on_caught_up_ = std::move(run); }
  // Called when a required slave did not get on for long.
  void set_on_lag(std::function<void(const std::string&)> run) { on_lag_ = std::move(run); }
  // The slave said where it is. If that is not what is known, it has been started anew, or lost what it had.
  void is_at(const std::string& slave, const Position& position);

  struct Progress {
    std::optional<Position> at;
    uint64_t applied = 0;
    Instant heard;
  };
  // Nothing is known of a slave that never answered.
  Progress progress(const std::string& slave) const;

 private:
  struct Slave {
    std::optional<Position> at;  // its last transaction; as far as is known
    bool matches = false;        // `at` is ours
    uint64_t partial_bytes = 0;
    uint64_t applied = 0;
    bool under_way = false;
    Instant rests_until;
    Instant heard;
    std::optional<Instant> behind_since;
  };
  bool is_whole(const Slave& slave) const;
  void watch(const std::string& name, Slave& slave, bool required);
  void feed(const wire::GroupMember& member, Slave& slave);
  void send(const wire::GroupMember& member, Slave& slave, const wire::ShipChanges& message, Bytes payload);
  void answered(const std::string& name, Result<net::Answered<wire::ShipChanges>> answer);
  Status fill(Slave& slave, wire::ShipChanges& message, std::string& bytes);

  net::Loop& loop_;
  Namespace& namespace_;
  Mastership& mastership_;
  const uint64_t term_;
  std::map<std::string, Slave> slaves_;
  std::function<void()> on_kept_;
  std::function<void(const std::string&)> on_caught_up_;
  std::function<void(const std::string&)> on_lag_;
  std::shared_ptr<bool> lives_ = std::make_shared<bool>(true);
};

}  // namespace lace::control
