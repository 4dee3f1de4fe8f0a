// What lace-control is made of around the server: flags, the data directory, keys, the network, signals.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/access/keys.h"
#include "common/config/data_directory.h"
#include "common/net/zmq_network.h"
#include "control/control.h"
#include "control/daemon/signals.h"
#include "control/settings.h"

namespace lace::control {

struct Flags {
  std::string data;
  std::string name;
  std::vector<std::string> listen;
  uint32_t copies = 2;
  bool copies_given = false;
  std::string metrics;
  std::string keys;
  std::string admit;
  std::vector<std::string> etcd;  // not empty: a member of a group
  std::string group = "control";
  bool new_group = false;
};

// Exit codes; 2 is wrong usage, as everywhere.
enum class Ended { well = 0, failed = 1, wrong_usage = 2, starts_again };

// Prints what went wrong.
Ended failed(const Flags& flags, const std::string& what, Ended how = Ended::failed);

// Everything that does not depend on whether the server is alone.
struct Daemon {
  Flags& flags;
  config::DataDirectory directory;
  Settings settings;
  std::vector<wire::Endpoint> listen;
  std::string public_key;                                // empty: without --keys
  std::shared_ptr<const access::Admissions> admissions;  // null: without --admit
  Signals signals;
  SystemClock clock;
  metrics::Registry registry;
  std::unique_ptr<net::ZmqNetwork> network;
  std::unique_ptr<net::Loop> loop;

  NamespaceOptions namespace_options() const;
  ControlOptions control_options() const;
  Credentials credentials(const std::string& secret) const;
  PeerRights rights_of(const net::Peer& peer) const;
  void follow_network();
};

// Prints why not, and answers how to end.
tl::expected<std::unique_ptr<Daemon>, Ended> make_daemon(Flags& flags);

Ended run_alone(Daemon& daemon);
Ended run_member(Daemon& daemon);

}  // namespace lace::control
