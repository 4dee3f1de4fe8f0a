#include "storage/membership/membership.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/log.h"

namespace lace::storage {
namespace {

constexpr uint32_t most_beats_under_way = 4;
constexpr size_t most_changed_told = 10'000;  // in one heartbeat
constexpr Micros tell_after{5'000};           // changes that come together are told together

}  // namespace

Membership::Membership(net::Loop& loop, CopyStore& store, Guard& guard, MembershipOptions options, DiskUsage usage,
                       Joined joined)
    : loop_(loop),
      store_(store),
      guard_(guard),
      options_(std::move(options)),
      usage_(std::move(usage)),
      joined_(std::move(joined)) {
  CHECK(!options_.controls.empty());
}

void Membership::start() {
  register_again();
  beat();
}

void Membership::stop() { phase_ = Phase::stopped; }

Millis Membership::lease_left() const {
  return std::max(Millis(0), std::chrono::duration_cast<Millis>(lease_until_ - loop_.clock().now()));
}

Status Membership::check_lease() const {
  if (loop_.clock().now() < lease_until_) return {};
  return fail(Code::stale, options_.name + " has no lease from control now");
}

Status Membership::check_term(uint64_t term) const {
  if (term >= term_) return {};
  return fail(Code::stale, "term " + std::to_string(term) + " is over, it is " + std::to_string(term_));
}

const wire::ServerInfo* Membership::find_server(ServerId server) const {
  const auto found = servers_.find(server);
  return found == servers_.end() ? nullptr : &found->second;
}

Status Membership::follow(uint64_t term, const std::vector<wire::Endpoint>& controls) {
  if (Status fresh = check_term(term); !fresh) return fresh;
  if (term == term_ || controls.empty() || phase_ == Phase::stopped) return {};
  log::info("storage.new_master", {{"term", term}, {"control", controls.front().url}});
  options_.controls = controls;
  control_ = 0;
  register_again();
  return {};
}

// Where the group is now. The one that is asked stays so.
void Membership::learn(const std::vector<wire::Endpoint>& controls) {
  if (controls.empty() || controls == options_.controls) return;
  const wire::Endpoint asked = control();
  options_.controls = controls;
  const auto found = std::find(controls.begin(), controls.end(), asked);
  control_ = found == controls.end() ? 0 : static_cast<size_t>(found - controls.begin());
}

void Membership::register_again() {
  phase_ = Phase::registering;
  const uint64_t round = ++round_;
  const disk::Usage usage = usage_();
  wire::RegisterServer message;
  message.cluster = options_.cluster;
  message.server = options_.server;
  message.name = options_.name;
  message.endpoint = options_.endpoint;
  message.incarnation = options_.incarnation;
  message.capacity_bytes = usage.capacity_bytes;
  message.used_bytes = store_.totals().stored_bytes;
  message.available_bytes = usage.available_bytes;
  message.disk = options_.disk;
  net::call<wire::RegisterServer>(loop_, control(), message, options_.register_timeout,
                                  [this, round](Result<net::Answered<wire::RegisterServer>> answer) {
                                    if (round == round_ && phase_ != Phase::stopped) registered(std::move(answer));
                                  });
}

void Membership::retry_later() {
  control_ = (control_ + 1) % options_.controls.size();
  const uint64_t round = round_;
  loop_.after(options_.retry, [this, round] {
    if (round == round_ && phase_ != Phase::stopped) register_again();
  });
}

void Membership::registered(Result<net::Answered<wire::RegisterServer>> answer) {
  if (!answer) {
    static log::Limiter limiter;
    if (limiter.pass()) {
      log::warn("storage.not_registered", {{"control", control().url}, {"what", answer.error().what}});
    }
    if (answer.error().code != Code::denied) {
      denials_ = 0;
    } else if (++denials_ >= options_.most_denials && refused_) {
      return refused_(answer.error());
    }
    return retry_later();
  }
  const wire::RegisterServerReply& reply = answer->reply;
  if (reply.term < term_) return retry_later();  // an old master that does not know it
  if (Status kept = guard_.set_secret(reply.secret, reply.server); !kept) {
    log::error("storage.bad_secret", {{"what", kept.error().what}});
    return retry_later();
  }
  if (Status mine = joined_(reply.cluster, reply.server); !mine) {
    if (refused_) refused_(mine.error());
    return;
  }
  options_.cluster = reply.cluster;
  options_.server = reply.server;
  term_ = reply.term;
  loop_.set_term(term_);
  store_.set_cluster(reply.cluster);
  phase_ = Phase::reporting;
  log::info("storage.registered", {{"server", raw(reply.server)}, {"term", term_}, {"control", control().url}});
  report(BlockId{}, true);
}

wire::CopyReport Membership::report_of(BlockId block) const {
  const auto info = store_.find(block);
  if (!info) return {block, 0, wire::CopyState::gone, 0};
  wire::CopyState state = wire::CopyState::suspect;
  if (info->state == State::whole && !info->rotten) state = wire::CopyState::whole;
  if (info->state == State::filling) state = wire::CopyState::filling;
  return {block, info->epoch, state, info->missing_bytes};
}

void Membership::report(BlockId behind, bool first) {
  const std::vector<CopyInfo> page = store_.list(behind, options_.report_page);
  wire::ReportCopies message;
  message.server = options_.server;
  message.incarnation = options_.incarnation;
  message.first = first;
  message.last = page.size() < options_.report_page;
  for (const CopyInfo& info : page) message.copies.push_back(report_of(info.block));
  const BlockId next = page.empty() ? behind : page.back().block;
  net::call<wire::ReportCopies>(
      loop_, control(), message, options_.register_timeout,
      [this, round = round_, next, last = message.last](Result<net::Answered<wire::ReportCopies>> answer) {
        if (round != round_ || phase_ != Phase::reporting) return;
        if (!answer) return retry_later();
        reported(answer->reply);
        if (!last) return report(next, false);
        phase_ = Phase::serving;
        send_heartbeat();
      });
}

void Membership::reported(const wire::ReportCopiesReply& reply) {
  const auto warn = [](BlockId block) {
    return [block](const Status& status) {
      if (!status) log::warn("storage.copy_not_removed", {{"block", to_string(block)}, {"what", status.error().what}});
    };
  };
  for (const BlockId block : reply.quarantine) {
    log::warn("storage.copy_unknown", {{"block", to_string(block)}, {"moved_to", quarantine_path(block)}});
    store_.quarantine(block, warn(block));
  }
  for (const BlockId block : reply.discard) store_.remove(block, warn(block));
}

void Membership::beat() {
  loop_.after(options_.heartbeat, [this] {
    if (phase_ == Phase::stopped) return;
    if (phase_ == Phase::serving) send_heartbeat();
    beat();
  });
}

void Membership::tell_changed(BlockId block) {
  changed_[block] = ++changes_;
  if (std::exchange(beat_soon_, true)) return;
  loop_.after(tell_after, [this] {
    beat_soon_ = false;
    if (phase_ == Phase::serving) send_heartbeat();
  });
}

void Membership::send_heartbeat() {
  if (beats_under_way_ >= most_beats_under_way) return;
  const disk::Usage usage = usage_();
  const StoreTotals totals = store_.totals();
  wire::Heartbeat message;
  message.server = options_.server;
  message.incarnation = options_.incarnation;
  message.capacity_bytes = usage.capacity_bytes;
  message.used_bytes = totals.stored_bytes;
  message.available_bytes = usage.available_bytes;
  message.missing_bytes = totals.missing_bytes;
  message.hole_copy_received_bytes = totals.received_bytes;
  message.copies = totals.copies;
  if (figures_) message.repair = figures_();
  std::map<BlockId, uint64_t> told;
  for (const auto& [block, number] : changed_) {
    if (told.size() == most_changed_told) break;
    told[block] = number;
    message.changed.push_back(report_of(block));
  }
  ++beats_under_way_;
  const Instant sent = loop_.clock().now();
  net::call<wire::Heartbeat>(
      loop_, control(), message, options_.heartbeat_timeout,
      [this, round = round_, sent, told = std::move(told)](Result<net::Answered<wire::Heartbeat>> answer) {
        --beats_under_way_;
        if (round == round_ && phase_ == Phase::serving) heartbeat_answered(sent, told, std::move(answer));
      });
}

void Membership::heartbeat_answered(Instant sent, const std::map<BlockId, uint64_t>& told,
                                    Result<net::Answered<wire::Heartbeat>> answer) {
  if (!answer) {
    const Code code = answer.error().code;
    // Control was restarted, or has given this server up. A lease that is still running stays good: control waits for its end.
    if (code == Code::fenced || code == Code::stale || code == Code::denied) {
      log::info("storage.register_again", {{"why", answer.error().what}});
      return register_again();
    }
    if (!serving()) {
      log::warn("storage.lease_lost", {{"control", control().url}, {"what", answer.error().what}});
      retry_later();
    }
    return;
  }
  const wire::HeartbeatReply& reply = answer->reply;
  if (reply.term < term_) return;
  if (reply.term > term_) return register_again();
  lease_until_ = std::max(lease_until_, sent + Millis(reply.lease_ms));
  guard_.set_fenced(reply.fenced);
  if (told_) told_(reply);
  learn(reply.controls);
  servers_.clear();
  for (const wire::ServerInfo& server : reply.servers) servers_[server.server] = server;
  for (const auto& [block, number] : told) {
    const auto found = changed_.find(block);
    if (found != changed_.end() && found->second == number) changed_.erase(found);
  }
}

}  // namespace lace::storage
