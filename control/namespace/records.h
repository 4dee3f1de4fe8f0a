// What the namespace remembers besides files: sessions, servers, and work that outlives a commit.
#pragma once

#include "common/wire/control_messages.h"

namespace lace::control {

// A mount, as far as it must survive a restart of control. Lease times, holds and locks are soft state, elsewhere.
struct SessionRecord {
  SessionId session{};
  std::string host;
  std::string mount_point;
  uint32_t process = 0;
  std::string subtree = "/";  // as asked for
  InodeId root = root_inode;  // the inode of `subtree`: commits may not name inodes outside it
  bool read_only = false;     // commits are refused with `read_only`
  std::string key;            // the CURVE key that proved itself when it was opened; empty: local
  // wire::OpenSession::process_where and process_started, of local ones.
  std::string process_where{};
  uint64_t process_started = 0;
  bool leases = false;  // wire::OpenSession::leases
};

struct ServerRecord {
  ServerId server{};
  std::string name;  // "storage-1"; unique
  wire::Endpoint endpoint;
  bool draining = false;
};

// Pages of a block that no extent touches any more, to be given back by every member of the block. Stored with the change
// that freed them; forgotten by acknowledge_punches(), or together with the block.
struct PendingPunch {
  uint64_t id = 0;
  BlockId block{};
  uint64_t offset = 0;  // in the block; page-aligned, as is length
  uint64_t length = 0;
};

// A block that is gone, and a server that may still have a copy of it.
struct PendingDelete {
  BlockId block{};
  ServerId server{};
};

// Where the copies of a new block go. The first server is the primary.
struct Placement {
  std::vector<ServerId> servers;  // 1 to max_copies, distinct
};

// Of a transaction of a control group: numbers grow by one, and the term is that of the master that made it. Two members whose
// last transactions have the same position hold the same.
struct Position {
  uint64_t term = 0;
  uint64_t number = 0;
  bool operator==(const Position&) const = default;
};

struct LoggedChange {
  Position at;
  std::string changes;  // common/db/changes.h
};

struct Counts {
  uint64_t inodes = 0;            // the root and orphans included
  uint64_t blocks = 0;            // that exist; not those waiting to be deleted
  std::vector<uint64_t> in_sync;  // [n]: blocks with n in-sync copies, whether their servers are up or not
  uint64_t orphans = 0;           // inodes without a name that are still held, or being taken apart
  uint64_t applied = 0;           // number of the last commit: wire::ControlInfo::applied
  uint64_t pending_punches = 0;
};

}  // namespace lace::control
