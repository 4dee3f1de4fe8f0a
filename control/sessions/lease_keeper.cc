#include "control/sessions/lease_keeper.h"

namespace lace::control {

bool LeaseKeeper::is_free(SessionId session, const std::vector<Need>& needs) const {
  return !sessions_.others_may_have_leases(session) && table_->is_free(session, needs);
}

void LeaseKeeper::when_free(SessionId session, Needs needs, Instant deadline, Run run) {
  if (!sessions_.others_may_have_leases(session) && !table_->others_have_any(session)) return run({});
  std::vector<Need> now = needs();
  if (is_free(session, now)) return run({});
  if (waiting_.size() >= most_waiting) return run(fail(Code::unavailable, "too many requests wait for other mounts"));
  ++totals_.waits;
  const auto recalls = table_->recall(session, now, loop_.clock().now());
  waiting_.push_back({session, std::move(needs), std::make_shared<Claim>(table_, std::move(now)), deadline, std::move(run)});
  send(recalls);
}

LeaseKeeper::ClaimRef LeaseKeeper::claim(SessionId session, const Needs& needs) {
  if (sessions_.size() == 1 && sessions_.find(session) != nullptr) return nullptr;
  return std::make_shared<Claim>(table_, needs());
}

void LeaseKeeper::send(const std::vector<LeaseTable::Recall>& recalls) {
  const Instant now = loop_.clock().now();
  for (const LeaseTable::Recall& recall : recalls) {
    ++totals_.recalled;
    const auto kind = recall.shared ? wire::EventKind::lease_shared : wire::EventKind::lease_ended;
    const uint64_t event = events_.push(recall.session, kind, raw(recall.directory), recall.number);
    asked_[recall.session].push_back({event, recall, now});
  }
}

void LeaseKeeper::seen(SessionId session) {
  const auto found = asked_.find(session);
  if (found == asked_.end()) return;
  const uint64_t seen = events_.seen(session);
  bool any = false;
  while (!found->second.empty() && found->second.front().event <= seen) {
    table_->given_back(found->second.front().recall);
    found->second.pop_front();
    any = true;
  }
  if (found->second.empty()) asked_.erase(found);
  if (any) look_again();
}

void LeaseKeeper::ended(SessionId session) {
  table_->release(session);
  asked_.erase(session);
  look_again();
}

void LeaseKeeper::resumed(const Session& session, const std::vector<wire::Lease>& leases) {
  if (!session.confined() && session.record.leases && !session.sole) {
    for (const wire::Lease& lease : leases) table_->restore(session.record.session, lease);
  }
  look_again();
}

// What runs may change what others wait for, and call this again.
void LeaseKeeper::look_again() {
  look_once_more_ = true;
  if (looking_) return;
  looking_ = true;
  while (std::exchange(look_once_more_, false)) {
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      const auto here = at++;
      std::vector<Need> now = here->needs();
      const bool late = loop_.clock().now() >= here->deadline;
      if (late || is_free(here->session, now)) {
        Waiting ready = std::move(*here);
        waiting_.erase(here);
        ready.claim.reset();
        look_once_more_ = true;
        ready.run(late ? fail(Code::unavailable, "another mount did not give its lease back in time") : Status{});
        break;  // the list may be another now
      }
      // What it needs may have changed while it waited: a file was moved, say.
      const auto recalls = table_->recall(here->session, now, loop_.clock().now());
      if (now != here->claim->needs()) here->claim = std::make_shared<Claim>(table_, std::move(now));
      send(recalls);
    }
  }
  looking_ = false;
}

void LeaseKeeper::add(const Session& session, InodeId directory, std::vector<wire::Lease>& leases) {
  if (directory == no_inode || !session.record.leases || session.confined() || session.sole || session.fenced || opening_)
    return;
  if (!session.resumed || sessions_.others_may_have_leases(session.record.session)) return;
  for (const wire::Lease& lease : leases) {
    if (lease.directory == directory) return;
  }
  const uint64_t before = table_->last();
  const auto lease = table_->give(session.record.session, directory, !session.record.read_only, loop_.clock().now());
  if (!lease) return;
  if (table_->last() != before) ++totals_.given;
  leases.push_back(*lease);
  send(table_->surplus(session.record.session));
}

void LeaseKeeper::made(const Session& session, InodeId directory) {
  if (!session.record.leases || session.confined() || session.sole || opening_) return;
  ++totals_.given;
  table_->made(session.record.session, directory);
  send(table_->surplus(session.record.session));
}

std::vector<SessionId> LeaseKeeper::tick() {
  const Instant now = loop_.clock().now();
  std::vector<SessionId> late;
  for (const auto& [session, asked] : asked_) {
    if (now - asked.front().since >= timing_.recall_patience) late.push_back(session);
  }
  if (now >= tidy_due_) {
    table_->tidy(now);
    tidy_due_ = now + tidy_every;
  }
  for (const Waiting& waiting : waiting_) {
    if (now < waiting.deadline) continue;
    look_again();
    break;
  }
  return late;
}

}  // namespace lace::control
