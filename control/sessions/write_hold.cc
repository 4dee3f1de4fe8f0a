#include "control/sessions/write_hold.h"

#include <utility>
#include <vector>

#include "common/base/log.h"

namespace lace::control {

WriteHold::~WriteHold() {
  for (auto& [id, hold] : holds_) loop_.cancel(hold.timer);
}

WriteHold::Id WriteHold::begin(SessionId except, Millis within, std::function<void(Id, Status)> held) {
  const Id id = next_++;
  Hold& hold = holds_[id];
  hold.except = except;
  hold.held = std::move(held);
  for (const auto& [session, record] : sessions_.all()) {
    if (session == except) continue;
    Held& one = held_[session];
    if (one.holds++ == 0) one = {1, events_.push(session, wire::EventKind::hold_writes), false, false, no_inode};
    hold.waits[session] = one.event;
  }
  hold.timer = loop_.after(within, [this, id] { expired(id); });
  look_at(id);
  return id;
}

void WriteHold::look_at(Id id) {
  const auto found = holds_.find(id);
  if (found == holds_.end() || !found->second.held) return;
  for (const auto& [session, event] : found->second.waits) {
    if (sessions_.find(session) != nullptr && events_.seen(session) < event) return;
  }
  loop_.cancel(found->second.timer);
  std::exchange(found->second.held, nullptr)(id, {});
}

void WriteHold::look() {
  std::erase_if(held_, [&](const auto& each) { return sessions_.find(each.first) == nullptr; });
  std::vector<Id> all;
  for (const auto& [id, hold] : holds_) all.push_back(id);
  for (const Id id : all) look_at(id);
}

void WriteHold::expired(Id id) {
  const auto found = holds_.find(id);
  if (found == holds_.end() || !found->second.held) return;
  for (const auto& [session, event] : found->second.waits) {
    const Session* silent = sessions_.find(session);
    if (silent == nullptr || events_.seen(session) >= event) continue;
    log::warn("control.mount_writes_on", {{"session", raw(session)}, {"mount_point", silent->record.mount_point}});
  }
  std::exchange(found->second.held, nullptr)(id, fail(Code::try_again, "another mount does not stop writing: it may be gone"));
}

bool WriteHold::covers_all(Id id) const {
  const auto found = holds_.find(id);
  if (found == holds_.end()) return false;
  for (const auto& [session, record] : sessions_.all()) {
    if (session != found->second.except && !found->second.waits.contains(session)) return false;
  }
  return true;
}

void WriteHold::end(Id id, InodeId inode) {
  const auto found = holds_.find(id);
  if (found == holds_.end()) return;
  loop_.cancel(found->second.timer);
  const Hold hold = std::move(found->second);
  holds_.erase(found);
  for (const auto& [session, event] : hold.waits) {
    const auto one = held_.find(session);
    if (one == held_.end()) continue;
    Held& held = one->second;
    held.all = held.all || inode == no_inode || (held.any && held.inode != inode);
    held.any = true;
    held.inode = inode;
    if (--held.holds > 0) continue;
    events_.push(session, wire::EventKind::go_on, held.all ? 0 : raw(held.inode));
    held_.erase(one);
  }
}

}  // namespace lace::control
