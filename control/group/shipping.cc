#include "control/group/shipping.h"

#include <algorithm>

#include "common/base/log.h"

namespace lace::control {
namespace {

constexpr uint64_t most_bytes = uint64_t{4} << 20;  // of one message
constexpr Millis answer_within{10'000};             // a slave syncs its disk
constexpr Millis lag_patience{2'000};               // with a slave that is required
constexpr Millis rest_after_error{100};
constexpr Millis rest_of_snapshot{1'000};  // the slave fetches; it is asked again whether it has it

Position position_of(const wire::GroupPosition& at) { return {at.term, at.number}; }
wire::GroupPosition wire_of(const Position& at) { return {at.term, at.number}; }

}  // namespace

Shipping::Shipping(net::Loop& loop, Namespace& ns, Mastership& mastership, uint64_t term)
    : loop_(loop), namespace_(ns), mastership_(mastership), term_(term) {}

Shipping::~Shipping() { *lives_ = false; }

uint64_t Shipping::kept() const {
  uint64_t least = namespace_.position().number;
  for (const std::string& name : mastership_.required()) {
    const auto slave = slaves_.find(name);
    const bool known = slave != slaves_.end() && slave->second.at && slave->second.matches;
    least = std::min(least, known ? slave->second.at->number : 0);
  }
  return least;
}

Shipping::Progress Shipping::progress(const std::string& name) const {
  const auto found = slaves_.find(name);
  if (found == slaves_.end()) return {};
  return {found->second.at, found->second.applied, found->second.heard};
}

void Shipping::feed() {
  const auto required = mastership_.required();
  for (const wire::GroupMember& member : mastership_.members()) {
    if (member.name == mastership_.name()) continue;
    Slave& slave = slaves_[member.name];
    watch(member.name, slave, required.contains(member.name));
    feed(member, slave);
  }
}

bool Shipping::is_whole(const Slave& slave) const {
  return slave.at && slave.matches && slave.at->number == namespace_.position().number;
}

void Shipping::is_at(const std::string& name, const Position& position) {
  Slave& slave = slaves_[name];
  if (slave.under_way || !slave.at || *slave.at == position) return;
  slave.at.reset();
  slave.matches = false;
}

void Shipping::watch(const std::string& name, Slave& slave, bool required) {
  const bool there = is_whole(slave);
  const Instant now = loop_.clock().now();
  if (there || !required) {
    slave.behind_since.reset();
  } else if (!slave.behind_since) {
    slave.behind_since = now;
  } else if (now >= *slave.behind_since + lag_patience) {
    log::warn("control.slave_lags", {{"slave", name}});
    slave.behind_since.reset();
    if (on_lag_) on_lag_(name);
  }
}

void Shipping::feed(const wire::GroupMember& member, Slave& slave) {
  if (slave.under_way || loop_.clock().now() < slave.rests_until) return;
  if (is_whole(slave)) {
    if (on_caught_up_) on_caught_up_(member.name);
    return;
  }
  wire::ShipChanges message;
  message.term = term_;
  message.master = mastership_.name();
  std::string bytes;
  if (slave.at) {
    message.previous = wire_of(*slave.at);
    if (const Status filled = fill(slave, message, bytes); !filled) {
      log::warn("control.log_not_read", {{"slave", member.name}, {"reason", filled.error().what}});
      slave.rests_until = loop_.clock().now() + rest_after_error;
      return;
    }
    // While it fetches it has nothing that counts: whoever looks at the record must not take it for one that could take over.
    if (message.snapshot && mastership_.required().contains(member.name)) {
      slave.rests_until = loop_.clock().now() + rest_after_error;
      if (on_lag_) on_lag_(member.name);
      return;
    }
  }
  send(member, slave, message, Bytes(std::move(bytes)));
}

// What the slave needs next: transactions, a part of a large one, to take one back, or a snapshot.
Status Shipping::fill(Slave& slave, wire::ShipChanges& message, std::string& bytes) {
  Result<std::vector<LoggedChange>> changes = fail(Code::no_entry);
  if (slave.matches) {
    changes = namespace_.changes_after(slave.at->number, most_bytes);
  } else if (slave.at->number != 0) {
    // If the log reaches back to there, and has another transaction or none, then the slave's is none of the group's.
    const auto reaches = namespace_.changes_after(slave.at->number - 1, 1);
    message.discard = reaches.has_value();
    if (message.discard) return {};
    changes = pass(reaches);
  }
  if (!changes) {
    if (changes.error().code != Code::no_entry) return pass(changes);
    message.snapshot = true;
    slave.rests_until = loop_.clock().now() + rest_of_snapshot;
    return {};
  }
  for (LoggedChange& change : *changes) {
    if (!message.changes.empty() && bytes.size() + change.changes.size() > most_bytes) break;
    message.changes.push_back({wire_of(change.at), change.changes.size()});
    bytes += change.changes;
  }
  if (bytes.size() <= most_bytes) return {};
  message.offset = std::min<uint64_t>(slave.partial_bytes, bytes.size());
  bytes = bytes.substr(message.offset, most_bytes);
  return {};
}

void Shipping::send(const wire::GroupMember& member, Slave& slave, const wire::ShipChanges& message, Bytes payload) {
  if (member.endpoints.empty()) return;
  slave.under_way = true;
  net::call<wire::ShipChanges>(
      loop_, member.endpoints.front(), message, answer_within,
      [this, lives = lives_, name = member.name, fetches = message.snapshot](Result<net::Answered<wire::ShipChanges>> answer) {
        if (!*lives) return;
        answered(name, std::move(answer));
        if (fetches) slaves_[name].at.reset();  // where it is then, it says itself
      },
      std::move(payload));
}

void Shipping::answered(const std::string& name, Result<net::Answered<wire::ShipChanges>> answer) {
  Slave& slave = slaves_[name];
  slave.under_way = false;
  const Instant now = loop_.clock().now();
  if (!answer) {
    slave.at.reset();  // it may have been started anew, or have done it
    slave.matches = false;
    slave.rests_until = std::max(slave.rests_until, now + rest_after_error);
    return;
  }
  const wire::ShipChangesReply& reply = answer->reply;
  const Position at = position_of(reply.position);
  if (!slave.at || !(*slave.at == at)) slave.matches = false;
  const bool gets_on = (slave.at && at.number > slave.at->number) || reply.partial_bytes > slave.partial_bytes;
  if (gets_on) slave.behind_since.reset();
  slave.at = at;
  slave.partial_bytes = reply.partial_bytes;
  slave.applied = reply.applied;
  slave.heard = now;
  const auto ours = namespace_.has_change(at);
  slave.matches = ours && *ours;
  if (on_kept_) on_kept_();
  feed();
}

}  // namespace lace::control
