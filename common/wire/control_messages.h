// What clients and tools ask control servers.
#pragma once

#include "common/wire/kind.h"
#include "common/wire/operations.h"

namespace lace::wire {

// ---------------------------------------------------------------- leases

// The right to believe what was learned of a directory until control takes the lease back: its entries (also that a name is
// not there), its own attributes, and attributes and content of its files that have no other name. `exclusive`: to change all
// that alone, too, and to tell control later. Given by itself with answers, to sessions that said OpenSession::leases.
struct Lease {
  InodeId directory{};
  uint64_t number = 0;     // of this lease; leases that are given later have greater numbers
  uint64_t exclusive = 0;  // of the right to change, from the same count; 0: the lease is shared
  LACE_FIELDS(directory, number, exclusive)
};

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
  uint64_t events = 0;  // number of the latest event when this was said: `sole` is older than those that come later
  uint64_t leases = 0;  // those up to this number that the session does not know of have ended
  LACE_FIELDS(session, cluster, term, root, lease_ms, read_only, sole, token, token_lease_ms, servers, copies, events, leases)
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
  bool leases = false;  // this session listens to events and gives leases back when it is asked to
  LACE_FIELDS(host, mount_point, process, subtree, read_only, process_where, process_started, leases)
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
  std::vector<Lease> leases{};
  LACE_FIELDS(session, held, locks, leases)
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
  lease_shared = 4,  // value: a directory. Others want to look: tell control what was decided there; share it from now on
  lease_ended = 5,   // value: a directory. Others want to change it: the same, and forget what was learned of it
  // Pages are about to be shared: finish what is being written, and have control told where new bytes are; write nothing, then
  // ask for events past this one. Until `go_on`, a restart of control, or another session.
  hold_writes = 6,
  go_on = 7,  // what was known of extents is void
};
struct Event {
  uint64_t number = 0;  // 1, 2, 3, ... per session
  EventKind kind{};
  uint64_t value = 0;
  uint64_t lease = 0;  // leases (lease_shared: rights to change) up to this number are meant; sole_...: of all directories
  LACE_FIELDS(number, kind, value, lease)
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

// `leases` of answers: those that the session has, of directories that the answer speaks of. `home`: the directory whose lease
// is good for what is said of the inode: itself, or the only one that holds it; 0: there is none.
struct AttributesReply {
  Attributes attributes;
  InodeId home{};
  std::vector<Lease> leases{};
  LACE_FIELDS(attributes, home, leases)
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
  Attributes attributes;  // only if asked for; none (inode 0) of directories that another session may be changing
  LACE_FIELDS(name, cookie, inode, type, attributes)
};
struct ReadDirectoryReply {
  std::vector<DirectoryEntry> entries;  // in order of creation, without "." and ".."
  bool end = false;
  InodeId parent{};  // for ".."
  std::vector<Lease> leases{};
  LACE_FIELDS(entries, end, parent, leases)
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
  InodeId home{};
  std::vector<Lease> leases{};
  LACE_FIELDS(attributes, offset, length, extents, blocks, home, leases)
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
  std::vector<Lease> leases{};           // of directories that were changed
  LACE_FIELDS(results, failed, leases)
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
  // From the session's operation log: what was decided alone, under exclusive leases. Only what failed is answered. The session
  // has an exclusive lease on each directory that it makes so, unless it is the only session.
  bool terse = false;
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
  uint64_t leases = 0;     // on directories
  uint64_t exclusive = 0;  // of these
  bool sole = false;       // has the whole tree instead
  LACE_FIELDS(session, host, mount_point, process, lease_left_ms, held, locks, leases, exclusive, sole)
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
  RepairLimits limits{};
  LACE_FIELDS(cluster, health, reasons, servers, controls, blocks, in_sync, missing_bytes, inodes, copies, sessions, limits)
};
struct ClusterStatus {
  static constexpr Kind kind = Kind::cluster_status;
  using Reply = ClusterStatusReply;
  LACE_FIELDS()
};

struct CheckProgress {
  std::string step;  // what is looked at
  uint64_t done = 0;
  uint64_t total = 0;  // about
  LACE_FIELDS(step, done, total)
};
struct CheckFinding {
  std::string what;    // is wrong, with the id of what it is wrong of
  std::string remedy;  // what a repair does about it; empty: it can do nothing
  bool repaired = false;
  LACE_FIELDS(what, remedy, repaired)
};
struct CheckNamespaceReply {
  uint64_t run = 0;
  bool running = false;
  CheckProgress progress;
  std::vector<CheckFinding> findings;  // the first 1,000
  uint64_t problems = 0;               // all of them
  uint64_t repaired = 0;
  LACE_FIELDS(run, running, progress, findings, problems, repaired)
};
// Everything that must hold in the namespace and between it and the copies, looked at while the server goes on. `run` 0 begins
// a check, or joins the one that is under way; else asks how that one is getting on. Errors: denied, no_entry (another has been
// begun since).
struct CheckNamespace {
  static constexpr Kind kind = Kind::check_namespace;
  using Reply = CheckNamespaceReply;
  uint64_t run = 0;
  bool repair = false;
  LACE_FIELDS(run, repair)
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

enum class ServerChange : uint8_t {
  drain = 1,   // its copies are made elsewhere, and it gets no more
  use = 2,     // the end of that
  remove = 3,  // it is no server of the cluster any more
};
// Errors: no_entry (no server is called so), busy (remove: it holds copies that count; drain first), denied.
struct ChangeServer {
  static constexpr Kind kind = Kind::change_server;
  using Reply = Done;
  std::string name;
  ServerChange change{};
  LACE_FIELDS(name, change)
};

// Of numbers that are 0, the present one stays. Answered with what holds now. Errors: invalid.
struct SetLimits {
  static constexpr Kind kind = Kind::set_limits;
  using Reply = RepairLimits;
  RepairLimits limits{0, 0, 0, 0};
  LACE_FIELDS(limits)
};

struct StartScrubReply {
  std::vector<std::string> servers;  // that begin now; they are up
  LACE_FIELDS(servers)
};
// Every copy is to be read and checked now, on one server or on all. One that is under way goes on. Errors: no_entry,
// unavailable (none is up).
struct StartScrub {
  static constexpr Kind kind = Kind::start_scrub;
  using Reply = StartScrubReply;
  std::string name;  // empty: all servers
  LACE_FIELDS(name)
};

}  // namespace lace::wire
