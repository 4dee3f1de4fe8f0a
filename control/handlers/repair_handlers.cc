// Storage servers that come and go, how much repair may take, scrubs: what tools ask for.
#include <algorithm>

#include "common/base/log.h"
#include "control/handlers/handlers.h"

namespace lace::control {
namespace {

constexpr uint64_t least_bytes_per_second = uint64_t{64} << 10;
constexpr uint32_t most_fills = 64;

bool may_change(const Asker& asker, Responder& responder) {
  if (!asker.rights.confined() && !asker.rights.read_only) return true;
  responder.refuse(Code::denied, "this key may not change the cluster: use one that is admitted `rw /`");
  return false;
}

// Errors: no_entry.
Result<Server*> server_called(Control& control, const std::string& name) {
  Server* server = control.servers.find_named(name);
  if (server != nullptr) return server;
  return fail(Code::no_entry, "no storage server is called " + name + " ('lace storage list' names them)");
}

void set_draining(Control& control, const Server& server, bool draining, Responder responder) {
  const ServerId id = server.record.server;
  const auto apply = [id, draining](Namespace& ns) -> Status {
    const auto all = ns.servers();  // as it is now: it may have moved meanwhile
    if (!all) return pass(all);
    for (ServerRecord record : *all) {
      if (record.server != id) continue;
      record.draining = draining;
      return ns.update_server(record);
    }
    return fail(Code::no_entry, "the storage server has just been removed");
  };
  const auto kept = std::make_shared<Responder>(std::move(responder));
  control.group.add(apply, [&control, id, draining, kept](const Status& status) {
    if (!status) return kept->refuse(status.error());
    if (Server* found = control.servers.find(id)) {
      found->record.draining = draining;
      log::info("control.server_draining", {{"server", found->record.name}, {"draining", draining ? "yes" : "no"}});
    }
    control.repair.look_at_all();
    kept->answer(wire::Done{});
  });
}

// Why it can't go, in words; empty: it can.
Result<std::string> why_it_stays(Control& control, const Server& server) {
  const std::string& name = server.record.name;
  const auto blocks = control.names->count_on(server.record.server);
  if (!blocks) return pass(blocks);
  const bool up = control.servers.is_up(server.record.server, control.now());
  if (*blocks > 0) {
    return std::to_string(*blocks) + (*blocks == 1 ? " block counts" : " blocks count") + " on its copy on " + name + ": " +
           (up ? "first 'lace storage drain " + name + "'"
               : "start it and drain it; if it is lost for good, wait until the others have what it had ('lace status')");
  }
  if (up && !server.record.draining) return name + " is up and takes new blocks: first 'lace storage drain " + name + "'";
  if (server.bars > 0) return "copies are just leaving " + name + ": try again in a second";
  return std::string();
}

void remove(Control& control, const Server& server, Responder responder) {
  const auto why = why_it_stays(control, server);
  if (!why) return responder.refuse(why.error());
  if (!why->empty()) return responder.refuse(Code::busy, *why);
  const ServerRecord record = server.record;
  const auto kept = std::make_shared<Responder>(std::move(responder));
  control.group.add([id = record.server](Namespace& ns) { return ns.remove_server(id); },
                    [&control, record, kept](const Status& status) {
                      if (!status) return kept->refuse(status.error());
                      control.forget_server(record.server);
                      log::info("control.server_removed", {{"server", record.name}, {"id", raw(record.server)}});
                      kept->answer(wire::Done{});
                    });
}

Status check(const wire::RepairLimits& limits) {
  for (const uint64_t rate : {limits.fill_bytes_per_second, limits.scrub_bytes_per_second}) {
    if (rate != 0 && rate < least_bytes_per_second) return fail(Code::invalid, "a rate must be 64 KiB per second at least");
  }
  if (limits.fills_at_once > most_fills) return fail(Code::invalid, "at most 64 copies are filled at the same time");
  return {};
}

}  // namespace

void handle(Control& control, const Asker& asker, wire::ChangeServer& message, Responder responder) {
  if (!may_change(asker, responder)) return;
  const auto server = server_called(control, message.name);
  if (!server) return responder.refuse(server.error());
  switch (message.change) {
    case wire::ServerChange::drain: return set_draining(control, **server, true, std::move(responder));
    case wire::ServerChange::use: return set_draining(control, **server, false, std::move(responder));
    case wire::ServerChange::remove: return remove(control, **server, std::move(responder));
  }
  responder.refuse(Code::malformed, "an unknown change");
}

void handle(Control& control, const Asker& asker, wire::SetLimits& message, Responder responder) {
  const wire::RepairLimits& wanted = message.limits;
  if (wanted == wire::RepairLimits{0, 0, 0, 0}) {
    if (asker.rights.confined()) return responder.refuse(Code::denied, "this key sees only " + asker.rights.subtree);
    return responder.answer(control.limits);
  }
  if (!may_change(asker, responder)) return;
  if (const Status good = check(wanted); !good) return responder.refuse(good.error());
  wire::RepairLimits limits = control.limits;
  if (wanted.fill_bytes_per_second != 0) limits.fill_bytes_per_second = wanted.fill_bytes_per_second;
  if (wanted.fills_at_once != 0) limits.fills_at_once = wanted.fills_at_once;
  if (wanted.scrub_bytes_per_second != 0) limits.scrub_bytes_per_second = wanted.scrub_bytes_per_second;
  if (wanted.scrub_every_hours != 0) limits.scrub_every_hours = wanted.scrub_every_hours;
  const auto kept = std::make_shared<Responder>(std::move(responder));
  control.group.add([limits](Namespace& ns) { return store_limits(ns, limits); },
                    [&control, limits, kept](const Status& status) {
                      if (!status) return kept->refuse(status.error());
                      control.limits = limits;
                      kept->answer(limits);
                    });
}

void handle(Control& control, const Asker& asker, wire::StartScrub& message, Responder responder) {
  if (!may_change(asker, responder)) return;
  if (!message.name.empty()) {
    if (const auto server = server_called(control, message.name); !server) return responder.refuse(server.error());
  }
  wire::StartScrubReply reply;
  for (const auto& [id, server] : control.servers.all()) {
    const bool asked = message.name.empty() || server.record.name == message.name;
    if (!asked || !control.servers.is_up(id, control.now())) continue;
    // Grows also over restarts of control; a server remembers the last one that it followed.
    const auto now = static_cast<uint64_t>(std::max<int64_t>(control.loop.clock().wall().seconds, 1));
    control.scrub_orders[id] = std::max(now, server.figures.repair.scrub_order + 1);
    reply.servers.push_back(server.record.name);
  }
  if (reply.servers.empty()) return responder.refuse(Code::unavailable, "no storage server is up that could begin");
  responder.answer(reply);
}

}  // namespace lace::control
