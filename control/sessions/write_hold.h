// Before pages become shared, nobody may be about to write into them: an extent that a mount knows may be the very one. So the
// mounts of all other sessions are told to finish what they are writing, to have told control where it is, and to wait
// (EventKind::hold_writes); when all have said that they do, the pages are shared, and they are told to go on, and that what
// they knew of extents is void. So the pages are shared at one moment of all mounts: no write is half in a copy, and none is in
// it without one that was answered before it.
//
// A session that does not say it within the limit keeps the pages from being shared; one whose mount is gone is no obstacle
// any more when its lease is over and it is out of the table, because then storage refuses what it sends. What is held is not
// remembered over a restart of control: mounts see the new term, and go on as if they had been told.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "common/net/transport.h"
#include "control/sessions/events.h"
#include "control/sessions/sessions.h"

namespace lace::control {

// Loop thread only. What it is handed outlives it.
class WriteHold {
 public:
  WriteHold(net::Loop& loop, Sessions& sessions, Events& events) : loop_(loop), sessions_(sessions), events_(events) {}
  ~WriteHold();

  using Id = uint64_t;
  // `held` is called, maybe at once, when all sessions but this one have said that they wait. Errors: try_again (one did not,
  // within the limit).
  Id begin(SessionId except, Millis within, std::function<void(Id, Status)> held);
  Instant deadline(Millis within) const { return loop_.clock().now() + within; }
  // Whether nobody has come since who is not held: to be asked where the pages are shared, in one go with it.
  bool covers_all(Id id) const;
  // They go on. Extents of this inode are void; no_inode: those of all.
  void end(Id id, InodeId inode);
  // A session has acknowledged events, or has ended.
  void look();

 private:
  struct Hold {
    SessionId except{};
    std::map<SessionId, uint64_t> waits;   // the event that each has to acknowledge
    std::function<void(Id, Status)> held;  // null: it was called
    net::TimerId timer{};
  };
  struct Held {  // a session
    uint32_t holds = 0;
    uint64_t event = 0;
    bool any = false;  // of the holds that ended
    bool all = false;  // extents of all inodes are void
    InodeId inode{};   // else of this one
  };
  void look_at(Id id);
  void expired(Id id);

  net::Loop& loop_;
  Sessions& sessions_;
  Events& events_;
  std::map<Id, Hold> holds_;
  std::map<SessionId, Held> held_;
  Id next_ = 1;
};

}  // namespace lace::control
