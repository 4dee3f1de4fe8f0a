// What several messages speak of. Plain structs; a struct names its fields once, in LACE_FIELDS, and the codec does the rest.
// On the wire a struct is a MessagePack array in this order. To extend one, append: a reader that knows fewer fields ignores
// the rest, one that knows more keeps its defaults.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/result.h"

#define LACE_FIELDS(...)                              \
  auto tie_fields() { return std::tie(__VA_ARGS__); } \
  auto tie_fields() const { return std::tie(__VA_ARGS__); }

namespace lace::wire {

// What stat(2) shows, and two versions.
struct Attributes {
  InodeId inode = no_inode;
  uint32_t mode = 0;  // file type and permissions, as in st_mode
  uint32_t links = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t device = 0;  // st_rdev of device files
  uint64_t size = 0;    // bytes
  uint64_t stored = 0;  // bytes that extents cover: st_blocks * 512
  FileTime accessed;
  FileTime modified;
  FileTime changed;
  FileTime born;
  uint64_t change = 0;     // grows with every change to content, attributes or (directories) entries
  uint64_t layout = 0;     // grows whenever extents are removed: what was placed before may be void
  bool has_acl = false;    // whether posix ACL attributes exist: spares a question for most files
  bool has_xattr = false;  // whether any extended attribute exists
  bool frozen = false;     // part of a snapshot: nothing of it can be changed
  LACE_FIELDS(inode, mode, links, uid, gid, device, size, stored, accessed, modified, changed, born, change, layout, has_acl,
              has_xattr, frozen)
};

// A piece of a file: file bytes [offset, offset + length) are block bytes [block_offset, block_offset + length).
// A file offset that no extent covers reads as zero. Extents of a file never overlap.
struct Extent {
  uint64_t offset = 0;
  uint64_t length = 0;
  BlockId block{};
  uint64_t block_offset = 0;
  // Told by control: other files, or other places of this one, may have these pages, too. They are not written in place: what
  // is written goes to pages of its own.
  bool shared = false;
  LACE_FIELDS(offset, length, block, block_offset, shared)
};

// Pages [first, first + count) of a block.
struct PageRange {
  uint32_t first = 0;
  uint32_t count = 0;
  LACE_FIELDS(first, count)
  bool operator==(const PageRange&) const = default;
};

// Where a block is: hard state of the namespace.
struct BlockInfo {
  BlockId block{};
  Epoch epoch = 0;
  std::vector<ServerId> in_sync;   // the first is the primary, which numbers the writes
  std::vector<ServerId> filling;   // take every write, are not read by clients
  std::string token;               // right to this block for a session that is confined to a subtree; else empty
  std::vector<PageRange> pages{};  // that the token is good for; empty: all of them
  std::string seal{};              // with a token: control's word for the lists, that a WriteBlock must show
  Epoch accepted = 0;  // the last that began with a copy that may have lost what was written before and not synced; 0: none
  LACE_FIELDS(block, epoch, in_sync, filling, token, pages, seal, accepted)
};

// An address, and the CURVE public key (Z85, 40 characters) that must answer there. ipc:// needs none.
struct Endpoint {
  std::string url;  // "ipc:///run/lace/control-1" or "tcp://host:7400"
  std::string key;
  LACE_FIELDS(url, key)
  auto operator<=>(const Endpoint&) const = default;
};

enum class ServerState : uint8_t { up = 1, down = 2, draining = 3, read_only = 4, failing = 5 };

// How much of the servers and the network repair may take, on each server. Set at run time.
struct RepairLimits {
  uint64_t fill_bytes_per_second = uint64_t{64} << 20;
  uint32_t fills_at_once = 4;  // copies that are filled at the same time
  uint64_t scrub_bytes_per_second = uint64_t{16} << 20;
  uint32_t scrub_every_hours = 14 * 24;
  LACE_FIELDS(fill_bytes_per_second, fills_at_once, scrub_bytes_per_second, scrub_every_hours)
  bool operator==(const RepairLimits&) const = default;
};

// What a storage server says of its hole copies and of its scrub.
struct RepairFigures {
  uint64_t missed_bytes = 0;           // of the holes since there were none last: ServerInfo::missing_bytes of them are left
  uint64_t fill_bytes_per_second = 0;  // now
  uint64_t corrupt_pages = 0;          // found since the start
  uint64_t healed_pages = 0;           // of pages that were lost, filled again
  uint64_t disk_errors = 0;            // reads and syncs that failed since the start
  bool scrubbing = false;
  uint64_t scrubbed_bytes = 0;  // of this scrub, or of the last
  uint64_t scrub_bytes = 0;     // all there is to read in it
  int64_t scrub_ended = 0;      // the last one that came to its end, seconds since 1970; 0: none did
  uint64_t scrub_order = 0;     // HeartbeatReply's, of the last that was begun
  LACE_FIELDS(missed_bytes, fill_bytes_per_second, corrupt_pages, healed_pages, disk_errors, scrubbing, scrubbed_bytes,
              scrub_bytes, scrub_ended, scrub_order)
};

struct ServerInfo {
  ServerId server{};
  std::string name;  // "storage-1"
  Endpoint endpoint;
  ServerState state = ServerState::down;
  uint64_t capacity_bytes = 0;
  uint64_t used_bytes = 0;
  uint64_t available_bytes = 0;
  uint64_t missing_bytes = 0;             // holes still to fill on it
  uint64_t hole_copy_received_bytes = 0;  // since the server was made
  uint64_t copies = 0;
  RepairFigures repair{};
  uint64_t blocks = 0;  // that count on it; told to tools only
  LACE_FIELDS(server, name, endpoint, state, capacity_bytes, used_bytes, available_bytes, missing_bytes,
              hole_copy_received_bytes, copies, repair, blocks)
};

// An error as it travels; code 0 is success.
struct Outcome {
  uint16_t code = 0;
  std::string what;
  LACE_FIELDS(code, what)
};

inline Status status_of(const Outcome& outcome) {
  if (outcome.code == 0) return {};
  return fail(static_cast<Code>(outcome.code), outcome.what);
}
inline Outcome outcome_of(const Error& error) { return {static_cast<uint16_t>(error.code), error.what}; }

struct Done {  // the reply that says nothing but "done"
  LACE_FIELDS()
};

}  // namespace lace::wire
