#include "fs/client/sharing.h"

#include "common/base/log.h"

namespace lace::fs {

namespace {

constexpr int most_tries = 50;
constexpr Millis retry_pause{100};
constexpr Millis telling_patience{1'000};  // of control, with a share: 2 s
constexpr Millis least_patience{100};
constexpr Millis most_patience{3'000};
constexpr uint32_t number_bits = 32;  // of an event; above them is the term

}  // namespace

// ---------------------------------------------------------------- for this mount

// Nothing is being placed, and control knows all that was. Who is inside may wait for who wants in: so the gate is open in
// between.
Status Sharing::close(net::Caller& caller) {
  for (Millis patience = least_patience;; patience *= 2) {
    auto closed = core_.placing.close(caller, patience);
    if (closed) {
      closed = core_.log.wait(caller, core_.log.last_stored(), core_.options.timeout);
      if (!closed) core_.placing.open();
      return closed;
    }
    if (closed.error().code != Code::try_again || patience > most_patience) return closed;
    if (auto waited = caller.pause(Millis{1}); !waited) return waited;
  }
}

Status Sharing::close_here(net::Caller& caller) {
  ++here_;
  const Status closed = close(caller);
  if (!closed) --here_;
  return closed;
}

void Sharing::open_here() {
  core_.placing.open();
  --here_;
}

// The gate is closed; it is open when this returns, or some time later if it is not known whether the pages are shared.
Result<wire::OperationResult> Sharing::commit(net::Caller& caller, wire::Operation operation, InodeId inode) {
  auto result = core_.control.commit_one(caller, std::move(operation));
  if (!result && (result.error().code == Code::interrupted || result.error().code == Code::io)) {
    settle_later(inode);
    return result;
  }
  data_.void_extents(inode);
  open_here();
  return result;
}

void Sharing::settle_later(InodeId inode) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  settling_.emplace_back(core_.network, [this, inode](net::Caller& caller) {
    for (;;) {
      const Status settled = core_.control.settled(caller);
      if (settled) break;
      log::warn("client.sharing_unsettled", {{"inode", raw(inode)}, {"what", settled.error().what}});
      if (!caller.pause(retry_pause)) return;
    }
    data_.void_extents(inode);
    open_here();
  });
}

Status Sharing::share(net::Caller& caller, const InodePtr& from, Range range, const InodePtr& to, uint64_t to_offset) {
  for (int tries = 0;; ++tries) {
    for (const InodePtr& inode : {from, to}) {
      if (auto flushed = data_.flush(caller, inode, FileData::Flush::all); !flushed) return flushed;
    }
    // In the order in which things were done here.
    if (auto told = core_.tell_all(caller); !told) return told;
    if (auto closed = close_here(caller); !closed) return closed;
    const bool pending = [&] {
      const std::scoped_lock lock(from->mutex, to->mutex);
      return from->pending() || to->pending();
    }();
    if (!pending) break;
    open_here();
    if (tries == most_tries) return fail(Code::try_again, "the files are being changed all the time");
  }
  const uint64_t stamp = core_.session.stamp();
  const wire::Share operation{to->id, to_offset, from->id, range.begin, range.length(), core_.clock.wall()};
  // Nobody reads or places by what was known of the target while it changes.
  auto result = commit(caller, operation, from->id);
  const std::lock_guard lock(to->mutex);
  to->extents.clear();
  to->extents_change = 0;
  to->extents_stamp = 0;
  to->own_blocks.clear();
  ++to->cuts;
  if (!result) return pass(result);
  to->learn_asked(result->inode, stamp, core_.clock.now());
  to->attributes.size = std::max(to->attributes.size, to_offset + range.length());
  to->attributes.stored = result->inode.stored;
  to->attributes.modified = result->inode.modified;
  return {};
}

Result<wire::OperationResult> Sharing::copy_tree(net::Caller& caller, const wire::CopyTree& operation) {
  if (auto told = core_.tell_all(caller); !told) return pass(told);
  if (auto closed = close_here(caller); !closed) return pass(closed);
  return commit(caller, operation, no_inode);
}

// ---------------------------------------------------------------- for other mounts

bool Sharing::is_present(const Asker& asker) const {
  return asker.term == core_.session.term() && asker.generation == core_.session.identity().generation;
}

bool Sharing::is_gone(const Asker& asker) const {
  return asker.term < core_.session.term() || asker.generation != core_.session.identity().generation;
}

// What was done here is to be in the copy; but content behind a gate that is closed for this mount would wait for the other
// one, which may wait for this one in the same way.
bool Sharing::tell_for_copy(net::Caller& caller) {
  const Status told = core_.log.wait(caller, core_.log.last(), telling_patience);
  if (told || here_ == 0) return told.has_value();
  return core_.log.wait(caller, core_.log.last_stored(), telling_patience).has_value();
}

// Without all that, nothing is acknowledged: control gives up in time.
void Sharing::hold(net::Caller& caller, uint64_t event, uint64_t generation) {
  const Asker asker{event >> number_bits, generation};
  for (;;) {
    if (is_gone(asker)) return;
    if (is_present(asker) && tell_for_copy(caller) && close(caller)) break;
    if (core_.session.stopping() || !caller.pause(retry_pause)) return;
  }
  const std::lock_guard lock(mutex_);
  if (!is_present(asker)) return core_.placing.open();
  // For an earlier one, it may have been closed to the end: pages may be shared since.
  if (held_) void_and_open(no_inode);
  held_ = asker;
}

void Sharing::void_and_open(InodeId inode) {
  held_.reset();
  data_.void_extents(inode);
  core_.placing.open();
}

void Sharing::go_on(InodeId inode) {
  const std::lock_guard lock(mutex_);
  if (held_) return void_and_open(inode);
  data_.void_extents(inode);
}

void Sharing::forgotten() {
  const std::lock_guard lock(mutex_);
  if (held_ && !is_present(*held_)) void_and_open(no_inode);
}

void Sharing::stop() {
  std::list<Worker> settling;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    settling.swap(settling_);
  }
  for (Worker& worker : settling) worker.interrupt();
}

}  // namespace lace::fs
