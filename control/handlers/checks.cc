#include "common/access/tokens.h"
#include "common/base/check.h"
#include "control/handlers/handlers.h"

namespace lace::control {

Session* session_of(Control& control, const Asker& asker, SessionId id, Responder& responder) {
  Session* session = control.sessions.find(id);
  if (session == nullptr || session->fenced) {
    responder.refuse(Code::fenced, "the session has ended: mount again");
    return nullptr;
  }
  // A session belongs to the key that opened it; who came over ipc:// has none.
  const std::string& key = session->record.key;
  if (asker.peer.local ? !key.empty() : key.empty() || key != asker.peer.key) {
    responder.refuse(Code::denied, "the session is another's");
    return nullptr;
  }
  return session;
}

bool is_visible(Control& control, const Session& session, InodeId inode, Responder& responder) {
  if (!session.confined()) return true;
  const auto inside = control.names->is_inside(inode, session.record.root);
  if (!inside) {
    responder.refuse(inside.error());
    return false;
  }
  if (*inside) return true;
  // An inode that is gone is said to be gone, as to everybody else: only what exists elsewhere is denied, in the same words
  // whatever it is.
  responder.refuse(Code::denied, "the inode is outside of the session's subtree");
  return false;
}

std::vector<wire::Endpoint> control_endpoints(const Control& control) {
  return control.options.group ? control.options.group->endpoints() : std::vector<wire::Endpoint>{};
}

uint8_t rights_of(const Session& session) {
  return session.record.read_only ? access::may_read : access::may_read | access::may_write;
}

namespace {

void make_token(Control& control, const Session& session, wire::BlockInfo& block, uint8_t rights) {
  block.token =
      control.credentials.token({session.record.session, block.block, rights, block.pages}, control.options.timing.token_lease);
  block.seal = control.credentials.seal(block);
}

}  // namespace

void add_token(Control& control, const Session& session, wire::BlockInfo& block) {
  if (session.confined()) make_token(control, session, block, rights_of(session));
}

void add_token(Control& control, const Session& session, wire::BlockInfo& block, std::vector<wire::PageRange> pages,
               bool read_only) {
  if (!session.confined()) return;
  CHECK(!pages.empty());  // that would be all of them
  block.pages = std::move(pages);
  make_token(control, session, block, read_only ? uint8_t{access::may_read} : rights_of(session));
}

}  // namespace lace::control
