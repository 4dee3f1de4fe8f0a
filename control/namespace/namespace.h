// The namespace: all hard state of the cluster (DESIGN 4) in one SQLite database. Files, directories, extents, blocks with
// their epochs and copy sets, sessions with the numbers of their last commits, servers, and what is still to be punched or
// deleted on them.
//
// One thread. No sockets, no clock: times come with the operations. Nothing here waits except for the disk.
// Reads see the open transaction. Every method may fail with `io`, `no_space` (the disk), `read_only` (the disk) or
// `corrupt`; only further errors are named below.
//
// Changes happen between begin() and commit(), as many of them as are waiting (group commit):
//
//   ns.begin();
//   for (each waiting commit) outcome = ns.apply(commit);   // remember outcomes; register outcome.held at once
//   if (ns.commit()) send the punches of the outcomes, answer each commit when its own `punches` are acknowledged;
//   else refuse them all with that error: nothing of the transaction happened.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/db/backup.h"
#include "control/namespace/records.h"
#include "control/store/consistency.h"

namespace lace::control {

enum class Durability { full, normal, off };  // normal: survives the process; full: the machine too; off: for benchmarks

struct NamespaceOptions {
  uint64_t cache_bytes = uint64_t{128} << 20;  // of the database's pages; the rest of the namespace takes below 32 MiB
  Durability durability = Durability::full;
  std::string cluster;  // 32 hex digits: the cluster this database must be of; empty: any
  // The root directory of a new database: whose it is, and its times.
  uint32_t root_uid = 0;
  uint32_t root_gid = 0;
  FileTime now;
  std::string vfs;  // of SQLite; empty: the system's. Tests name one over the Disk seam (common/db/disk_vfs.h)
  // A member of a control group: the term is not raised at opening, every transaction is logged, and the log keeps so much.
  bool grouped = false;
  uint64_t log_bytes = uint64_t{64} << 20;
};

struct CommitOutcome {
  wire::CommitReply reply;
  bool repeated = false;               // answered from the record; nothing changed
  std::vector<PendingPunch> punches;   // of truncate and punch: to be acknowledged before `reply` is sent
  std::vector<PendingPunch> deferred;  // of overwritten and removed files: to be sent, not to be waited for
  std::vector<InodeId> held;           // Create::hold: the session has these open now (also when repeated)
  std::vector<InodeId> orphaned;       // lost their last name while somebody holds them: reap() when nobody does
  bool deletes = false;                // pending_deletes() has grown
};

struct Extents {
  wire::Attributes attributes;
  std::vector<wire::Extent> extents;  // by offset; the first and the last may reach beyond the range
  uint64_t length = 0;                // they are complete for [offset, offset + length)
};

struct Listing {
  std::vector<wire::DirectoryEntry> entries;
  bool end = false;
  InodeId parent{};  // for ".."; the root's is the root
};

// Part of an orphan was taken apart.
struct Reaped {
  bool done = false;                  // the inode is gone; else call again, in another transaction
  std::vector<PendingPunch> punches;  // to be sent, not to be waited for
  std::vector<InodeId> orphaned;      // were below it: to be taken apart by themselves
  bool deletes = false;
};

// All of the namespace as it was at one moment, to be looked at while it goes on.
class NamespaceCopy {
 public:
  virtual ~NamespaceCopy() = default;
  // Copies up to so many pages of the database more, between transactions; true: it is complete, as of now.
  virtual Result<bool> step(uint32_t pages) = 0;
  virtual wire::CheckProgress progress() const = 0;  // any thread
  // What is inconsistent in it; empty: sound. When it is complete, once, on any thread. Takes long.
  virtual Result<std::vector<Inconsistency>> check() = 0;
};

class Namespace {
 public:
  // Whether a session has the inode open. Asked when an inode loses its last name: what nobody holds is taken apart at once.
  using Held = std::function<bool(InodeId)>;

  // Opens or creates `directory`/namespace.db and raises the term, durably. The directory exists. Errors, each with its
  // remedy in words: corrupt (not a database, or damaged; or of a newer format), denied (another cluster's), busy (another
  // process has it open), and the disk's.
  static Result<std::unique_ptr<Namespace>> open(const std::string& directory, NamespaceOptions options = {});
  // An open transaction is rolled back.
  virtual ~Namespace() = default;

  virtual const std::string& cluster() const = 0;  // 32 hex digits, made with the database
  virtual const std::string& secret() const = 0;   // 32 bytes, likewise; for tokens and passes
  virtual uint64_t term() const = 0;               // 1 for a new database; one more at each open
  virtual void set_held(Held held) = 0;            // unset: nobody holds anything

  // ---------------------------------------------------------------- transactions

  virtual Status begin() = 0;
  // Durable when it returns (as far as options.durability goes). A failure rolls back everything since begin().
  virtual Status commit() = 0;
  virtual void rollback() = 0;
  virtual bool in_transaction() const = 0;

  // All methods below that change something are to be called within a transaction. If one of them fails for the disk, the
  // transaction is broken: commit() will fail with the same error and roll back.

  // Applies the operations in order; one that fails changes nothing and does not stop those behind it. Errors of the whole,
  // after which the transaction may go on: fenced (no such session), stale (the number is neither the slot's last nor the
  // next), read_only (the session's), malformed (slot over 63, over 10,000 operations). For a session that is confined to
  // a subtree, operations on inodes outside of it fail with `denied`.
  virtual Result<CommitOutcome> apply(const wire::Commit& commit) = 0;

  // ---------------------------------------------------------------- questions

  // "." and ".." are answered too (of the root: the root). Errors: no_entry, not_directory, stale_handle, name_too_long.
  virtual Result<wire::Attributes> lookup(InodeId parent, std::string_view name) = 0;
  virtual Result<wire::Attributes> attributes(InodeId inode) = 0;  // Errors: stale_handle
  // Errors: not_directory, stale_handle, invalid (max_entries is not 1 to 10,000).
  virtual Result<Listing> read_directory(InodeId inode, uint64_t cookie, uint32_t max_entries, bool with_attributes) = 0;
  virtual Result<std::string> read_link(InodeId inode) = 0;                         // Errors: invalid, stale_handle
  virtual Result<std::string> get_xattr(InodeId inode, std::string_view name) = 0;  // Errors: no_data, stale_handle
  virtual Result<std::vector<std::string>> list_xattrs(InodeId inode) = 0;          // Errors: stale_handle
  // At most `max` extents that overlap [offset, offset + length), 1 to 10,000. Errors: stale_handle.
  virtual Result<Extents> extents(InodeId inode, uint64_t offset, uint64_t length, uint32_t max) = 0;
  // Whether one of the inode's names is at or below `subtree`; of an orphan: whether its last one was. Inodes that do not
  // exist are not inside.
  virtual Result<bool> is_inside(InodeId inode, InodeId subtree) = 0;
  // The directory whose lease is good for what is known of the inode: itself, or the only one that has a name of it. 0: there
  // is none, or no such inode.
  virtual Result<InodeId> home(InodeId inode) = 0;
  // "/a/b" to its inode; symbolic links are not followed. Errors: no_entry, not_directory.
  virtual Result<InodeId> resolve(std::string_view path) = 0;
  // An inode's path by one of its names, for messages; empty if it has none.
  virtual Result<std::string> path_of(InodeId inode) = 0;
  virtual Counts counts() const = 0;

  // ---------------------------------------------------------------- orphans

  virtual Result<std::vector<InodeId>> orphans(InodeId after, uint32_t limit) = 0;  // by id; after a restart: all of them
  // Takes at most `max_extents` extents from an inode without a name that nobody holds, then the inode itself. Of a directory,
  // which was a snapshot then, first about as many inodes below it.
  // Errors: busy (it has a name). An inode that is gone already is `done`.
  virtual Result<Reaped> reap(InodeId inode, uint32_t max_extents = 1'000) = 0;

  // ---------------------------------------------------------------- blocks

  // One block for each placement, epoch 1, all servers in sync. They are the session's to write into: kept, even while no
  // extent points at them, until they are full, the session has allocated 1,024 newer ones, or it ends. Then a block is
  // deleted as soon as no extent points at it. Errors: fenced.
  virtual Result<std::vector<wire::BlockInfo>> allocate(SessionId session, const std::vector<Placement>& placements) = 0;
  virtual Result<std::optional<wire::BlockInfo>> block(BlockId block) = 0;  // nothing: it does not exist (any more)
  virtual Result<std::vector<wire::BlockInfo>> blocks(const std::vector<BlockId>& ids) = 0;  // without those that don't exist
  // Whether an extent of the inode points into the block: for the token of a confined session. Looks through the
  // extents of the inode.
  virtual Result<bool> uses_block(InodeId inode, BlockId block) = 0;
  virtual Result<bool> allocated_by(BlockId block, SessionId session) = 0;
  // The pages without bytes of any file, of a block that a confined session allocated; the first `most` ranges of them. Freed
  // pages count once their punches are acknowledged.
  virtual Result<std::vector<wire::PageRange>> free_pages(BlockId block, uint32_t most) = 0;
  // A new configuration. A server that is in neither list any more is remembered as having a dropped copy, until it comes
  // back or forget_dropped() is called. Errors: no_entry, stale (epoch is not greater than the block's), invalid (nobody in
  // sync, over max_copies, a server twice). `accepted`: it goes on with a copy that may have lost what was not synced.
  virtual Status set_copy_set(BlockId block, Epoch epoch, const std::vector<ServerId>& in_sync,
                              const std::vector<ServerId>& filling, bool accepted = false) = 0;
  // Blocks whose lists name the server, by id.
  virtual Result<std::vector<wire::BlockInfo>> blocks_on(ServerId server, BlockId after, uint32_t limit) = 0;
  virtual Result<uint64_t> count_on(ServerId server) = 0;  // of them
  virtual Result<std::vector<wire::BlockInfo>> all_blocks(BlockId after, uint32_t limit) = 0;
  // Blocks of which the server has a copy that was dropped from the set, by id; and: that copy was removed.
  virtual Result<std::vector<BlockId>> dropped_on(ServerId server, BlockId after, uint32_t limit) = 0;
  virtual Status forget_dropped(ServerId server, const std::vector<BlockId>& blocks) = 0;
  // Whether the id was given to a block at some time, be it gone or not: a copy of such a block is not a stranger's.
  virtual bool was_block(BlockId block) const = 0;

  // ---------------------------------------------------------------- work that outlives a commit

  virtual Result<std::vector<PendingPunch>> pending_punches(uint64_t after, uint32_t limit) = 0;  // by id
  virtual Status acknowledge_punches(const std::vector<uint64_t>& ids) = 0;                       // idempotent
  // Copies of blocks that are gone, which the server may still have; it may be asked again and again.
  virtual Result<std::vector<BlockId>> pending_deletes(ServerId server, BlockId after, uint32_t limit) = 0;
  virtual Status acknowledge_deletes(ServerId server, const std::vector<BlockId>& blocks) = 0;  // idempotent
  virtual Result<bool> is_pending_delete(ServerId server, BlockId block) = 0;

  // ---------------------------------------------------------------- sessions and servers

  virtual Result<SessionId> create_session(const SessionRecord& record) = 0;  // its `session` is ignored
  virtual Result<std::optional<SessionRecord>> session(SessionId session) = 0;
  virtual Result<std::vector<SessionRecord>> sessions() = 0;
  // Forgets it and its slots, and lets go of its blocks; answers whether pending_deletes() has grown. Idempotent.
  virtual Result<bool> end_session(SessionId session) = 0;

  // Gives a new id. Errors: exists (the name).
  virtual Result<ServerId> register_server(const std::string& name, const wire::Endpoint& endpoint) = 0;
  virtual Result<std::vector<ServerRecord>> servers() = 0;
  virtual Status update_server(const ServerRecord& record) = 0;  // by id. Errors: no_entry
  // Forgets it and what it may still have. Its id is never given again. Errors: no_entry, busy (a block's lists name it).
  virtual Status remove_server(ServerId server) = 0;

  // Numbers that are set while the cluster runs, by name.
  virtual Result<std::map<std::string, uint64_t>> settings() = 0;
  virtual Status change_setting(const std::string& name, uint64_t value) = 0;

  // ---------------------------------------------------------------- the control group

  // Of a namespace that was opened as a group's. Each transaction is stored with its number in the same commit, so that state
  // and number never part.

  // Of the last transaction; {0, 0}: there was none since this namespace is a group's.
  virtual Position position() const = 0;
  // What follows `number`, in order, at least one if there is any, at most about so many bytes. Errors: no_entry (not kept any
  // more).
  virtual Result<std::vector<LoggedChange>> changes_after(uint64_t number, uint64_t most_bytes) = 0;
  // Whether the transaction `at` is this namespace's, as far as the log reaches.
  virtual Result<bool> has_change(Position at) = 0;
  // From here on the log is kept whatever its size; 0: as usual.
  virtual void keep_log_from(uint64_t number) = 0;
  // Transactions of the master, each the one after position(). Durable when it returns. Errors: corrupt (this namespace does
  // not hold what it should).
  virtual Status follow(const std::vector<LoggedChange>& changes) = 0;
  // Takes the last transaction back. Errors: no_entry (what was before it is not known any more).
  virtual Status discard_last() = 0;
  // Within a transaction: this is the term from now on.
  virtual Status take_term(uint64_t term) = 0;
  // Begins a copy of all in a new file. It is ended before the namespace.
  virtual Result<std::unique_ptr<db::BackupFile>> back_up(const std::string& path) = 0;

  // ---------------------------------------------------------------- care

  // Moves what commits wrote from the log into the database, so that no commit has to: call it when idle.
  virtual Status checkpoint() = 0;
  // Reads everything and says what is inconsistent, a sentence each; empty: sound. For tests and tools: takes long.
  virtual Result<std::vector<std::string>> check() = 0;
  // Errors: no_space, io. It lies beside the database, and is removed with the object.
  virtual Result<std::unique_ptr<NamespaceCopy>> begin_copy() = 0;
  // Looks again whether it is so, and does what the remedy says. Within a transaction; may take long.
  virtual Status mend(const Inconsistency& inconsistency) = 0;
  // What SQLite answers to EXPLAIN QUERY PLAN for every statement in use, as "statement: plan". For tests.
  virtual Result<std::vector<std::string>> query_plans() = 0;
};

}  // namespace lace::control
