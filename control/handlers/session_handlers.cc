#include "control/handlers/handlers.h"

#include <algorithm>

#include "common/base/log.h"

namespace lace::control {
namespace {

constexpr size_t max_text_bytes = 4'096;  // of host names and mount points
constexpr size_t max_sessions = 10'000;

wire::OpenSessionReply describe(Control& control, const Session& session) {
  wire::OpenSessionReply reply;
  reply.session = session.record.session;
  reply.cluster = control.names->cluster();
  reply.term = control.names->term();
  reply.root = session.record.root;
  reply.lease_ms = static_cast<uint32_t>(control.options.timing.session_lease.count());
  reply.read_only = session.record.read_only;
  reply.sole = session.sole;
  if (!session.confined()) {
    reply.token =
        control.credentials.token({session.record.session, BlockId{0}, rights_of(session)}, control.options.timing.token_lease);
  }
  reply.token_lease_ms = static_cast<uint64_t>(control.options.timing.token_lease.count());
  reply.servers = control.servers.infos(control.now());
  reply.copies = control.options.copies;
  reply.events = control.events.latest(session.record.session);
  reply.leases = control.leases.last();
  return reply;
}

bool is_below(const std::string& path, const std::string& top) {
  if (top == "/") return true;
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
}

}  // namespace

void handle(Control& control, const Asker& asker, wire::OpenSession& message, Responder responder) {
  if (!asker.rights.client) return responder.refuse(Code::denied, "this key may not mount: admit it in the --admit file");
  if (std::max({message.host.size(), message.mount_point.size(), message.process_where.size()}) > max_text_bytes) {
    return responder.refuse(Code::malformed, "a host name, mount point or place of a process longer than 4,096 bytes");
  }
  if (control.sessions.size() >= max_sessions) return responder.refuse(Code::unavailable, "too many mounts");
  SessionRecord record;
  record.host = message.host;
  record.mount_point = message.mount_point;
  record.process = message.process;
  record.read_only = message.read_only || asker.rights.read_only;
  record.leases = message.leases;
  record.key = asker.peer.local ? "" : asker.peer.key;
  if (asker.peer.local) {  // of others control can't see whether they run
    record.process_where = message.process_where;
    record.process_started = message.process_started;
  }
  // Whoever asks for all gets all that the key may see.
  record.subtree = message.subtree.empty() || message.subtree == "/" ? asker.rights.subtree : message.subtree;
  while (record.subtree.size() > 1 && record.subtree.ends_with('/')) record.subtree.pop_back();
  if (!is_below(record.subtree, asker.rights.subtree) || record.subtree.find("/..") != std::string::npos) {
    return responder.refuse(Code::denied, "this key may only mount " + asker.rights.subtree + " and what is below it");
  }
  const auto root = control.names->resolve(record.subtree);
  if (!root)
    return responder.refuse(root.error().code, "subtree " + record.subtree + ": " + std::string(name_of(root.error().code)));
  record.root = *root;

  const auto kept = std::make_shared<Responder>(std::move(responder));
  control.keeper.open(std::move(record), [&control, kept](const Result<SessionId>& opened) {
    if (!opened) return kept->refuse(opened.error());
    kept->answer(describe(control, *control.sessions.find(*opened)));
  });
}

void handle(Control& control, const Asker& asker, wire::ResumeSession& message, Responder responder) {
  Session* session = session_of(control, asker, message.session, responder);
  if (session == nullptr) return;
  if (session->confined()) {
    const auto outside = [&](InodeId inode) {
      const auto inside = control.names->is_inside(inode, session->record.root);
      return !inside || !*inside;
    };
    std::erase_if(message.held, outside);
    std::erase_if(message.locks, [&](const wire::LockRange& range) { return outside(range.inode); });
  }
  control.keeper.resume(*session, message);
  responder.answer(describe(control, *session));
}

void handle(Control& control, const Asker& asker, wire::RenewSession& message, Responder responder) {
  Session* session = session_of(control, asker, message.session, responder);
  if (session == nullptr) return;
  // One that did not say yet what it holds has its time from the restart on, no more.
  if (session->resumed) control.sessions.renew(*session, control.now());
  wire::OpenSessionReply all = describe(control, *session);
  responder.answer(wire::RenewSessionReply{all.term, std::move(all.token), all.token_lease_ms, std::move(all.servers),
                                           control_endpoints(control)});
}

void handle(Control& control, const Asker& asker, wire::CloseSession& message, Responder responder) {
  if (session_of(control, asker, message.session, responder) == nullptr) return;
  const auto kept = std::make_shared<Responder>(std::move(responder));
  control.keeper.close(message.session, [kept](const Status& status) {
    if (!status) return kept->refuse(status.error());
    kept->answer(wire::Done{});
  });
}

void handle(Control& control, const Asker& asker, wire::WaitEvents& message, Responder responder) {
  if (session_of(control, asker, message.session, responder) == nullptr) return;
  control.events.wait(message, std::move(responder));
}

}  // namespace lace::control
