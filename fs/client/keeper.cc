#include "fs/client/keeper.h"

#include <unistd.h>

#include <climits>

#include "common/base/log.h"
#include "common/base/process.h"

namespace lace::fs {

namespace {

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "unknown";
}

// Others are to see what was written here, before it is acknowledged.
bool waits_for_writes(wire::EventKind kind) {
  return kind == wire::EventKind::sole_ended || kind == wire::EventKind::lease_shared || kind == wire::EventKind::lease_ended;
}

}  // namespace

// ---------------------------------------------------------------- opening

Status Keeper::open_once(net::Caller& caller) {
  wire::OpenSession message;
  message.host = host_name();
  message.mount_point = core_.options.mount_point;
  const ProcessId self = own_process();
  message.process = self.number;
  message.process_where = self.where;
  message.process_started = self.started;
  message.subtree = core_.options.subtree;
  message.read_only = core_.options.read_only;
  message.leases = takes_leases_;
  const Instant sent = core_.clock.now();
  auto reply = net::decode_answer<wire::OpenSession>(core_.control.attempt(caller, net::request_of(message), opening_within));
  if (!reply) return pass(reply);
  core_.servers.update(reply->reply.servers);
  core_.session.opened(reply->reply, sent);
  core_.leases.accept(reply->reply.leases);
  return {};
}

Status Keeper::open(net::Caller& caller, Millis within) {
  Backoff backoff(core_.clock, within);
  for (;;) {
    const Status opened = open_once(caller);
    if (opened) return opened;
    const Error& error = opened.error();
    if (error.code != Code::unavailable && error.code != Code::unknown) return opened;
    if (backoff.expired()) {
      return fail(Code::unavailable, "no control server answers at " + core_.control.addresses() + " (" + error.what +
                                         "): is the cluster running?");
    }
    if (auto waited = backoff.wait(caller); !waited) return waited;
  }
}

void Keeper::start() {
  keeping_ = std::make_unique<Worker>(core_.network, [this](net::Caller& caller) { keep(caller); });
  listening_ = std::make_unique<Worker>(core_.network, [this](net::Caller& caller) { listen(caller); });
}

void Keeper::stop() {
  core_.session.stop();
  if (keeping_) keeping_->interrupt();
  if (listening_) listening_->interrupt();
  keeping_.reset();
  listening_.reset();
}

void Keeper::close(net::Caller& caller) {
  wire::CloseSession message;
  message.session = core_.session.identity().session;
  const auto done = core_.control.attempt(caller, net::request_of(message), Millis{5'000});
  if (!done) log::warn("client.close_session_failed", {{"what", done.error().what}});
}

// ---------------------------------------------------------------- keeping

void Keeper::keep(net::Caller& caller) {
  while (!core_.session.stopping()) {
    core_.session.wait_for_attention(renew_every);
    if (!core_.session.stopping()) look_after(caller);
  }
}

void Keeper::look_after(net::Caller& caller) {
  wire::RenewSession message;
  message.session = core_.session.identity().session;
  const Instant sent = core_.clock.now();
  auto reply = net::decode_answer<wire::RenewSession>(
      core_.control.attempt(caller, net::request_of(message), std::min(core_.control.patience(), Millis{3'000})));
  if (reply && reply->reply.term == core_.session.term()) {
    core_.servers.update(reply->reply.servers);
    core_.control.learn(reply->reply.controls);
    core_.session.renewed(reply->reply, sent);
    core_.leases.accept(0);  // it was not restarted, if that was in doubt
    return on_renewed(caller);
  }
  if (reply || reply.error().code == Code::fenced) return resume(caller);
  log::debug("client.renew_failed", {{"error", name_of(reply.error().code)}, {"what", reply.error().what}});
  if (!caller.pause(Millis{200})) return;
  core_.session.request_attention();
}

void Keeper::resume(net::Caller& caller) {
  wire::ResumeSession message;
  message.session = core_.session.identity().session;
  for (const InodePtr& inode : core_.inodes.all()) {
    const std::lock_guard lock(inode->mutex);
    if (inode->hold == Hold::none) continue;
    message.held.push_back(inode->id);
  }
  message.locks = core_.locks.all();
  message.leases = core_.leases.tell_all();
  const Instant sent = core_.clock.now();
  auto reply = net::decode_answer<wire::ResumeSession>(
      core_.control.attempt(caller, net::request_of(message), core_.control.patience()));
  if (reply) {
    core_.servers.update(reply->reply.servers);
    if (reply->reply.sole) core_.leases.end_all();  // it has the whole tree
    core_.session.resumed(reply->reply, sent);
    core_.leases.accept(reply->reply.leases);
    core_.entries.clear();
    log::info("client.session_resumed", {{"session", raw(message.session)}, {"term", reply->reply.term}});
    return on_resumed(caller);
  }
  if (reply.error().code == Code::fenced) return reopen(caller);
  if (!caller.pause(Millis{100})) return;
  core_.session.request_attention();
}

void Keeper::reopen(net::Caller& caller) {
  log::error("client.session_lost", {{"session", raw(core_.session.identity().session)},
                                     {"remedy", "a new one is opened; locks and data that was not stored are lost"}});
  on_lost();
  core_.pool.forget();
  core_.entries.clear();
  core_.locks.clear();
  const Status opened = open_once(caller);
  if (opened) {
    core_.pool.forget();
    return on_reopened(caller);
  }
  log::warn("client.open_failed", {{"error", name_of(opened.error().code)}, {"what", opened.error().what}});
  if (!caller.pause(Millis{500})) return;
  core_.session.request_attention();
}

// ---------------------------------------------------------------- events

void Keeper::listen(net::Caller& caller) {
  uint64_t seen = 0;
  std::pair<uint64_t, uint64_t> of;  // generation and term that number the events
  bool held = false;                 // writes, since a hold_writes
  while (!core_.session.stopping()) {
    const Session::Identity identity = core_.session.identity();
    const std::pair<uint64_t, uint64_t> now{identity.generation, core_.session.term()};
    if (now != of) {
      seen = 0;
      held = false;
    }
    of = now;
    const Millis wait = std::min(listen_for, core_.control.patience());
    const wire::WaitEvents message{identity.session, seen, static_cast<uint32_t>(wait.count())};
    auto reply = net::decode_answer<wire::WaitEvents>(core_.control.attempt(caller, net::request_of(message), wait + wait / 2));
    if (!reply) {
      if (reply.error().code == Code::fenced) core_.session.suspect(identity.generation);
      if (reply.error().code != Code::interrupted) static_cast<void>(caller.pause(Millis{100}));
      continue;
    }
    // What would wait for writes that are held comes after the event that lets them go on, whatever their order.
    for (const wire::Event& event : reply->reply.events) {
      if (!held || event.number <= seen || event.kind != wire::EventKind::go_on) continue;
      handle(caller, event, identity.generation);
      held = false;
    }
    for (const wire::Event& event : reply->reply.events) {
      if (event.number <= seen) continue;
      if (held && waits_for_writes(event.kind)) {
        static_cast<void>(caller.pause(Millis{5}));
        break;  // asked for again
      }
      handle(caller, event, identity.generation);
      if (event.kind == wire::EventKind::hold_writes) held = true;
      if (event.kind == wire::EventKind::go_on) held = false;
      seen = event.number;
    }
  }
}

void Keeper::handle(net::Caller& caller, const wire::Event& event, uint64_t generation) {
  switch (event.kind) {
    case wire::EventKind::lock_granted: return on_lock_granted(event.value);
    case wire::EventKind::sole_ended:
      core_.session.set_sole(false, event.number);
      core_.entries.clear();
      on_sole_ended(caller);
      core_.leases.end_all();
      return core_.leases.accept(event.lease);
    case wire::EventKind::sole_again:
      core_.leases.end_all();
      core_.leases.accept(event.lease);
      return core_.session.set_sole(true, event.number);
    case wire::EventKind::lease_shared: return on_recalled(caller, InodeId{event.value}, event.lease, true);
    case wire::EventKind::lease_ended: return on_recalled(caller, InodeId{event.value}, event.lease, false);
    case wire::EventKind::hold_writes: return on_hold_writes(caller, event, generation);
    case wire::EventKind::go_on: return on_go_on(InodeId{event.value});
  }
}

}  // namespace lace::fs
