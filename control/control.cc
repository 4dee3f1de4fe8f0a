#include "control/control.h"

#include "common/base/log.h"
#include "control/handlers/handlers.h"

namespace lace::control {
namespace {

constexpr Millis gauges_every{1'000};

template <class Message>
void decode_and_handle(Control& control, const Asker& asker, const net::Incoming& incoming, net::Responder responder) {
  auto message = wire::decode<Message>(incoming.body);
  if (message) return handle(control, asker, *message, std::move(responder));
  control.metrics.malformed(incoming.kind);
  static log::Limiter limiter;
  if (limiter.pass()) {
    log::warn("control.malformed",
              {{"kind", wire::name_of(incoming.kind)}, {"reason", message.error().what}, {"suppressed", limiter.taken()}});
  }
  responder.refuse(message.error());
}

using Route = void (*)(Control&, const Asker&, const net::Incoming&, net::Responder);

template <class... Messages>
std::map<wire::Kind, Route> make_routes() {
  return {{Messages::kind, &decode_and_handle<Messages>}...};
}

const std::map<wire::Kind, Route>& routes() {
  static const auto all =
      make_routes<wire::OpenSession, wire::ResumeSession, wire::RenewSession, wire::CloseSession, wire::WaitEvents,
                  wire::Lookup, wire::GetAttributes, wire::ReadDirectory, wire::ReadLink, wire::GetXattr, wire::ListXattrs,
                  wire::GetExtents, wire::OpenInode, wire::CloseInodes, wire::FileSystemUsage, wire::Commit,
                  wire::AllocateBlocks, wire::GetBlocks, wire::Lock, wire::CancelLock, wire::TestLock, wire::ReleaseLocks,
                  wire::ReportFailure, wire::ClusterStatus, wire::InspectInode, wire::CheckNamespace, wire::RegisterServer,
                  wire::Heartbeat, wire::ReportCopies, wire::ChangeServer, wire::SetLimits, wire::StartScrub>();
  return all;
}

}  // namespace

Control::Control(net::Loop& the_loop, std::unique_ptr<Namespace> opened, std::unique_ptr<Copies> mapping, Credentials access,
                 metrics::Registry& registry, ControlOptions given)
    : options(std::move(given)),
      credentials(std::move(access)),
      loop(the_loop),
      names(std::move(opened)),
      copies(std::move(mapping)),
      servers(options.timing, loop.clock().now()),
      sessions(options.timing.session_lease),
      census(*names, servers),
      metrics(registry),
      group(loop, *names),
      events(loop, names->term()),
      leases(loop, sessions, events, options.timing, names->term()),
      storage(loop, servers, options.timing, credentials.pass),
      raiser(loop, *names, group, servers, storage, options.timing),
      punches(loop, *names, group, servers, storage, raiser, options.timing),
      deletes(loop, *names, group, servers, storage, *copies, options.timing),
      intake(loop, *names, servers, *copies, storage, punches),
      keeper(loop, *names, group, sessions, events, leases, locks, punches, deletes, options.timing),
      write_hold(loop, sessions, events),
      commits(*names, group, sessions, keeper, leases, write_hold, punches, deletes),
      repair(loop, *names, servers, *copies, raiser, storage, placement, deletes, options.timing, options.copies,
             [this] { return candidates(); }),
      checker(loop, *names, group, servers),
      announcer(loop, servers, credentials.pass) {
  if (options.group) {
    group.set_keep(options.group->keep);
    storage.set_may_act(options.group->may_act);
  }
  group.set_observer([this](size_t changes, Micros took, bool kept) {
    metrics.transaction(changes, std::chrono::duration<double>(took).count(), kept);
    log_grows_ = true;
    last_change_ = now();
  });
  commits.set_observer(
      [this](const wire::Commit& commit, const wire::CommitReply& reply) { metrics.committed(commit, reply); });
  raiser.set_on_raised([this](const wire::BlockInfo& block) {
    metrics.epoch_raised();
    repair.look_at(block.block);
  });
  raiser.set_on_left([this](BlockId block, ServerId server) {  // so that repair can have the copy removed
    copies->put(server, {{block, 0, wire::CopyState::suspect, 0}});
  });
  raiser.set_on_gone([this](BlockId block, ServerId server) {
    copies->put(server, {{block, 0, wire::CopyState::suspect, block_bytes}});
    repair.look_at(block);
  });
  deletes.set_on_deleted([this](const std::vector<BlockId>& blocks) {
    for (const BlockId block : blocks) repair.look_at(block);
  });
  keeper.set_process_ended(options.process_ended);
  keeper.set_on_ended([this] { write_hold.look(); });
  events.add_on_seen([this](SessionId) { write_hold.look(); });
  intake.set_on_attention([this](BlockId block) { repair.look_at(block); });
  intake.set_on_reported([this](ServerId) { repair.look_at_all(); });
}

Control::~Control() = default;

Status Control::start() {
  loop.set_term(names->term());
  auto known = names->servers();
  if (!known) return pass(known);
  for (ServerRecord& record : *known) servers.add(std::move(record));
  const auto kept_limits = load_limits(*names);
  if (!kept_limits) return pass(kept_limits);
  limits = *kept_limits;
  if (const Status loaded = keeper.start(); !loaded) return loaded;
  if (const Status resumed = resume(); !resumed) return resumed;
  for (const wire::Endpoint& endpoint : options.listen) {
    const Status listening = loop.listen(endpoint, [this](net::Incoming incoming, net::Responder responder) {
      receive(std::move(incoming), std::move(responder));
    });
    if (!listening) return listening;
    log::info("control.listening", {{"url", endpoint.url}});
  }
  repair.start();
  if (options.group) announcer.start(names->term(), options.group->endpoints);
  tick();
  log::info("control.started", {{"name", options.name},
                                {"cluster", names->cluster()},
                                {"term", names->term()},
                                {"copies", options.copies},
                                {"inodes", names->counts().inodes},
                                {"sessions", sessions.size()}});
  return {};
}

// Goes on with what was left to do. What only this member of a group has may still be taken back by the next master: pages are
// punched, and copies deleted, when all have it.
Status Control::resume() {
  const auto punch = [this] { return punches.resume([this] { commits.open(); }); };
  if (!options.group) return punch();
  group.add([](Namespace&) -> Status { return {}; },
            [this, punch](const Status& kept) {
              const Status resumed = kept ? punch() : kept;
              if (resumed) return;
              log::error("control.not_resumed", {{"error", resumed.error().what}});
              loop.after(options.timing.retry_pause, [this] { (void)resume(); });
            });
  group.flush();
  return {};
}

void Control::stop() {
  loop.cancel(tick_timer_);
  repair.stop();
  group.flush();
  log::info("control.stopped", {{"name", options.name}});
}

void Control::receive(net::Incoming incoming, net::Responder responder) {
  const auto route = routes().find(incoming.kind);
  if (route == routes().end()) {
    metrics.malformed(incoming.kind);
    return responder.refuse(Code::malformed, "control servers do not take this kind of message");
  }
  metrics.received(incoming.kind);
  const Asker asker{incoming.peer, credentials.rights(incoming.peer), incoming.deadline};
  route->second(*this, asker, incoming, std::move(responder));
}

std::vector<Candidate> Control::candidates() const {
  std::vector<Candidate> list;
  for (const auto& [id, server] : servers.all()) {
    if (!servers.is_up(id, now()) || server.record.draining || Servers::is_failing(server)) continue;
    list.push_back({id, server.figures.available_bytes});
  }
  return list;
}

void Control::tick() {
  if (may_act()) {
    keeper.tick();
    notice_servers();
  }
  if (now() >= gauges_due_) {
    set_gauges();
    gauges_due_ = now() + gauges_every;
  }
  if (log_grows_ && now() - last_change_ >= options.timing.idle) empty_log();
  tick_timer_ = loop.after(options.timing.tick, [this] { tick(); });
}

// While nobody changes anything, so that few commits have to, and a start after a crash has little to read.
void Control::empty_log() {
  log_grows_ = false;
  if (const Status done = names->checkpoint(); !done) log::warn("control.checkpoint_failed", {{"reason", done.error().what}});
}

void Control::notice_servers() {
  for (const auto& [id, server] : servers.all()) {
    const bool up = servers.is_up(id, now());
    if (up) intake.server_up(id);  // one may have been away for so short a time that nobody noticed
    bool& was = was_up_[id];
    if (up == was) continue;
    was = up;
    if (up) {
      deletes.wake(id);
      repair.look_at_all();
    } else {
      servers.find(id)->down_since = now();
      log::warn("control.server_down", {{"server", server.record.name}, {"id", raw(id)}});
    }
  }
}

void Control::forget_server(ServerId server) {
  servers.remove(server);
  copies->forget(server);
  was_up_.erase(server);
  scrub_orders.erase(server);
  repair.forget(server);
}

void Control::set_gauges() {
  const Counts counts = names->counts();
  metrics.sessions.set(static_cast<double>(sessions.size()));
  metrics.locks_held.set(static_cast<double>(locks.held()));
  metrics.locks_waiting.set(static_cast<double>(locks.waiting()));
  metrics.inodes.set(static_cast<double>(counts.inodes));
  metrics.blocks.set(static_cast<double>(counts.blocks));
  metrics.raising.set(static_cast<double>(raiser.raising()));
  metrics.pending_punches.set(static_cast<double>(punches.pending()));
  double up = 0, missing = 0;
  for (const auto& [id, server] : servers.all()) {
    if (!servers.is_up(id, now())) continue;
    ++up;
    missing += static_cast<double>(server.figures.missing_bytes);
  }
  metrics.servers_up.set(up);
  metrics.servers_down.set(static_cast<double>(servers.all().size()) - up);
  metrics.missing_bytes.set(missing);
  metrics.blocks_in_sync(counts.in_sync);
  count_leases();
}

void Control::count_leases() {
  const LeaseTable::Count held = leases.count();
  metrics.leases.set(static_cast<double>(held.all));
  metrics.exclusive_leases.set(static_cast<double>(held.exclusive));
  metrics.lease_waiting.set(static_cast<double>(leases.waiting()));
  const LeaseKeeper::Totals& totals = leases.totals();
  metrics.leases_given.set_at_least(static_cast<double>(totals.given));
  metrics.lease_recalls.set_at_least(static_cast<double>(totals.recalled));
  metrics.lease_waits.set_at_least(static_cast<double>(totals.waits));
}

}  // namespace lace::control
