// The sessions that are alive, their leases, and which inodes they hold open. Decisions only: no I/O, times are handed in.
// What must survive a restart (SessionRecord) is in the namespace; a session that was loaded from there is `resumed` only
// after its mount said what it holds.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/base/clock.h"
#include "control/namespace/records.h"

namespace lace::control {

struct Session {
  SessionRecord record;
  Instant lease_end;
  bool resumed = true;
  bool fenced = false;  // its lease ended: nothing of it is taken any more, and it is about to be forgotten
  bool sole = false;    // was told that nobody else is there
  std::unordered_set<InodeId> held;
  // Blocks a confined session was shown extents of: it may ask for their tokens again.
  std::unordered_set<BlockId> granted;

  bool confined() const { return record.root != root_inode; }
};

class Sessions {
 public:
  explicit Sessions(Millis lease) : lease_(lease) {}

  // A new one, or (resumed = false) one that the namespace remembers.
  Session& add(SessionRecord record, Instant now, bool resumed);
  Session* find(SessionId session);
  const std::map<SessionId, Session>& all() const { return sessions_; }
  size_t size() const { return sessions_.size(); }

  void renew(Session& session, Instant now) { session.lease_end = now + lease_; }
  // Those whose lease has ended.
  std::vector<SessionId> expired(Instant now) const;
  // Forgets the session; answers which inodes nobody holds any more.
  std::vector<InodeId> remove(SessionId session);

  // It said what it holds.
  void resume(Session& session) {
    session.resumed = true;
    silent_.erase(session.record.session);
  }

  // Idempotent.
  void hold(Session& session, InodeId inode);
  // Answers whether nobody holds the inode any more.
  bool let_go(Session& session, InodeId inode);
  bool is_held(InodeId inode) const { return holders_.contains(inode); }

  // Whether another session may have leases of which it did not tell yet, after a restart.
  bool others_may_have_leases(SessionId session) const;
  // Whether every known session said what it holds: until then nothing that somebody may hold is given away.
  bool all_resumed() const;

  Millis lease() const { return lease_; }

 private:
  const Millis lease_;
  std::map<SessionId, Session> sessions_;
  std::set<SessionId> silent_;                     // may have leases, and did not resume yet
  std::unordered_map<InodeId, uint32_t> holders_;  // how many sessions
};

}  // namespace lace::control
