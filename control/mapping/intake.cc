#include "control/mapping/intake.h"

#include <algorithm>

#include "common/base/log.h"

namespace lace::control {
namespace {
constexpr uint32_t page_of_blocks = 1'000;
}  // namespace

Intake::Intake(net::Loop& loop, Namespace& ns, Servers& servers, Copies& copies, StorageCalls& storage, Punches& punches)
    : loop_(loop), namespace_(ns), servers_(servers), copies_(copies), storage_(storage), punches_(punches) {}

Result<wire::ReportCopiesReply> Intake::report(const wire::ReportCopies& page) {
  const Server* server = servers_.find(page.server);
  if (server == nullptr || !server->registered || server->incarnation != page.incarnation) {
    return fail(Code::fenced, "register before you report copies");
  }
  ReportRef& report = reports_[page.server];
  if (page.first) {
    report = std::make_shared<Report>();
    report->server = page.server;
    report->incarnation = page.incarnation;
    copies_.forget(page.server);
  } else if (!report || report->incarnation != page.incarnation || report->complete) {
    return fail(Code::malformed, "a report begins with its first page");
  }
  wire::ReportCopiesReply reply;
  for (const wire::CopyReport& copy : page.copies) {
    if (copy.block <= report->last) return fail(Code::malformed, "the copies of a report come in order of their blocks");
    report->last = copy.block;
    if (const Status taken = take(report, copy, reply); !taken) return pass(taken);
  }
  copies_.put(page.server, page.copies);
  if (page.last) {
    report->complete = true;
    if (const Status looked = look_for_missing(report); !looked) return pass(looked);
    step_done(ReportRef(report));
  }
  return reply;
}

Status Intake::take(const ReportRef& report, const wire::CopyReport& copy, wire::ReportCopiesReply& reply) {
  report->reported.push_back(copy.block);
  const auto block = namespace_.block(copy.block);
  if (!block) return pass(block);
  if (!*block) {
    if (!namespace_.was_block(copy.block)) {
      reply.quarantine.push_back(copy.block);
      return {};
    }
    const auto pending = namespace_.is_pending_delete(report->server, copy.block);
    if (!pending) return pass(pending);
    if (!*pending) reply.discard.push_back(copy.block);  // else it is deleted in its turn
    return {};
  }
  const bool in_sync = contains((*block)->in_sync, report->server);
  const bool filling = contains((*block)->filling, report->server);
  if (!in_sync && !filling) {
    tell(report, copy, **block, false);
    report->attention.push_back(copy.block);
  } else {
    if (copy.epoch < (*block)->epoch && copy.state != wire::CopyState::suspect) tell(report, copy, **block, true);
    const bool good = copy.state == wire::CopyState::whole && copy.missing_bytes == 0;
    if (filling || !good || copy.epoch > (*block)->epoch) {
      report->attention.push_back(copy.block);
    }
  }
  return {};
}

void Intake::tell(const ReportRef& report, const wire::CopyReport& copy, const wire::BlockInfo& block, bool member) {
  ++report->steps_left;
  const bool filling = member && contains(block.filling, report->server);
  const wire::EpochChange change{copy.block, copy.epoch, std::max(block.epoch, copy.epoch), filling, !member};
  storage_.set_epoch(report->server, change, [this, report, copy](const Status& status) {
    // `stale`: a raise was faster, and told it something newer.
    if (!status && status.error().code != Code::stale) {
      log::warn("control.report_not_settled",
                {{"server", raw(report->server)}, {"block", to_string(copy.block)}, {"error", status.error().what}});
      report->failed = true;
    }
    step_done(report);
  });
}

// Blocks that should have a copy here, and have none. Most of them were never written.
Status Intake::look_for_missing(const ReportRef& report) {
  for (BlockId after{0};;) {
    const auto page = namespace_.blocks_on(report->server, after, page_of_blocks);
    if (!page) return pass(page);
    for (const wire::BlockInfo& block : *page) {
      if (std::binary_search(report->reported.begin(), report->reported.end(), block.block)) continue;
      if (contains(block.in_sync, report->server)) look_at_missing(report, block);
      if (contains(block.filling, report->server)) report->attention.push_back(block.block);
    }
    if (page->size() < page_of_blocks) break;
    after = page->back().block;
  }
  return look_for_dropped(report);
}

// Blocks that went on without this server, which has no copy of them, be it that nothing was written to them while it was a
// member. It would answer for them as for new ones.
Status Intake::look_for_dropped(const ReportRef& report) {
  for (BlockId after{0};;) {
    const auto page = namespace_.dropped_on(report->server, after, page_of_blocks);
    if (!page) return pass(page);
    for (const BlockId id : *page) {
      if (std::binary_search(report->reported.begin(), report->reported.end(), id)) continue;
      const auto block = namespace_.block(id);
      if (!block) return pass(block);
      if (!*block) continue;
      tell(report, {id, 0, wire::CopyState::gone, 0}, **block, false);
      copies_.put(report->server, {{id, 0, wire::CopyState::suspect, 0}});  // repair forgets it then
      report->attention.push_back(id);
    }
    if (page->size() < page_of_blocks) return {};
    after = page->back();
  }
}

// Whether another in-sync member has a copy: then this server lost its own.
void Intake::look_at_missing(const ReportRef& report, const wire::BlockInfo& block) {
  struct Verdict {
    size_t left = 0;
    bool others_have_it = false;
  };
  const auto verdict = std::make_shared<Verdict>();
  std::vector<ServerId> others;
  for (const ServerId member : block.in_sync) {
    if (member == report->server) continue;
    if (copies_.find(member, block.block)) verdict->others_have_it = true;
    const Server* server = servers_.find(member);
    if (server != nullptr && server->registered) others.push_back(member);
  }
  ++report->steps_left;
  if (verdict->others_have_it || others.empty()) return missing_verdict(report, block, verdict->others_have_it);
  verdict->left = others.size();
  for (const ServerId member : others) {
    storage_.inspect(member, block.block, [this, report, block, verdict](const Result<wire::InspectBlockReply>& reply) {
      if (reply && reply->exists) verdict->others_have_it = true;
      if (--verdict->left == 0) missing_verdict(report, block, verdict->others_have_it);
    });
  }
}

void Intake::missing_verdict(const ReportRef& report, const wire::BlockInfo& block, bool others_have_it) {
  if (others_have_it) {
    // It refuses the block from then on; repair drops it from the set, when those that have it are up.
    log::warn("control.copy_lost", {{"block", to_string(block.block)}, {"server", raw(report->server)}});
    copies_.put(report->server, {{block.block, block.epoch, wire::CopyState::suspect, block_bytes}});
    report->attention.push_back(block.block);
    --report->steps_left;
    return tell(report, {block.block, block.epoch, wire::CopyState::suspect, 0}, block, false);
  }
  if (block.epoch == 1) return step_done(report);  // the first write makes it
  // Made now, at the epoch it has missed: as from the first one, which a copy has that was never written.
  const wire::EpochChange change{block.block, 1, block.epoch, false, false};
  storage_.set_epoch(report->server, change, [this, report](const Status& status) {
    if (!status && status.error().code != Code::stale) report->failed = true;
    step_done(report);
  });
}

void Intake::step_done(const ReportRef& report) {
  if (--report->steps_left > 0) return;
  Server* server = servers_.find(report->server);
  const bool present = server != nullptr && server->registered && server->incarnation == report->incarnation &&
                       reports_[report->server] == report;
  if (!present) return;  // it registered again
  if (report->failed) {
    reports_.erase(report->server);
    servers_.revoke(*server, loop_.clock().now());  // it registers again
    return;
  }
  punches_.settle(report->server, [this, report] { finish(report); });
}

void Intake::finish(const ReportRef& report) {
  Server* server = servers_.find(report->server);
  const auto current = reports_.find(report->server);
  if (server == nullptr || !server->registered || server->incarnation != report->incarnation) return;
  if (current == reports_.end() || current->second != report) return;
  reports_.erase(current);
  servers_.set_reported(*server);
  log::info("control.server_up",
            {{"server", server->record.name}, {"id", raw(report->server)}, {"copies", report->reported.size()}});
  if (on_reported_) on_reported_(report->server);
  std::vector<BlockId>& attention = attention_[report->server];
  attention.insert(attention.end(), report->attention.begin(), report->attention.end());
  // One that was only registered again may be up already.
  if (servers_.is_up(report->server, loop_.clock().now())) server_up(report->server);
}

void Intake::server_up(ServerId server) {
  const auto found = attention_.find(server);
  if (found == attention_.end()) return;
  const std::vector<BlockId> blocks = std::move(found->second);
  attention_.erase(found);
  if (!on_attention_) return;
  for (const BlockId block : blocks) on_attention_(block);
}

void Intake::changed(ServerId server, const std::vector<wire::CopyReport>& reports) {
  copies_.put(server, reports);
  if (!on_attention_) return;
  for (const wire::CopyReport& copy : reports) on_attention_(copy.block);
}

}  // namespace lace::control
