#include <algorithm>

#include "control/handlers/handlers.h"

#include "common/base/log.h"

namespace lace::control {
namespace {

constexpr size_t max_name_chars = 64;
constexpr size_t max_copies_in_page = 10'000;

bool is_good_name(const std::string& name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= max_name_chars && std::all_of(name.begin(), name.end(), good);
}

// Which server this is. A new one (id 0) gets its id from the namespace; one that asked before and lost the answer gets the
// same again.
Result<ServerId> known_server(Control& control, const wire::RegisterServer& message) {
  if (!message.cluster.empty() && message.cluster != control.names->cluster()) {
    return fail(Code::denied, "the data directory of " + message.name + " belongs to cluster " + message.cluster +
                                  ", and this is cluster " + control.names->cluster() +
                                  ": start it with that cluster's control server, or with a new directory");
  }
  Server* named = control.servers.find_named(message.name);
  if (message.server != ServerId{0}) {
    const Server* known = control.servers.find(message.server);
    if (known == nullptr) return fail(Code::denied, "this cluster never had a storage server with this id");
    if (named != nullptr && named != known) return fail(Code::denied, "another storage server is called " + message.name);
    return message.server;
  }
  if (named == nullptr) return ServerId{0};
  if (control.servers.is_up(named->record.server, control.now()) && named->incarnation != message.incarnation) {
    return fail(Code::denied, "a storage server called " + message.name + " is running: give this one another name");
  }
  const auto blocks = control.names->blocks_on(named->record.server, BlockId{0}, 1);
  if (!blocks) return pass(blocks);
  if (!blocks->empty()) {
    return fail(Code::denied,
                "the storage server called " + message.name +
                    " has copies in another data directory: start it with that one, or give this one another name");
  }
  return named->record.server;
}

void accept(Control& control, ServerId id, const wire::RegisterServer& message, Responder& responder) {
  Server& server = *control.servers.find(id);
  control.servers.register_incarnation(server, message, control.now());
  log::info("control.server_registered",
            {{"server", message.name}, {"id", raw(id)}, {"url", message.endpoint.url}, {"incarnation", message.incarnation}});
  responder.answer(wire::RegisterServerReply{id, control.names->cluster(), control.names->term(), control.names->secret()});
}

}  // namespace

void handle(Control& control, const Asker& asker, wire::RegisterServer& message, Responder responder) {
  if (!asker.rights.storage) {
    return responder.refuse(Code::denied,
                            "this key may not register a storage server: admit it as `server` in the --admit file");
  }
  if (!is_good_name(message.name) || message.endpoint.url.empty() || message.incarnation == 0) {
    return responder.refuse(Code::malformed,
                            "a storage server has a name of letters, digits, - _ and ., an address and an incarnation");
  }
  const auto known = known_server(control, message);
  if (!known) {
    static log::Limiter limiter;
    if (limiter.pass()) {
      log::warn("control.server_refused",
                {{"server", message.name}, {"reason", known.error().what}, {"suppressed", limiter.taken()}});
    }
    return responder.refuse(known.error());
  }
  ServerRecord record{*known, message.name, message.endpoint, false};
  if (const Server* found = control.servers.find(*known)) {
    record.draining = found->record.draining;
    if (found->record.name == record.name && found->record.endpoint == record.endpoint) {
      return accept(control, *known, message, responder);
    }
  }
  const auto kept = std::make_shared<Responder>(std::move(responder));
  const auto stored = std::make_shared<ServerRecord>(std::move(record));
  const auto apply = [stored](Namespace& ns) -> Status {
    if (stored->server != ServerId{0}) return ns.update_server(*stored);
    const auto id = ns.register_server(stored->name, stored->endpoint);
    if (!id) return pass(id);
    stored->server = *id;
    return {};
  };
  control.group.add(apply, [&control, stored, kept, message](const Status& status) {
    if (!status) return kept->refuse(status.error());
    if (Server* server = control.servers.find(stored->server)) {
      server->record = *stored;
    } else {
      control.servers.add(*stored);
    }
    accept(control, stored->server, message, *kept);
  });
}

void handle(Control& control, const Asker& asker, wire::Heartbeat& message, Responder responder) {
  if (!asker.rights.storage) return responder.refuse(Code::denied, "this key may not speak as a storage server");
  const auto lease = control.servers.heartbeat(message, control.now());
  if (!lease) return responder.refuse(lease.error());
  control.intake.changed(message.server, message.changed);
  const auto order = control.scrub_orders.find(message.server);
  responder.answer(wire::HeartbeatReply{control.names->term(), *lease, control.servers.infos(control.now()),
                                        control.keeper.fenced(), control.limits,
                                        order == control.scrub_orders.end() ? 0 : order->second, control_endpoints(control)});
}

void handle(Control& control, const Asker& asker, wire::ReportCopies& message, Responder responder) {
  if (!asker.rights.storage) return responder.refuse(Code::denied, "this key may not speak as a storage server");
  if (message.copies.size() > max_copies_in_page) return responder.refuse(Code::malformed, "at most 10,000 copies a page");
  const auto reply = control.intake.report(message);
  if (!reply) return responder.refuse(reply.error());
  responder.answer(*reply);
}

}  // namespace lace::control
