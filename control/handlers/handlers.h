// One function for each message: check who asks and what it may, do it, answer. Grouped in files as the messages are.
#pragma once

#include "control/control.h"

namespace lace::control {

// Who asks.
struct Asker {
  net::Peer peer;
  PeerRights rights;
  Instant deadline;
};

using net::Responder;

// Sessions (session_handlers.cc)
void handle(Control&, const Asker&, wire::OpenSession&, Responder);
void handle(Control&, const Asker&, wire::ResumeSession&, Responder);
void handle(Control&, const Asker&, wire::RenewSession&, Responder);
void handle(Control&, const Asker&, wire::CloseSession&, Responder);
void handle(Control&, const Asker&, wire::WaitEvents&, Responder);
// Questions about the namespace (question_handlers.cc)
void handle(Control&, const Asker&, wire::Lookup&, Responder);
void handle(Control&, const Asker&, wire::GetAttributes&, Responder);
void handle(Control&, const Asker&, wire::ReadDirectory&, Responder);
void handle(Control&, const Asker&, wire::ReadLink&, Responder);
void handle(Control&, const Asker&, wire::GetXattr&, Responder);
void handle(Control&, const Asker&, wire::ListXattrs&, Responder);
void handle(Control&, const Asker&, wire::GetExtents&, Responder);
void handle(Control&, const Asker&, wire::OpenInode&, Responder);
void handle(Control&, const Asker&, wire::CloseInodes&, Responder);
// Changes, and blocks (block_handlers.cc)
void handle(Control&, const Asker&, wire::Commit&, Responder);
void handle(Control&, const Asker&, wire::AllocateBlocks&, Responder);
void handle(Control&, const Asker&, wire::GetBlocks&, Responder);
void handle(Control&, const Asker&, wire::ReportFailure&, Responder);
// Locks (lock_handlers.cc)
void handle(Control&, const Asker&, wire::Lock&, Responder);
void handle(Control&, const Asker&, wire::CancelLock&, Responder);
void handle(Control&, const Asker&, wire::TestLock&, Responder);
void handle(Control&, const Asker&, wire::ReleaseLocks&, Responder);
// Storage servers (storage_handlers.cc)
void handle(Control&, const Asker&, wire::RegisterServer&, Responder);
void handle(Control&, const Asker&, wire::Heartbeat&, Responder);
void handle(Control&, const Asker&, wire::ReportCopies&, Responder);
// Tools (status_handlers.cc, repair_handlers.cc)
void handle(Control&, const Asker&, wire::ClusterStatus&, Responder);
void handle(Control&, const Asker&, wire::InspectInode&, Responder);
void handle(Control&, const Asker&, wire::CheckNamespace&, Responder);
void handle(Control&, const Asker&, wire::FileSystemUsage&, Responder);

void handle(Control&, const Asker&, wire::ChangeServer&, Responder);
void handle(Control&, const Asker&, wire::SetLimits&, Responder);
void handle(Control&, const Asker&, wire::StartScrub&, Responder);

// ---------------------------------------------------------------- what several of them need

// The session, if it lives and is the asker's; else refuses. A fenced session is refused with `fenced`.
Session* session_of(Control&, const Asker&, SessionId session, Responder&);
// Whether a session that is confined to a subtree may name the inode; else refuses with `denied`.
bool is_visible(Control&, const Session&, InodeId inode, Responder&);
// Where the control group is; empty: there is none.
std::vector<wire::Endpoint> control_endpoints(const Control&);
// As access::Rights.
uint8_t rights_of(const Session&);
// Gives a confined session its token, and the seal, for a block that it has just allocated, or for these pages (one range at
// least).
void add_token(Control&, const Session&, wire::BlockInfo& block);
void add_token(Control&, const Session&, wire::BlockInfo& block, std::vector<wire::PageRange> pages, bool read_only = false);

}  // namespace lace::control
