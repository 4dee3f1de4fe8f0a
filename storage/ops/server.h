// What the operations work with. Each operation is one file: check, change, reply. All on the loop's thread.
#pragma once

#include "common/net/transport.h"
#include "common/wire/storage_messages.h"
#include "storage/copy/copy_store.h"
#include "storage/holecopy/filler.h"
#include "storage/membership/guard.h"
#include "storage/membership/membership.h"
#include "storage/ops/failure_reports.h"
#include "storage/ops/forwarding.h"

namespace lace::storage {

struct ServerCounters {
  uint64_t reads = 0, read_bytes = 0;
  uint64_t writes = 0, written_bytes = 0;
  uint64_t forwarded = 0, forward_failures = 0;
  uint64_t syncs = 0;
  uint64_t refused = 0;  // requests answered with an error
};

struct Server {
  net::Loop& loop;
  CopyStore& store;
  Membership& membership;
  Guard& guard;
  Forwarding& forwarding;
  FailureReports& failures;
  Filler& filler;
  ServerCounters& counters;
  std::string shared_directory;    // StorageOptions'
  uint64_t distrusted_copies = 0;  // how often a copy turned out rotten
};

// A request of a kind: what came with it, and where the answer goes.
struct Asked {
  Bytes payload;
  uint64_t term = 0;
  net::Responder reply;
  bool local = false;  // from this machine, as net::Peer
};

// client -> storage
void write_block(Server& server, wire::WriteBlock message, Asked asked);
void read_block(Server& server, wire::ReadBlock message, Asked asked);
void sync_blocks(Server& server, wire::SyncBlocks message, Asked asked);
void open_copy(Server& server, wire::OpenCopy message, Asked asked);
// storage -> storage
void forward_write(Server& server, wire::ForwardWrite message, Asked asked);
void fetch_pages(Server& server, wire::FetchPages message, Asked asked);
void compare_pages(Server& server, wire::ComparePages message, Asked asked);
// control -> storage
void set_epochs(Server& server, wire::SetEpochs message, Asked asked);
void delete_blocks(Server& server, wire::DeleteBlocks message, Asked asked);
void punch_blocks(Server& server, wire::PunchBlocks message, Asked asked);
void fill_blocks(Server& server, wire::FillBlocks message, Asked asked);
void announce_master(Server& server, wire::AnnounceMaster message, Asked asked);
// tools -> storage
void inspect_block(Server& server, wire::InspectBlock message, Asked asked);

// Decodes and calls the operation; what is not for a storage server is refused with `malformed`.
void dispatch(Server& server, net::Incoming incoming, net::Responder reply);

// Error: stale, if another server was meant, which had this address before.
Status check_addressee(const Server& server, ServerId meant);
// Error: denied or stale, unless a living control of this cluster says it.
Status check_control(const Server& server, const std::string& pass, uint64_t term);

}  // namespace lace::storage
