// The storage servers: who is registered, who holds a lease to serve, how full they are. Decisions only; times are handed in.
//
// A server is `up` while it is registered, has reported its copies, and its lease runs. A lease runs from control's answer to
// a heartbeat, which is later than the moment it was sent: so when control sees it end, the server has long stopped serving.
// revoke() takes a registration back: no heartbeat of it is answered, and it must register and report again before it serves.
#pragma once

#include <map>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/wire/storage_messages.h"
#include "control/namespace/records.h"
#include "control/timing.h"

namespace lace::control {

struct Server {
  ServerRecord record;
  uint64_t incarnation = 0;
  bool registered = false;
  int bars = 0;           // raises that wait for its lease to end: it gets none meanwhile
  bool reported = false;  // its full report was taken in, and it was told what it must know: it may get leases
  Instant lease_end;      // until then it may be serving, whatever else we know
  Instant down_since;     // meaningful while it is not up
  wire::Heartbeat figures;
  std::string disk;  // servers on one disk name the same; empty: its own
};

class Servers {
 public:
  Servers(const Timing& timing, Instant start) : timing_(timing), start_(start) {}

  // One that the namespace remembers, or that has just been given its id. Until a lease time after the start it may hold a
  // lease from before.
  Server& add(ServerRecord record);
  Server* find(ServerId server);
  const Server* find(ServerId server) const;
  Server* find_named(const std::string& name);
  const std::map<ServerId, Server>& all() const { return servers_; }

  void remove(ServerId server) { servers_.erase(server); }
  // Its disk keeps failing: it gets no new copies.
  static bool is_failing(const Server& server);

  void register_incarnation(Server& server, const wire::RegisterServer& message, Instant now);
  // It knows all that it must know: its heartbeats get leases from now on.
  void set_reported(Server& server) { server.reported = true; }
  void revoke(Server& server, Instant now);
  // Errors: fenced (register again). The reply's lease is 0 while it has not reported, or is barred.
  Result<uint32_t> heartbeat(const wire::Heartbeat& message, Instant now);

  bool is_up(ServerId server, Instant now) const;
  // Whether it can't serve any more unless it registers or gets a new lease: what it was told before is void.
  bool lease_over(ServerId server, Instant now) const;
  std::vector<wire::ServerInfo> infos(Instant now) const;
  wire::ServerInfo info(const Server& server, Instant now) const;

 private:
  bool up(const Server& server, Instant now) const { return server.registered && server.reported && now < server.lease_end; }

  const Timing& timing_;
  const Instant start_;
  std::map<ServerId, Server> servers_;
};

}  // namespace lace::control
