#include "control/group/mastership.h"

#include <algorithm>

#include "common/base/check.h"

namespace lace::control {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void put(std::vector<wire::GroupMember>& members, const wire::GroupMember& member) {
  for (wire::GroupMember& known : members) {
    if (known.name == member.name) return void(known = member);
  }
  members.push_back(member);
}

}  // namespace

std::vector<Mastership::Effect> Mastership::step(Instant now, const Event& event) {
  Effects out;
  if (role_ == Role::over) return out;
  notice_stall(now);
  std::visit([&](const auto& what) { on(now, what, out); }, event);
  return out;
}

// A master that stood still hears only now the answers that came meanwhile: nobody is thrown out for that.
void Mastership::notice_stall(Instant now) {
  const Instant before = std::exchange(stepped_, now);
  if (role_ != Role::master || now - before <= 3 * timing_.beacon) return;
  for (auto& [name, peer] : peers_) peer.leaves_at = std::max(peer.leaves_at, now + timing_.patience / 2);
}

bool Mastership::in_sync(const std::string& member) const { return contains(stored_.record.in_sync, member); }

std::vector<wire::GroupMember> Mastership::members() const {
  std::vector<wire::GroupMember> all = stored_.record.members;
  for (const auto& [name, member] : joined_) put(all, member);
  std::erase_if(all, [&](const auto& member) { return removed_.contains(member.name); });
  return all;
}

std::set<std::string> Mastership::required() const {
  std::set<std::string> names(stored_.record.in_sync.begin(), stored_.record.in_sync.end());
  for (const auto& [name, peer] : peers_) {
    if (peer.entering) names.insert(name);
  }
  names.erase(name());
  return names;
}

bool Mastership::may_speak(Instant now) const {
  if (role_ != Role::master || purpose_ == Purpose::hand_over) return false;
  const auto holds = [&](const std::string& name) {
    const auto peer = peers_.find(name);
    return peer != peers_.end() && now < peer->second.lease_end;
  };
  const auto needed = required();
  return std::all_of(needed.begin(), needed.end(), holds);
}

bool Mastership::answers(const std::string& member, Instant since) const {
  const auto peer = peers_.find(member);
  return peer != peers_.end() && peer->second.lease_end > since + timing_.lease;
}

// ---------------------------------------------------------------- the register

void Mastership::look(Effects& out) {
  CHECK(step_ == Step::idle);
  purpose_ = Purpose::look;
  step_ = Step::reading;
  out.emplace_back(ReadRecord{});
}

void Mastership::swap(Purpose purpose, wire::GroupRecord record, Effects& out) {
  CHECK(step_ == Step::idle);
  purpose_ = purpose;
  step_ = Step::swapping;
  asked_ = std::move(record);
  out.emplace_back(SwapRecord{stored_.revision, asked_});
}

void Mastership::pause(Instant now, bool swap_again) {
  step_ = Step::pausing;
  swap_again_ = swap_again;
  ask_at_ = now + timing_.retry;
}

void Mastership::go_on(Effects& out) {
  step_ = swap_again_ ? Step::swapping : Step::reading;
  if (swap_again_) {
    out.emplace_back(SwapRecord{stored_.revision, asked_});
  } else {
    out.emplace_back(ReadRecord{});
  }
}

// A swap whose outcome is not known is asked for again, from the same revision: of the two at most one happens, and after the
// answer none can happen any more.
void Mastership::on(Instant now, const Swapped& event, Effects& out) {
  if (step_ != Step::swapping) return;
  if (!event.revision) return pause(now, true);
  if (*event.revision == 0) {
    step_ = Step::reading;
    out.emplace_back(ReadRecord{});
    return;
  }
  step_ = Step::idle;
  settle(now, std::exchange(purpose_, Purpose::nothing), Stored{asked_, *event.revision}, out);
}

void Mastership::on(Instant now, const RecordRead& event, Effects& out) {
  if (step_ != Step::reading) return;
  if (!event.stored) {
    if (event.stored.error().code == Code::corrupt) out.emplace_back(Refuse{event.stored.error()});
    return pause(now, false);
  }
  step_ = Step::idle;
  ask_at_ = now + timing_.retry;
  settle(now, std::exchange(purpose_, Purpose::nothing), *event.stored, out);
}

// What was asked for is over: the record is `stored`, whoever made it so.
void Mastership::settle(Instant now, Purpose purpose, const std::optional<Stored>& stored, Effects& out) {
  const bool as_asked = stored && stored->record.cluster == asked_.cluster && stored->record.term == asked_.term &&
                        stored->record.master == asked_.master;
  if (role_ == Role::master) {
    if (!stored) return end("the group's record is gone from the register", out);
    if (purpose == Purpose::hand_over && as_asked) return end("handed over", out, asked_.master);
    if (stored->record.term != term_) return end(stored->record.master + " has taken over", out, stored->record.master);
    stored_ = *stored;
    return;
  }
  if ((purpose == Purpose::found || purpose == Purpose::lead) && as_asked) {
    stored_ = *stored;
    return lead(now, out);
  }
  take_record(now, stored, out);
}

// ---------------------------------------------------------------- a member that does not lead

void Mastership::found(Effects& out) {
  CHECK(!self_.cluster.empty());
  stored_.revision = 0;
  swap(Purpose::found, {self_.cluster, self_.term + 1, name(), {self_.member}, {name()}}, out);
}

void Mastership::take_record(Instant now, const std::optional<Stored>& stored, Effects& out) {
  if (!stored) {
    if (self_.founds) return found(out);
    out.emplace_back(
        Refuse{{Code::no_entry,
                "this namespace belongs to a group whose record is not there: look for it with --etcd and --group, or, "
                "if it is lost and this member holds the newest state, make another with --new-group"}});
    return;
  }
  const wire::GroupRecord& record = stored->record;
  if (!self_.cluster.empty() && record.cluster != self_.cluster) {
    out.emplace_back(Refuse{{Code::denied, "the group is of cluster " + record.cluster + ", and this data directory of " +
                                               self_.cluster + ": use another --group, or an empty data directory"}});
    return;
  }
  const bool newer = record.term > term_;
  stored_ = *stored;
  if (newer) {
    term_ = record.term;
    master_ = record.master;
  }
  const bool holds_all = in_sync(name()) && !self_.cluster.empty();  // whoever lost its namespace does not
  if (role_ == Role::starting) {
    role_ = Role::slave;
    promise_end_ = now + timing_.promise;                      // one that was given before the start may still run
    if (holds_all && record.master == name()) take_over(out);  // nobody else does
    return;
  }
  if (newer) {
    promise_end_ = now + timing_.promise;
    if (holds_all && record.master == name()) lead(now, out);  // it was handed over
    return;
  }
  if (record.term < term_ || now < promise_end_) return;
  if (holds_all) return take_over(out);
  promise_end_ = now + timing_.wait_for_master;
}

void Mastership::take_over(Effects& out) {
  wire::GroupRecord record = stored_.record;
  if (record.master != name()) std::erase(record.in_sync, record.master);
  ++record.term;
  record.master = name();
  put(record.members, self_.member);
  swap(Purpose::lead, std::move(record), out);
}

bool Mastership::take_beacon(Instant now, const wire::GroupBeacon& beacon) {
  if (role_ != Role::slave || beacon.term < term_) return false;
  if (purpose_ == Purpose::lead || purpose_ == Purpose::found) return false;  // no promise could be kept
  term_ = beacon.term;
  master_ = beacon.master;
  promise_end_ = now + timing_.promise;
  return true;
}

// ---------------------------------------------------------------- the master

void Mastership::lead(Instant now, Effects& out) {
  role_ = Role::master;
  term_ = stored_.record.term;
  master_ = name();
  for (const wire::GroupMember& member : stored_.record.members) {
    if (member.name != name()) peers_[member.name] = {now, now + timing_.patience};
  }
  out.emplace_back(Lead{term_});
}

void Mastership::end(std::string why, Effects& out, std::string to) {
  role_ = Role::over;
  out.emplace_back(Over{std::move(why), std::move(to)});
}

void Mastership::join(const wire::GroupMember& member) {
  if (role_ != Role::master || member.name == name()) return;
  joined_[member.name] = member;
  removed_.erase(member.name);
  peers_.try_emplace(member.name);
}

void Mastership::on(Instant now, const Tick&, Effects& out) {
  if (step_ == Step::pausing && now >= ask_at_) return go_on(out);
  if (step_ != Step::idle) return;
  if (role_ == Role::master) return hand_over_to_.empty() ? change_record(now, out) : hand_over(out);
  const bool record_is_old = stored_.record.term < term_;
  if (role_ == Role::starting || (now >= ask_at_ && (record_is_old || now >= promise_end_))) look(out);
}

void Mastership::change_record(Instant now, Effects& out) {
  wire::GroupRecord wanted = wanted_record(now);
  if (wanted.in_sync == stored_.record.in_sync && wanted.members == stored_.record.members) return;
  swap(Purpose::change, std::move(wanted), out);
}

wire::GroupRecord Mastership::wanted_record(Instant now) {
  wire::GroupRecord wanted = stored_.record;
  for (const auto& [name, member] : joined_) put(wanted.members, member);
  std::erase_if(wanted.members, [&](const auto& member) { return removed_.contains(member.name); });
  std::erase_if(wanted.in_sync, [&](const std::string& member) {
    if (member == name()) return false;
    const auto peer = peers_.find(member);
    return removed_.contains(member) || peer == peers_.end() || peer->second.lags || now >= peer->second.leaves_at;
  });
  for (auto& [name, peer] : peers_) {
    if (!peer.entering) continue;
    if (contains(stored_.record.in_sync, name) || peer.lags || now >= peer.lease_end) {
      peer.entering = false;  // it is in, or was lost on the way
    } else if (!removed_.contains(name)) {
      wanted.in_sync.push_back(name);
    }
  }
  return wanted;
}

void Mastership::on(Instant, const BeaconAnswered& event, Effects&) {
  const auto peer = peers_.find(event.by);
  if (role_ != Role::master || peer == peers_.end()) return;
  peer->second.lease_end = std::max(peer->second.lease_end, event.sent + timing_.lease);
  peer->second.leaves_at = std::max(peer->second.leaves_at, event.sent + timing_.patience);
}

void Mastership::on(Instant now, const NewerTermSeen& event, Effects& out) {
  if (event.term <= term_) return;
  if (role_ == Role::master) return end("a newer term was seen", out);
  if (role_ == Role::slave && step_ == Step::idle && now >= ask_at_) look(out);
}

void Mastership::on(Instant now, const CaughtUp& event, Effects&) {
  const auto peer = peers_.find(event.slave);
  if (role_ != Role::master || peer == peers_.end()) return;
  peer->second.lags = false;
  if (in_sync(event.slave) || removed_.contains(event.slave)) return;
  if (now < peer->second.lease_end) peer->second.entering = true;
}

void Mastership::on(Instant now, const Lags& event, Effects& out) {
  const auto peer = peers_.find(event.slave);
  if (role_ != Role::master || peer == peers_.end()) return;
  peer->second.lags = true;
  if (step_ == Step::idle) change_record(now, out);
}

void Mastership::on(Instant, const HandOver& event, Effects& out) {
  if (role_ != Role::master || event.to == name()) return;
  hand_over_to_ = event.to;
  if (step_ == Step::idle) hand_over(out);
}

void Mastership::hand_over(Effects& out) {
  const std::string to = std::exchange(hand_over_to_, {});
  if (!in_sync(to)) return;
  wire::GroupRecord record = stored_.record;
  std::erase(record.in_sync, name());  // it starts anew, and nobody is to wait for it
  ++record.term;
  record.master = to;
  swap(Purpose::hand_over, std::move(record), out);
}

void Mastership::on(Instant now, const Remove& event, Effects& out) {
  if (role_ != Role::master || event.member == name()) return;
  removed_.insert(event.member);
  joined_.erase(event.member);
  if (step_ == Step::idle) change_record(now, out);
}

}  // namespace lace::control
