#include "control/sessions/lease_table.h"

namespace lace::control {

bool LeaseTable::is_free(SessionId session, std::span<const Need> needs) const {
  for (const Need& need : needs) {
    const auto found = directories_.find(need.directory);
    if (found == directories_.end()) continue;
    for (const auto& [holder, held] : found->second.holders) {
      if (holder != session && in_the_way(held, need.access)) return false;
    }
  }
  return true;
}

bool LeaseTable::others_have_any(SessionId session) const { return total_.all > count(session).all; }

void LeaseTable::note_fight(Directory& directory, Instant now) {
  directory.fights = now - directory.recalled < fight_window ? directory.fights + 1 : 1;
  directory.recalled = now;
  if (directory.fights < most_fights) return;
  directory.fights = 0;
  directory.quiet_until = now + quiet;
}

std::vector<LeaseTable::Recall> LeaseTable::recall(SessionId session, std::span<const Need> needs, Instant now) {
  std::vector<Recall> recalls;
  for (const Need& need : needs) {
    const auto found = directories_.find(need.directory);
    if (found == directories_.end()) continue;
    const Asked wanted = need.access == Access::look ? Asked::to_share : Asked::to_end;
    bool fight = false;
    for (auto& [holder, held] : found->second.holders) {
      if (holder == session || !in_the_way(held, need.access) || held.asked >= wanted) continue;
      held.asked = wanted;
      fight = true;
      recalls.push_back({holder, need.directory, wanted == Asked::to_share, last_});
    }
    if (fight) note_fight(found->second, now);
  }
  return recalls;
}

void LeaseTable::given_back(const Recall& recall) {
  const auto found = directories_.find(recall.directory);
  if (found == directories_.end()) return;
  const auto holder = found->second.holders.find(recall.session);
  if (holder == found->second.holders.end() || holder->second.number > recall.number) return;
  if (!recall.shared) {
    take(recall.session, found->second);
    return drop_if_idle(found);
  }
  share(recall.session, holder->second);
  if (holder->second.asked == Asked::to_share) holder->second.asked = Asked::nothing;
}

void LeaseTable::begin(std::span<const Need> needs) {
  for (const Need& need : needs) ++directories_[need.directory].busy;
}

void LeaseTable::end(std::span<const Need> needs) {
  for (const Need& need : needs) {
    const auto found = directories_.find(need.directory);
    if (found == directories_.end()) continue;
    if (found->second.busy > 0) --found->second.busy;
    drop_if_idle(found);
  }
}

std::optional<wire::Lease> LeaseTable::give(SessionId session, InodeId id, bool alone, Instant now) {
  Directory& directory = directories_[id];
  const auto place = directories_.find(id);
  const auto own = directory.holders.find(session);
  const bool has = own != directory.holders.end();
  if (has && own->second.asked != Asked::nothing) return std::nullopt;
  const bool others = directory.holders.size() > (has ? 1 : 0);
  const bool open = directory.busy == 0 && now >= directory.quiet_until;
  for (const auto& [holder, held] : directory.holders) {
    if (holder != session && (held.exclusive != 0 || held.asked != Asked::nothing)) return std::nullopt;
  }
  if (!has && !open) {
    drop_if_idle(place);
    return std::nullopt;
  }
  wire::Lease lease{id, has ? own->second.number : ++last_, has ? own->second.exclusive : 0};
  if (lease.exclusive == 0 && alone && open && !others) lease.exclusive = ++last_;
  put(session, id, directory, lease);
  return lease;
}

void LeaseTable::put(SessionId session, InodeId id, Directory& directory, const wire::Lease& lease) {
  const auto [place, added] = directory.holders.try_emplace(session, Held{lease.number, 0, Asked::nothing});
  Held& held = place->second;
  Holder& holder = holders_[session];
  if (added) {
    ++holder.count.all;
    ++total_.all;
    holder.by_age.emplace(lease.number, id);
  }
  if (held.exclusive == 0 && lease.exclusive != 0) {
    ++holder.count.exclusive;
    ++total_.exclusive;
  }
  held.exclusive = lease.exclusive;
}

void LeaseTable::share(SessionId session, Held& held) {
  if (held.exclusive == 0) return;
  held.exclusive = 0;
  --holders_[session].count.exclusive;
  --total_.exclusive;
}

void LeaseTable::take(SessionId session, Directory& directory) {
  const auto found = directory.holders.find(session);
  if (found == directory.holders.end()) return;
  share(session, found->second);
  Holder& holder = holders_[session];
  holder.by_age.erase(found->second.number);
  --total_.all;
  if (--holder.count.all == 0) holders_.erase(session);
  directory.holders.erase(found);
}

void LeaseTable::made(SessionId session, InodeId id) {
  Directory& directory = directories_[id];
  if (!directory.holders.empty()) return;
  const uint64_t number = ++last_;
  put(session, id, directory, {id, number, ++last_});
}

void LeaseTable::restore(SessionId session, const wire::Lease& lease) {
  if (lease.directory == no_inode) return;
  Directory& directory = directories_[lease.directory];
  if (directory.holders.contains(session)) return;
  // Its own number may be one that the directory's maker chose: here each has its own.
  const uint64_t number = ++last_;
  put(session, lease.directory, directory, {lease.directory, number, lease.exclusive != 0 ? ++last_ : 0});
}

void LeaseTable::forget(InodeId id) {
  const auto found = directories_.find(id);
  if (found == directories_.end()) return;
  while (!found->second.holders.empty()) take(found->second.holders.begin()->first, found->second);
  drop_if_idle(found);
}

void LeaseTable::release(SessionId session) {
  const auto holder = holders_.find(session);
  if (holder == holders_.end()) return;
  const auto leases = holder->second.by_age;
  for (const auto& [number, id] : leases) {
    const auto found = directories_.find(id);
    take(session, found->second);
    drop_if_idle(found);
  }
}

std::vector<LeaseTable::Recall> LeaseTable::surplus(SessionId session) {
  std::vector<Recall> recalls;
  const auto holder = holders_.find(session);
  if (holder == holders_.end() || holder->second.count.all <= most_of_session) return recalls;
  uint64_t over = holder->second.count.all - most_of_session;
  for (auto oldest = holder->second.by_age.begin(); over > 0; ++oldest, --over) {
    Held& held = directories_.at(oldest->second).holders.at(session);
    if (held.asked == Asked::to_end) continue;
    held.asked = Asked::to_end;
    recalls.push_back({session, oldest->second, false, last_});
  }
  return recalls;
}

bool LeaseTable::is_changed_by_other(SessionId session, InodeId id) const {
  const Need need{id, Access::look};
  return !is_free(session, {&need, 1});
}

void LeaseTable::drop_if_idle(Directories::iterator directory) {
  const Directory& at = directory->second;
  if (at.holders.empty() && at.busy == 0 && at.fights == 0 && at.quiet_until == Instant{}) directories_.erase(directory);
}

void LeaseTable::tidy(Instant now) {
  for (auto at = directories_.begin(); at != directories_.end();) {
    const auto next = std::next(at);
    Directory& directory = at->second;
    if (now - directory.recalled >= fight_window) directory.fights = 0;
    if (now >= directory.quiet_until) directory.quiet_until = {};
    drop_if_idle(at);
    at = next;
  }
}

LeaseTable::Count LeaseTable::count(SessionId session) const {
  const auto found = holders_.find(session);
  return found == holders_.end() ? Count{} : found->second.count;
}

}  // namespace lace::control
