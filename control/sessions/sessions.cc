#include "control/sessions/sessions.h"

#include <algorithm>

namespace lace::control {

Session& Sessions::add(SessionRecord record, Instant now, bool resumed) {
  Session& session = sessions_[record.session];
  session.record = std::move(record);
  session.resumed = resumed;
  if (!resumed && session.record.leases) silent_.insert(session.record.session);
  renew(session, now);
  return session;
}

Session* Sessions::find(SessionId session) {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? nullptr : &found->second;
}

std::vector<SessionId> Sessions::expired(Instant now) const {
  std::vector<SessionId> ended;
  for (const auto& [id, session] : sessions_) {
    if (now >= session.lease_end) ended.push_back(id);
  }
  return ended;
}

std::vector<InodeId> Sessions::remove(SessionId session) {
  std::vector<InodeId> free;
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return free;
  const std::vector<InodeId> held(found->second.held.begin(), found->second.held.end());
  for (const InodeId inode : held) {
    if (let_go(found->second, inode)) free.push_back(inode);
  }
  sessions_.erase(found);
  silent_.erase(session);
  return free;
}

void Sessions::hold(Session& session, InodeId inode) {
  if (session.held.insert(inode).second) ++holders_[inode];
}

bool Sessions::let_go(Session& session, InodeId inode) {
  if (session.held.erase(inode) == 0) return false;
  const auto found = holders_.find(inode);
  if (--found->second > 0) return false;
  holders_.erase(found);
  return true;
}

bool Sessions::others_may_have_leases(SessionId session) const { return silent_.size() > silent_.count(session); }

bool Sessions::all_resumed() const {
  return std::all_of(sessions_.begin(), sessions_.end(), [](const auto& entry) { return entry.second.resumed; });
}

}  // namespace lace::control
