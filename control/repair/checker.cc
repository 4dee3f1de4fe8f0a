#include "control/repair/checker.h"

#include <algorithm>

#include "common/base/log.h"

namespace lace::control {
namespace {

constexpr uint32_t pages_at_once = 250;  // about a millisecond
constexpr Micros between_pages{1'000};
constexpr uint32_t blocks_at_once = 1'000;
constexpr int most_rounds = 5;
constexpr size_t most_findings = 1'000;

}  // namespace

Result<wire::CheckNamespaceReply> Checker::ask(const wire::CheckNamespace& question) {
  if (question.run != 0 && question.run != state_.run) return fail(Code::no_entry, "another check has been begun since");
  if (question.run == 0 && !state_.running) {
    state_ = {state_.run + 1, true, {"copy", 0, 0}, {}, 0, 0};
    failed_ = {};
    repairs_ = question.repair;
    round_ = 0;
    if (const Status begun = begin(); !begun) {
      state_.running = false;
      return pass(begun);
    }
  }
  if (!state_.running && !failed_) return pass(failed_);
  wire::CheckNamespaceReply reply = state_;
  if (copy_) reply.progress = copy_->progress();
  return reply;
}

Status Checker::begin() {
  auto copy = namespace_.begin_copy();
  if (!copy) return pass(copy);
  copy_ = std::move(*copy);
  ++round_;
  mended_in_round_ = 0;
  std::erase_if(state_.findings, [](const wire::CheckFinding& finding) { return !finding.repaired; });
  state_.problems = state_.repaired;
  copy_some();
  return {};
}

void Checker::copy_some() {
  if (!namespace_.in_transaction()) {
    const auto complete = copy_->step(pages_at_once);
    if (!complete) return finish(pass(complete));
    if (*complete) return look();
  }
  loop_.after(between_pages, [this] { copy_some(); });
}

void Checker::look() {
  const auto found = std::make_shared<Result<std::vector<Inconsistency>>>(std::vector<Inconsistency>{});
  loop_.offload([copy = copy_, found] { *found = copy->check(); }, [this, found] { looked(std::move(*found)); });
}

void Checker::looked(Result<std::vector<Inconsistency>> found) {
  copy_.reset();
  if (!found) return finish(pass(found));
  for (Inconsistency& one : *found) {
    if (repairs_ && !one.remedy.empty() && round_ < most_rounds) {
      to_mend_.push_back(std::move(one));
    } else {
      add({one.what, one.remedy, false});
    }
  }
  std::reverse(to_mend_.begin(), to_mend_.end());
  state_.progress = {"repair", 0, to_mend_.size()};
  mend_next();
}

void Checker::mend_next() {
  if (to_mend_.empty()) {
    if (mended_in_round_ == 0) {
      state_.progress = {"copies of blocks", 0, namespace_.counts().blocks};
      return look_at_blocks(BlockId{0});
    }
    // What was mended may have been hiding something.
    const Status again = begin();
    return again ? void() : finish(again);
  }
  const auto one = std::make_shared<Inconsistency>(std::move(to_mend_.back()));
  to_mend_.pop_back();
  group_.add([one](Namespace& ns) { return ns.mend(*one); },
             [this, one](const Status& status) {
               if (!status) return finish(status);
               log::warn("control.mended", {{"what", one->what}, {"remedy", one->remedy}});
               add({one->what, one->remedy, true});
               ++mended_in_round_;
               ++state_.progress.done;
               mend_next();
             });
}

// Whether a server that is up has each of them.
void Checker::look_at_blocks(BlockId after) {
  const auto blocks = namespace_.all_blocks(after, blocks_at_once);
  if (!blocks) return finish(pass(blocks));
  const Instant now = loop_.clock().now();
  for (const wire::BlockInfo& block : *blocks) {
    const auto up = [&](ServerId server) { return servers_.is_up(server, now); };
    if (std::any_of(block.in_sync.begin(), block.in_sync.end(), up)) continue;
    std::string names;
    for (const ServerId id : block.in_sync) {
      const Server* server = servers_.find(id);
      names += (names.empty() ? "" : ", ") + (server == nullptr ? "server " + std::to_string(raw(id)) : server->record.name);
    }
    add({"no server that is up has a whole copy of " + to_string(block.block) + ": start " + names, "", false});
  }
  state_.progress.done += blocks->size();
  if (blocks->size() < blocks_at_once) return finish({});
  loop_.after(between_pages, [this, last = blocks->back().block] { look_at_blocks(last); });
}

void Checker::add(wire::CheckFinding finding) {
  ++state_.problems;
  if (finding.repaired) ++state_.repaired;
  if (state_.findings.size() < most_findings) state_.findings.push_back(std::move(finding));
}

void Checker::finish(const Status& status) {
  copy_.reset();
  to_mend_.clear();
  state_.running = false;
  failed_ = status;
  if (!status) log::warn("control.check_failed", {{"what", status.error().what}});
  if (status) log::info("control.checked", {{"problems", state_.problems}, {"repaired", state_.repaired}});
}

}  // namespace lace::control
