// What is said to storage servers, and what they say to control.
#pragma once

#include "common/wire/kind.h"
#include "common/wire/types.h"

namespace lace::wire {

// ---------------------------------------------------------------- client -> storage

struct Written {
  bool synced = false;  // as was asked for: it is on stable storage, with all that was answered before it was sent
  LACE_FIELDS(synced)
};
// To the primary, with the bytes as payload (1 to max_io_bytes). It applies the write and forwards it to the other members;
// the reply means that every member has it: in memory, unless it says `synced`. Where that was asked for and takes long or
// fails, the reply comes without it, and SyncBlocks is to follow. A copy that does not exist yet is made.
// The token must be good for every page that the bytes touch; so must a ReadBlock's.
// Errors: stale (epoch is not the copy's, the server is not the primary, or its lease ran out: ask control for the block),
// unavailable (a member did not take it: `what` says which; control has been or must be told), no_space, denied, corrupt.
struct WriteBlock {
  static constexpr Kind kind = Kind::write_block;
  using Reply = Written;
  std::string token;
  BlockId block{};
  Epoch epoch = 0;
  uint64_t offset = 0;            // in the block; offset + payload at most block_bytes
  std::vector<ServerId> in_sync;  // as in BlockInfo; the receiver is the first
  std::vector<ServerId> filling;
  InodeId inode{};  // whose bytes these are, and where in it: kept with the copy for rescue
  uint64_t file_offset = 0;
  std::string seal{};  // BlockInfo's; only with a token that is for one block: who is confined does not say who the members are
  bool sync = false;   // every member, those that are being filled too, is to make it durable before it answers
  LACE_FIELDS(token, block, epoch, offset, in_sync, filling, inode, file_offset, seal, sync)
};

struct DataRange {
  uint64_t offset = 0;  // in the block
  uint64_t length = 0;
  LACE_FIELDS(offset, length)
};
struct ReadBlockReply {
  std::vector<DataRange> data;  // by offset; the payload is their bytes, one after another. What lies between is zero.
  LACE_FIELDS(data)
};
// To any in-sync member. A copy that nobody has written yet is all zero.
// Errors: stale (as above), corrupt (a page does not match its checksum: read another copy), denied, unavailable (filling).
struct ReadBlock {
  static constexpr Kind kind = Kind::read_block;
  using Reply = ReadBlockReply;
  std::string token;
  BlockId block{};
  Epoch epoch = 0;
  uint64_t offset = 0;
  uint64_t length = 0;  // 1 to max_io_bytes
  ServerId to{};        // who is asked: another one may have its address now. 0: whoever is there
  LACE_FIELDS(token, block, epoch, offset, length, to)
};

struct OpenCopyReply {
  std::string path;     // of the copy's file (common/copyfile/format.h), absolute
  uint64_t device = 0;  // which file it is: st_dev and st_ino; another one may be there for whoever sees other mounts
  uint64_t file = 0;
  std::string cluster;       // that its identity page must name
  uint64_t incarnation = 0;  // of the server, and of its trust in its disk: what another one said of its copies is void
  uint32_t lease_ms = 0;     // from the moment this was asked, copies of this server may be read, each as long as its identity
                             // page says `whole` and the epoch that control tells
  LACE_FIELDS(path, device, file, cluster, incarnation, lease_ms)
};
// From a client of the same machine that may read every block: where the copy lies, to read it without asking. Whether the
// client may open the file is for the operating system to say. Every page is to be checked against its entry in the page
// table; what does not match is being written, or broken: then the server is asked.
// Errors: denied (another machine's client, a confined one, or the server does not share), stale, unavailable, no_entry.
struct OpenCopy {
  static constexpr Kind kind = Kind::open_copy;
  using Reply = OpenCopyReply;
  std::string token;
  BlockId block{};
  Epoch epoch = 0;
  ServerId to{};  // as in ReadBlock
  LACE_FIELDS(token, block, epoch, to)
};

struct BlockEpoch {
  BlockId block{};
  Epoch epoch = 0;
  LACE_FIELDS(block, epoch)
};
struct SyncBlocksReply {
  std::vector<Outcome> outcomes;  // one for each block
  LACE_FIELDS(outcomes)
};
// To every member: all writes answered before this was sent are on stable storage when it is answered. Any token with a right
// to write in the block will do, whatever pages it names.
struct SyncBlocks {
  static constexpr Kind kind = Kind::sync_blocks;
  using Reply = SyncBlocksReply;
  std::string token;  // one right for all of them, or
  std::vector<BlockEpoch> blocks;
  std::vector<std::string> tokens;  // one for each block, where `token` is empty
  ServerId to{};                    // as in ReadBlock
  LACE_FIELDS(token, blocks, tokens, to)
};

// ---------------------------------------------------------------- storage -> storage

// Primary to member, with payload, in the primary's order per block. `number` grows by one with every write of this block
// and epoch that the primary forwards, so that a member can tell a lost or repeated one.
struct ForwardWrite {
  static constexpr Kind kind = Kind::forward_write;
  using Reply = Written;
  std::string pass;  // keyed proof that a storage server of this cluster says it
  BlockId block{};
  Epoch epoch = 0;
  uint64_t number = 0;
  uint64_t offset = 0;
  InodeId inode{};
  uint64_t file_offset = 0;
  uint64_t stream = 0;  // numbers count within it: the writes of one primary process to the block at this epoch
  bool sync = false;    // as WriteBlock's
  ServerId to{};        // as in ReadBlock
  LACE_FIELDS(pass, block, epoch, number, offset, inode, file_offset, stream, sync, to)
};

struct PageRun {
  uint32_t page = 0;  // first page, 0 to block_pages - 1
  uint32_t count = 0;
  Epoch epoch = 0;    // of their last write
  bool zero = false;  // no bytes in the payload
  LACE_FIELDS(page, count, epoch, zero)
};
struct FetchPagesReply {
  std::vector<PageRun> runs;         // pages asked for that were written; the others never were. Payload: their bytes.
  uint32_t next_page = 0;            // go on here; block_pages: that was all
  std::vector<PageRange> missing{};  // pages asked for that the source has lost itself; only for who asked to be told
  LACE_FIELDS(runs, next_page, missing)
};
// The hole copy: the bytes of those holes that were written after `start`, up to about max_io_bytes of them.
// Errors: stale (the source is not at `end`), corrupt, unavailable.
struct FetchPages {
  static constexpr Kind kind = Kind::fetch_pages;
  using Reply = FetchPagesReply;
  std::string pass;
  BlockId block{};
  Epoch start = 0;               // the destination has everything up to this epoch; 0: nothing
  Epoch end = 0;                 // the epoch it must reach
  std::vector<DataRange> holes;  // page-aligned; empty: the whole block
  bool partial = false;          // `missing` is heard; else a page that the source has lost is an error
  ServerId to{};                 // as in ReadBlock
  LACE_FIELDS(pass, block, start, end, holes, partial, to)
};

struct ComparePagesReply {
  std::vector<PageRun> runs;      // pages that were written after `base`
  std::vector<uint64_t> digests;  // of the units, in order: of what is in their other pages
  LACE_FIELDS(runs, digests)
};
// Before a hole copy into a copy that was away: which of its pages are as the source's. Both have what was written up to
// `base`, except for writes that were under way when the copy was left behind; so pages written later are named, and the others
// are compared by digests (common/copyfile/digest.h). Errors: as FetchPages.
struct ComparePages {
  static constexpr Kind kind = Kind::compare_pages;
  using Reply = ComparePagesReply;
  std::string pass;
  BlockId block{};
  Epoch base = 0;
  Epoch end = 0;                // the source's
  uint32_t unit = 1;            // pages of a unit, a divisor of block_pages
  std::vector<uint32_t> units;  // by number, growing; empty: all of them
  ServerId to{};                // as in ReadBlock
  LACE_FIELDS(pass, block, base, end, unit, units, to)
};

// ---------------------------------------------------------------- storage -> control

struct RegisterServerReply {
  ServerId server{};
  std::string cluster;
  uint64_t term = 0;
  std::string secret;  // for tokens and passes; 32 bytes
  LACE_FIELDS(server, cluster, term, secret)
};
// At start-up, after a restart of control, and whenever a heartbeat is refused. Before the copies were reported and control
// answered, the server serves nothing. Errors: denied (another cluster's data directory, a name in use by a living server).
struct RegisterServer {
  static constexpr Kind kind = Kind::register_server;
  using Reply = RegisterServerReply;
  std::string cluster;  // empty: a new server
  ServerId server{};    // 0: a new server
  std::string name;
  Endpoint endpoint;
  uint64_t incarnation = 0;  // random per process start
  uint64_t capacity_bytes = 0;
  uint64_t used_bytes = 0;
  uint64_t available_bytes = 0;
  std::string
      disk{};  // servers whose data lies on one disk say the same (host and device), so that it is counted once; or empty
  LACE_FIELDS(cluster, server, name, endpoint, incarnation, capacity_bytes, used_bytes, available_bytes, disk)
};

enum class CopyState : uint8_t {
  whole = 1,    // has everything up to its epoch
  filling = 2,  // has holes that are being filled
  suspect = 3,  // un-synced writes may have been lost in a crash of the machine
  gone = 4,     // was removed
};
struct CopyReport {
  BlockId block{};
  Epoch epoch = 0;
  CopyState state{};
  uint64_t missing_bytes = 0;
  LACE_FIELDS(block, epoch, state, missing_bytes)
};
struct ReportCopiesReply {
  std::vector<BlockId> quarantine;  // copies that the namespace does not know: set aside, kept
  std::vector<BlockId> discard;     // copies that are stale: replaced by better ones, or will be
  LACE_FIELDS(quarantine, discard)
};
// The full report, in pages of at most 10,000 in order of the block's id; the last one says so.
struct ReportCopies {
  static constexpr Kind kind = Kind::report_copies;
  using Reply = ReportCopiesReply;
  ServerId server{};
  uint64_t incarnation = 0;
  bool first = false;
  bool last = false;
  std::vector<CopyReport> copies;
  LACE_FIELDS(server, incarnation, first, last, copies)
};

struct HeartbeatReply {
  uint64_t term = 0;
  uint32_t lease_ms = 0;            // from the moment the heartbeat was sent; then the server refuses reads and writes
  std::vector<ServerInfo> servers;  // so that primaries find the other members
  std::vector<SessionId> fenced;    // sessions whose tokens are void; those of the last minute, always all
  RepairLimits limits{};
  uint64_t scrub_order = 0;          // grows when a scrub is to begin now
  std::vector<Endpoint> controls{};  // where the control group is; empty: where it was asked
  LACE_FIELDS(term, lease_ms, servers, fenced, limits, scrub_order, controls)
};
// Every heartbeat interval. Errors: fenced (unknown server or incarnation, or other term: register again).
struct Heartbeat {
  static constexpr Kind kind = Kind::heartbeat;
  using Reply = HeartbeatReply;
  ServerId server{};
  uint64_t incarnation = 0;
  uint64_t capacity_bytes = 0;
  uint64_t used_bytes = 0;
  uint64_t available_bytes = 0;
  uint64_t missing_bytes = 0;
  uint64_t hole_copy_received_bytes = 0;
  uint64_t copies = 0;
  std::vector<CopyReport> changed;  // since the last heartbeat that was answered: filled, corrupt, gone
  RepairFigures repair{};
  LACE_FIELDS(server, incarnation, capacity_bytes, used_bytes, available_bytes, missing_bytes, hole_copy_received_bytes, copies,
              changed, repair)
};

// ---------------------------------------------------------------- control -> storage (guarded by `pass` and the term)

// Moves a copy to another epoch. A copy that does not exist yet (nobody has written the block) is made there, all zero, so that
// requests of older epochs are refused from then on. A suspect copy is accepted as it is: no better one exists.
// Errors of one change: stale (the copy is neither at `from` nor at `to`).
struct EpochChange {
  BlockId block{};
  Epoch from = 0;  // the copy must be at this epoch (or at `to` already); 0: make a new one, all holes
  Epoch to = 0;
  bool filling = false;  // the copy is to be filled: one big hole, or (`keep`) what it has is to be compared with its source
  bool dropped = false;  // the server is no member any more: it keeps the bytes, but refuses to read or write the block at any
                         // epoch (`stale`) and reports the copy as suspect, until the block is deleted or comes back as filling
  bool keep = false;
  LACE_FIELDS(block, from, to, filling, dropped, keep)
};
struct OutcomesReply {
  std::vector<Outcome> outcomes;  // one for each, in order
  LACE_FIELDS(outcomes)
};
struct SetEpochs {
  static constexpr Kind kind = Kind::set_epochs;
  using Reply = OutcomesReply;
  std::string pass;
  std::vector<EpochChange> changes;
  LACE_FIELDS(pass, changes)
};
struct DeleteBlocks {  // idempotent
  static constexpr Kind kind = Kind::delete_blocks;
  using Reply = Done;
  std::string pass;
  std::vector<BlockId> blocks;
  LACE_FIELDS(pass, blocks)
};
struct BlockPunch {
  BlockId block{};
  Epoch epoch = 0;
  uint64_t offset = 0;  // page-aligned, as is length
  uint64_t length = 0;
  LACE_FIELDS(block, epoch, offset, length)
};
struct PunchBlocks {  // idempotent; gives the space back to the disk
  static constexpr Kind kind = Kind::punch_blocks;
  using Reply = OutcomesReply;
  std::string pass;
  std::vector<BlockPunch> punches;
  LACE_FIELDS(pass, punches)
};
struct FillOrder {  // of a copy that is filling, or of one that counts and has lost pages
  BlockId block{};
  Epoch epoch = 0;
  ServerId source{};
  std::vector<ServerId> others{};  // further sources, to be used beside the first, or where it fails
  LACE_FIELDS(block, epoch, source, others)
};
struct FillBlocks {  // answered when accepted; Heartbeat::changed tells when each is whole
  static constexpr Kind kind = Kind::fill_blocks;
  using Reply = OutcomesReply;
  std::string pass;
  std::vector<FillOrder> orders;
  LACE_FIELDS(pass, orders)
};

// A control server has become the master: register there. Errors: stale (of an older term).
struct AnnounceMaster {
  static constexpr Kind kind = Kind::announce_master;
  using Reply = Done;
  std::string pass;
  uint64_t term = 0;
  std::vector<Endpoint> endpoints;  // of the master, then of the other members of its group
  LACE_FIELDS(pass, term, endpoints)
};

struct InspectBlockReply {
  bool exists = false;
  Epoch epoch = 0;
  CopyState state{};  // `gone` without a copy: removed here, or told to leave; it refuses the block
  uint64_t stored_bytes = 0;
  uint64_t missing_bytes = 0;
  std::vector<PageRun> runs;  // the account of its pages, merged
  LACE_FIELDS(exists, epoch, state, stored_bytes, missing_bytes, runs)
};
// Errors: denied.
struct InspectBlock {
  static constexpr Kind kind = Kind::inspect_block;
  using Reply = InspectBlockReply;
  BlockId block{};
  std::string token{};  // of a tool, from InspectInodeReply; or
  std::string pass{};   // control's
  LACE_FIELDS(block, token, pass)
};

}  // namespace lace::wire
