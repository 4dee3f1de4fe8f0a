// What the control servers of a group say to each other, and what tools ask of a group. The bytes of transactions and of
// snapshots are payload.
#pragma once

#include "common/wire/kind.h"
#include "common/wire/types.h"

namespace lace::wire {

struct GroupMember {
  std::string name;  // "control-1"; unique
  std::vector<Endpoint> endpoints;
  LACE_FIELDS(name, endpoints)
  bool operator==(const GroupMember&) const = default;
};

struct GroupPosition {
  uint64_t term = 0;
  uint64_t number = 0;
  LACE_FIELDS(term, number)
};

// ---------------------------------------------------------------- master -> slave

struct GroupBeaconReply {
  uint64_t term = 0;       // the newest the slave knows of
  GroupPosition position;  // of its last transaction
  LACE_FIELDS(term, position)
};
// "I serve in this term." Whoever answers will not take over for a while (GroupTiming::promise). Errors: stale (the term is
// over, or the slave is about to take over).
struct GroupBeacon {
  static constexpr Kind kind = Kind::group_beacon;
  using Reply = GroupBeaconReply;
  uint64_t term = 0;
  std::string master;
  bool in_sync = false;  // whether the record says so of the receiver
  LACE_FIELDS(term, master, in_sync)
};

struct ShippedChange {
  GroupPosition at;
  uint64_t bytes = 0;
  LACE_FIELDS(at, bytes)
};
struct ShipChangesReply {
  GroupPosition position;      // of the slave's last transaction; {0, 0}: it has nothing that could be gone on from
  uint64_t partial_bytes = 0;  // of the transaction behind it, that are here already
  uint64_t applied = 0;        // number of the last commit in it
  LACE_FIELDS(position, partial_bytes, applied)
};
// Transactions that follow `previous`, their changes one after the other in the payload; of a large one a part, from `offset`
// on. A slave that is at another position changes nothing, and says where it is: so an empty message asks.
struct ShipChanges {
  static constexpr Kind kind = Kind::ship_changes;
  using Reply = ShipChangesReply;
  uint64_t term = 0;
  std::string master;
  GroupPosition previous;
  std::vector<ShippedChange> changes;
  uint64_t offset = 0;
  bool discard = false;   // the group does not have the slave's last transaction, which is `previous`: take it back
  bool snapshot = false;  // the log does not reach back to the slave: it is to fetch a snapshot
  LACE_FIELDS(term, master, previous, changes, offset, discard, snapshot)
};

// To the member that the record names as the next master.
struct TakeOver {
  static constexpr Kind kind = Kind::take_over;
  using Reply = Done;
  uint64_t term = 0;
  LACE_FIELDS(term)
};

// ---------------------------------------------------------------- slave -> master

struct JoinGroupReply {
  uint64_t term = 0;
  std::string cluster;
  LACE_FIELDS(term, cluster)
};
// "I am a member, and not in sync." Errors: unavailable (not the master), denied (of another cluster).
struct JoinGroup {
  static constexpr Kind kind = Kind::join_group;
  using Reply = JoinGroupReply;
  std::string cluster;  // of its namespace; empty: it has none
  GroupMember member;
  LACE_FIELDS(cluster, member)
};

struct FetchSnapshotReply {
  uint64_t snapshot = 0;  // 0: it is being made, ask again
  uint64_t total_bytes = 0;
  LACE_FIELDS(snapshot, total_bytes)
};
// A piece of a copy of the namespace, as payload. A snapshot that is not there any more is answered with another one's number
// and no bytes: begin again.
struct FetchSnapshot {
  static constexpr Kind kind = Kind::fetch_snapshot;
  using Reply = FetchSnapshotReply;
  uint64_t snapshot = 0;  // 0: any
  uint64_t offset = 0;
  uint64_t most_bytes = 0;  // at most 4 MiB
  LACE_FIELDS(snapshot, offset, most_bytes)
};

// ---------------------------------------------------------------- tools -> master

// The member becomes the master as soon as it holds everything. Errors: no_entry, unavailable (it is not in sync), invalid (a
// server without a group).
struct PromoteControl {
  static constexpr Kind kind = Kind::promote_control;
  using Reply = Done;
  std::string name;
  LACE_FIELDS(name)
};
// The member leaves the group for good. Errors: no_entry, invalid (it is the master, or there is no group).
struct RemoveControl {
  static constexpr Kind kind = Kind::remove_control;
  using Reply = Done;
  std::string name;
  LACE_FIELDS(name)
};

// ---------------------------------------------------------------- the record

// Who is master, and who holds everything that was ever acknowledged: the one value that is kept outside of the group, changed
// by compare-and-swap only.
struct GroupRecord {
  std::string cluster;
  uint64_t term = 0;
  std::string master;
  std::vector<GroupMember> members;
  std::vector<std::string> in_sync;  // the master is one of them
  LACE_FIELDS(cluster, term, master, members, in_sync)
};

}  // namespace lace::wire
