#include "control/group/group_commit.h"

#include <memory>

#include "common/base/log.h"

namespace lace::control {
namespace {
constexpr size_t max_changes = 4'096;  // of one transaction: bounds how long the first waits for the last
}  // namespace

void GroupCommit::add(Apply apply, Done done) {
  waiting_.push_back({std::move(apply), std::move(done)});
  if (waiting_.size() >= max_changes) return flush();
  schedule();
}

void GroupCommit::schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  loop_.when_drained([this] {
    scheduled_ = false;
    flush();
  });
}

void GroupCommit::flush() {
  if (waiting_.empty() || keeping_) return;
  // What the callbacks add belongs to the next transaction.
  std::vector<Change> changes;
  changes.swap(waiting_);
  std::vector<Status> outcomes;
  outcomes.reserve(changes.size());

  const Instant start = loop_.clock().now();
  const Status kept = apply_all(changes, outcomes);
  const auto took = std::chrono::duration_cast<Micros>(loop_.clock().now() - start);
  if (observer_) observer_(changes.size(), took, kept.has_value());
  if (!kept) {
    static log::Limiter limiter;
    if (limiter.pass()) {
      log::error("control.commit_failed",
                 {{"error", kept.error().what}, {"changes", changes.size()}, {"suppressed", limiter.taken()}});
    }
  }
  if (kept && keep_) return keep(std::move(changes), std::move(outcomes));
  for (size_t i = 0; i < changes.size(); ++i) changes[i].done(kept ? outcomes[i] : kept);
}

void GroupCommit::keep(std::vector<Change> changes, std::vector<Status> outcomes) {
  keeping_ = true;
  const auto all = std::make_shared<std::vector<Change>>(std::move(changes));
  keep_([this, all, outcomes = std::move(outcomes)] {
    keeping_ = false;
    for (size_t i = 0; i < all->size(); ++i) (*all)[i].done(outcomes[i]);
    if (!waiting_.empty()) schedule();
  });
}

Status GroupCommit::apply_all(std::vector<Change>& changes, std::vector<Status>& outcomes) {
  if (Status begun = namespace_.begin(); !begun) return begun;
  for (Change& change : changes) outcomes.push_back(change.apply(namespace_));
  return namespace_.commit();
}

}  // namespace lace::control
