// What clients and tools ask control servers.
#pragma once

#include "common/wire/kind.h"
#include "common/wire/operations.h"

namespace lace::wire {

// ---------------------------------------------------------------- sessions

struct OpenSessionReply {
  SessionId session{};
  std::string cluster;  // 32 hex digits
  uint64_t term = 0;
  InodeId root = root_inode;  // what this session sees as its root
  uint32_t lease_ms = 0;      // a session not renewed for so long ends, its locks and holds with it
  bool read_only = false;
  bool sole = false;  // no other session exists: everything may be cached until `sole_ended` comes
  std::string token;  // right to every block, for WriteBlock and ReadBlock; empty if confined to a subtree
  uint64_t token_lease_ms = 0;
  std::vector<ServerInfo> servers;
  uint32_t copies = 2;
  LACE_FIELDS(session, cluster, term, root, lease_ms, read_only, sole, token, token_lease_ms, servers, copies)
};
struct OpenSession {
  static constexpr Kind kind = Kind::open_session;
  using Reply = OpenSessionReply;
  std::string host;
  std::string mount_point;
  uint32_t process = 0;
  std::string subtree;  // "/a/b": what this mount shows as its root; "/" is all
  bool read_only = false;
  // Where `process` counts, and when it started (common/base/process.h): so that control, if it runs there too, can see that
  // a mount has died. Empty: control waits for the lease.
  std::string process_where{};
  uint64_t process_started = 0;
  LACE_FIELDS(host, mount_point, process, subtree, read_only, process_where, process_started)
};

// A lock as asked for. Kinds that ignore each other: flock(2), fcntl(2) (POSIX record locks), and the one that a mount takes
// while it appends to a file that other mounts may append to.
struct LockRange {
  InodeId inode{};
  LockOwner owner{};
  bool flock = false;
  uint8_t type = 0;      // F_RDLCK, F_WRLCK or F_UNLCK as numbers 0, 1, 2
  uint64_t start = 0;    // bytes, inclusive
  uint64_t end = 0;      // inclusive; UINT64_MAX: to the end
  uint32_t process = 0;  // for F_GETLK
  bool append = false;
  LACE_FIELDS(inode, owner, flock, type, start, end, process, append)
};

// After a restart of control: "I am still here, and this is what I hold". Errors: fenced (the session had ended).
struct ResumeSession {
  static constexpr Kind kind = Kind::resume_session;
  using Reply = OpenSessionReply;
  SessionId session{};
  std::vector<InodeId> held;  // open inodes
  std::vector<LockRange> locks;
  LACE_FIELDS(session, held, locks)
};

struct RenewSessionReply {
  uint64_t term = 0;  // another than before: control was restarted; send ResumeSession
  std::string token;
  uint64_t token_lease_ms = 0;
  std::vector<ServerInfo> servers;
  std::vector<Endpoint> controls{};  // where the control group is; empty: where it was asked
  LACE_FIELDS(term, token, token_lease_ms, servers, controls)
};
struct RenewSession {
  static constexpr Kind kind = Kind::renew_session;
  using Reply = RenewSessionReply;
  SessionId session{};
  LACE_FIELDS(session)
};

struct CloseSession {
  static constexpr Kind kind = Kind::close_session;
  using Reply = Done;
  SessionId session{};
  LACE_FIELDS(session)
};

enum class EventKind : uint8_t {
  lock_granted = 1,  // number: LockReply::waiter
  sole_ended = 2,    // another session wants in: drop what is cached, then ask for events past this one
  sole_again = 3,
};
struct Event {
  uint64_t number = 0;  // 1, 2, 3, ... per session
  EventKind kind{};
  uint64_t value = 0;
  LACE_FIELDS(number, kind, value)
};
struct WaitEventsReply {
  std::vector<Event> events;
  LACE_FIELDS(events)
};
// Answered as soon as there is an event numbered past `seen`, or empty after `wait_ms`. Asking acknowledges all up to `seen`.
struct WaitEvents {
  static constexpr Kind kind = Kind::wait_events;
  using Reply = WaitEventsReply;
  SessionId session{};
  uint64_t seen = 0;
  uint32_t wait_ms = 0;
  LACE_FIELDS(session, seen, wait_ms)
};

// ---------------------------------------------------------------- questions

struct AttributesReply {
  Attributes attributes;
  LACE_FIELDS(attributes)
};
// Errors: no_entry, not_directory, stale_handle. "." and ".." are answered too.
struct Lookup {
  static constexpr Kind kind = Kind::lookup;
  using Reply = AttributesReply;
  SessionId session{};
  InodeId parent{};
  std::string name;
  LACE_FIELDS(session, parent, name)
};

struct GetAttributes {
  static constexpr Kind kind = Kind::get_attributes;
  using Reply = AttributesReply;
  SessionId session{};
  InodeId inode{};
  LACE_FIELDS(session, inode)
};

struct DirectoryEntry {
  std::string name;
  uint64_t cookie = 0;  // where to go on behind this entry; stays with the entry for its life
  InodeId inode{};
  uint8_t type = 0;       // DT_REG, DT_DIR, ...
  Attributes attributes;  // only if asked for
  LACE_FIELDS(name, cookie, inode, type, attributes)
};
struct ReadDirectoryReply {
  std::vector<DirectoryEntry> entries;  // in order of creation, without "." and ".."
  bool end = false;
  InodeId parent{};  // for ".."
  LACE_FIELDS(entries, end, parent)
};
// Entries behind `cookie` (0: from the start). Entries that exist through the whole walk come exactly once.
struct ReadDirectory {
  static constexpr Kind kind = Kind::read_directory;
  using Reply = ReadDirectoryReply;
  SessionId session{};
  InodeId inode{};
  uint64_t cookie = 0;
  uint32_t max_entries = 0;  // 1 to 10,000
  bool with_attributes = false;
  LACE_FIELDS(session, inode, cookie, max_entries, with_attributes)
};

struct TextReply {
  std::string text;
  LACE_FIELDS(text)
};
struct ReadLink {
  static constexpr Kind kind = Kind::read_link;
  using Reply = TextReply;
  SessionId session{};
  InodeId inode{};
  LACE_FIELDS(session, inode)
};

struct GetXattr {  // Errors: no_data
  static constexpr Kind kind = Kind::get_xattr;
  using Reply = TextReply;
  SessionId session{};
  InodeId inode{};
  std::string name;
  LACE_FIELDS(session, inode, name)
};

struct ListXattrsReply {
  std::vector<std::string> names;
  LACE_FIELDS(names)
};
struct ListXattrs {
  static constexpr Kind kind = Kind::list_xattrs;
  using Reply = ListXattrsReply;
  SessionId session{};
  InodeId inode{};
  LACE_FIELDS(session, inode)
};

struct ExtentsReply {
  Attributes attributes;
  uint64_t offset = 0;  // the extents are complete for [offset, offset + length)
  uint64_t length = 0;
  std::vector<Extent> extents;    // by offset, cut to nothing: the first and last may reach beyond the range
  std::vector<BlockInfo> blocks;  // of these extents
  LACE_FIELDS(attributes, offset, length, extents, blocks)
};
// At most 1,000 extents are answered (256 to a session that is confined to a subtree, whose tokens are good for their pages
// only); `length` of the reply says how far they reach.
struct GetExtents {
  static constexpr Kind kind = Kind::get_extents;
  using Reply = ExtentsReply;
  SessionId session{};
  InodeId inode{};
  uint64_t offset = 0;
  uint64_t length = 0;
  LACE_FIELDS(session, inode, offset, length)
};

// An inode that a session holds open lives on without a name. Answers the first extents (from offset 0) at once.
// Errors: stale_handle, no_entry.
struct OpenInode {
  static constexpr Kind kind = Kind::open_inode;
  using Reply = ExtentsReply;
  SessionId session{};
  InodeId inode{};
  LACE_FIELDS(session, inode)
};
// The session's last descriptor of each of these is closed. Idempotent.
struct CloseInodes {
  static constexpr Kind kind = Kind::close_inodes;
  using Reply = Done;
  SessionId session{};
  std::vector<InodeId> inodes;
  LACE_FIELDS(session, inodes)
};

struct FileSystemUsageReply {
  uint64_t capacity_bytes = 0;  // of the cluster, divided by the number of copies
  uint64_t available_bytes = 0;
  uint64_t inodes = 0;
  LACE_FIELDS(capacity_bytes, available_bytes, inodes)
};
struct FileSystemUsage {
  static constexpr Kind kind = Kind::file_system_usage;
  using Reply = FileSystemUsageReply;
  SessionId session{};
  LACE_FIELDS(session)
};

// ---------------------------------------------------------------- changes

struct CommitReply {
  std::vector<OperationResult> results;  // one for each operation, in order
  std::vector<uint32_t> failed;          // asked to be terse: `results` are those of these operations only, in order
  LACE_FIELDS(results, failed)
};
// The one way to change the namespace. A session has slots (as NFSv4.1 has, RFC 8881 section 2.10.6): in each, commits are
// numbered 1, 2, 3, ..., and one is under way at a time. The last number of each slot and its reply are stored in the same
// transaction as the changes: a number sent again is answered from there, so that nothing is done twice over lost replies,
// reconnects and restarts. Answered when durable. An operation that fails does not stop those behind it.
// Errors of the whole: fenced, stale (number neither the last nor the next), read_only, no_space, unavailable.
struct Commit {
  static constexpr Kind kind = Kind::commit;
  using Reply = CommitReply;
  SessionId session{};
  uint32_t slot = 0;  // 0 to 63
  uint64_t number = 0;
  std::vector<Operation> operations;  // at most 10,000
  bool terse = false;                 // only what failed is answered
  LACE_FIELDS(session, slot, number, operations, terse)
};

struct BlocksReply {
  std::vector<BlockInfo> blocks;
  LACE_FIELDS(blocks)
};
// New blocks, ahead of need. They belong to the session until an extent points at them; those without any are given back
// when the session ends. Errors: no_space, unavailable (fewer servers up than one copy needs).
struct AllocateBlocks {
  static constexpr Kind kind = Kind::allocate_blocks;
  using Reply = BlocksReply;
  SessionId session{};
  uint32_t count = 1;  // 1 to 64
  LACE_FIELDS(session, count)
};
// A session that is confined to a subtree is told of blocks it allocated and of blocks that an answer with extents has told it
// of; the tokens of the latter are good for no page: ask for the extents again.
struct GetBlocks {
  static constexpr Kind kind = Kind::get_blocks;
  using Reply = BlocksReply;
  SessionId session{};
  std::vector<BlockId> blocks;  // those that do not exist are left out of the reply
  LACE_FIELDS(session, blocks)
};

// ---------------------------------------------------------------- locks

struct LockReply {
  bool granted = false;
  uint64_t waiter = 0;  // not granted, but waiting: the number that Event lock_granted will carry
  LACE_FIELDS(granted, waiter)
};
// Errors: try_again (not to wait, and taken), deadlock (waiting would never end).
struct Lock {
  static constexpr Kind kind = Kind::lock;
  using Reply = LockReply;
  SessionId session{};
  LockRange range;
  bool wait = false;
  LACE_FIELDS(session, range, wait)
};
struct CancelLockReply {
  bool granted = false;  // too late: it had been granted
  LACE_FIELDS(granted)
};
struct CancelLock {
  static constexpr Kind kind = Kind::cancel_lock;
  using Reply = CancelLockReply;
  SessionId session{};
  uint64_t waiter = 0;
  LACE_FIELDS(session, waiter)
};
struct TestLockReply {
  LockRange conflict;  // type 2 (F_UNLCK): none
  LACE_FIELDS(conflict)
};
struct TestLock {
  static constexpr Kind kind = Kind::test_lock;
  using Reply = TestLockReply;
  SessionId session{};
  LockRange range;
  LACE_FIELDS(session, range)
};
// All locks and waiters of an owner on an inode: a descriptor was closed.
struct ReleaseLocks {
  static constexpr Kind kind = Kind::release_locks;
  using Reply = Done;
  SessionId session{};
  InodeId inode{};
  LockOwner owner{};
  bool flock = false;
  LACE_FIELDS(session, inode, owner, flock)
};

// ---------------------------------------------------------------- failures

// "These servers did not take a write (or are away)". Answered when the block's epoch goes on without them: they are told,
// or can't serve any more because their lease ran out. An epoch that is old already is answered with the present one.
// Errors: unavailable (they are the last in-sync copies), no_entry. What a session says that is confined to a subtree counts
// only for servers of which control has not heard either.
struct ReportFailure {
  static constexpr Kind kind = Kind::report_failure;
  using Reply = BlocksReply;
  SessionId session{};  // of a client; 0: a storage server says it
  BlockId block{};
  Epoch epoch = 0;
  std::vector<ServerId> failed;
  LACE_FIELDS(session, block, epoch, failed)
};

// ---------------------------------------------------------------- tools

struct ControlInfo {
  std::string name;
  bool master = false;
  uint64_t term = 0;
  uint64_t applied = 0;  // number of the last commit in the namespace
  std::string state{};   // of a group's: "in sync", "catching up", "away"
  std::string url{};
  LACE_FIELDS(name, master, term, applied, state, url)
};
struct SessionInfo {
  SessionId session{};
  std::string host;
  std::string mount_point;
  uint32_t process = 0;
  uint64_t lease_left_ms = 0;
  uint64_t held = 0;  // inodes held open
  uint64_t locks = 0;
  LACE_FIELDS(session, host, mount_point, process, lease_left_ms, held, locks)
};
struct ClusterStatusReply {
  std::string cluster;
  std::string health;                // healthy, degraded, repairing, unavailable
  std::vector<std::string> reasons;  // what makes it less than healthy, a sentence each
  std::vector<ServerInfo> servers;
  std::vector<ControlInfo> controls;
  uint64_t blocks = 0;
  std::vector<uint64_t> in_sync;  // [n]: blocks with n in-sync copies on servers that are up
  uint64_t missing_bytes = 0;
  uint64_t inodes = 0;
  uint32_t copies = 0;
  std::vector<SessionInfo> sessions;
  LACE_FIELDS(cluster, health, reasons, servers, controls, blocks, in_sync, missing_bytes, inodes, copies, sessions)
};
struct ClusterStatus {
  static constexpr Kind kind = Kind::cluster_status;
  using Reply = ClusterStatusReply;
  LACE_FIELDS()
};

struct InspectInodeReply {
  Attributes attributes;
  std::vector<Extent> extents;      // the first 10,000
  std::vector<BlockInfo> blocks;    // with tokens for InspectBlock
  std::vector<ServerInfo> servers;  // of these blocks
  LACE_FIELDS(attributes, extents, blocks, servers)
};
struct InspectInode {
  static constexpr Kind kind = Kind::inspect_inode;
  using Reply = InspectInodeReply;
  InodeId inode{};
  LACE_FIELDS(inode)
};

}  // namespace lace::wire
