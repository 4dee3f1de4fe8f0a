#include "fs/client/log_writer.h"

#include <algorithm>

#include "common/base/log.h"

namespace lace::fs {

namespace {

constexpr Millis retry_pause{200};
constexpr Millis look_again{20};

// About what it takes in a message.
size_t message_bytes(const LogEntry& entry) {
  size_t bytes = 200;
  if (const auto* create = std::get_if<wire::Create>(&entry.operation)) bytes += create->target.size();
  if (const auto* write = std::get_if<wire::Write>(&entry.operation)) bytes += write->extents.size() * 40;
  return bytes;
}

}  // namespace

void LogWriter::start() {
  staging_ = std::make_unique<Worker>(core_.network, [this](net::Caller& caller) { stage(caller); });
  committing_ = std::make_unique<Worker>(core_.network, [this](net::Caller& caller) { commit(caller); });
}

void LogWriter::stop() {
  core_.log.stop();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (staging_) staging_->interrupt();
  if (committing_) committing_->interrupt();
  staging_.reset();
  committing_.reset();
}

// ---------------------------------------------------------------- bytes to the storage servers

void LogWriter::stage(net::Caller& caller) {
  for (;;) {
    OperationLog::Taken taken = core_.log.take();
    if (taken.entries.empty()) return;
    stage_entries(caller, std::move(taken));
  }
}

void LogWriter::stage_entries(net::Caller& caller, OperationLog::Taken taken) {
  Batch batch;
  batch.epoch = taken.epoch;
  batch.hurried = taken.hurried;
  FileData::Staging staging(data_, taken.epoch, taken.hurried);
  PlacingGate::Pass placing;
  if (std::any_of(taken.entries.begin(), taken.entries.end(), [](const LogEntry& entry) { return entry.content != nullptr; })) {
    auto entered = core_.placing.enter(caller);
    if (!entered) return;  // the mount ends
    placing = std::move(*entered);
  }
  for (LogEntry& entry : taken.entries) {
    const uint64_t number = entry.number;
    if (!entry.content) {
      batch.entries.push_back(std::move(entry));
      continue;
    }
    if (staging.has(*entry.content) || staging.bytes() >= FileData::Staging::enough) settle(caller, staging, batch);
    for (;;) {
      wire::Write operation;
      const auto added = staging.add(caller, entry, batch.entries.size(), operation);
      if (!added) return;  // the mount ends, or the session did
      if (*added == FileData::Staging::Added::later) {
        settle(caller, staging, batch);
        if (!hand_over(caller, batch, number - 1)) return;
        if (!core_.log.wait(caller, number - 1, core_.options.timeout) && !caller.pause(retry_pause)) return;
        if (is_void(batch)) return;
        continue;
      }
      entry.operation = std::move(operation);
      entry.lost = *added == FileData::Staging::Added::yes;  // until it is sent
      break;
    }
    batch.entries.push_back(std::move(entry));
  }
  settle(caller, staging, batch);
  const uint64_t last = batch.entries.empty() ? 0 : batch.entries.back().number;
  static_cast<void>(hand_over(caller, batch, last));
}

void LogWriter::settle(net::Caller& caller, FileData::Staging& staging, Batch& batch) {
  if (staging.empty()) return;
  batch.bytes += staging.bytes();
  const auto fresh = staging.send(caller, [&](size_t place, wire::Write operation) {
    LogEntry& entry = batch.entries[place];
    entry.operation = std::move(operation);
    entry.lost = false;
  });
  batch.fresh.insert(batch.fresh.end(), fresh.begin(), fresh.end());
}

// False: the mount ends.
bool LogWriter::hand_over(net::Caller& caller, Batch& batch, uint64_t last) {
  if (last == 0 || batch.last >= last) return true;
  Batch full;
  std::swap(full, batch);
  batch.epoch = full.epoch;
  batch.hurried = full.hurried;
  batch.last = full.last = last;
  if (full.hurried && commit_here(caller, full)) return true;
  std::unique_lock lock(mutex_);
  while (!waiting_.empty() && (waiting_.size() >= most_waiting || waiting_bytes_ >= most_unsynced) && !stopping_) {
    changed_.wait_for(lock, look_again);
    lock.unlock();
    if (!caller.pause(Millis{0})) return false;
    lock.lock();
  }
  waiting_bytes_ += full.bytes;
  waiting_.push_back(std::move(full));
  changed_.notify_all();
  lock.unlock();
  core_.log.stored(last);
  return true;
}

// ---------------------------------------------------------------- operations to control

// False: others are in front of it.
bool LogWriter::commit_here(net::Caller& caller, Batch& batch) {
  {
    const std::lock_guard lock(mutex_);
    if (committing_now_ || !waiting_.empty() || stopping_) return false;
    committing_now_ = true;
  }
  core_.log.stored(batch.last);
  commit_batch(caller, batch);
  const std::lock_guard lock(mutex_);
  committing_now_ = false;
  changed_.notify_all();
  return true;
}

void LogWriter::commit(net::Caller& caller) {
  Batch batch;
  while (next(batch)) commit_batch(caller, batch);
}

// All that waits, as one. False: the mount ends.
bool LogWriter::next(Batch& batch) {
  std::unique_lock lock(mutex_);
  committing_now_ = false;
  changed_.notify_all();
  changed_.wait(lock, [this] { return stopping_ || (!waiting_.empty() && !committing_now_); });
  if (stopping_) return false;
  committing_now_ = true;
  batch = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= batch.bytes;
  while (!waiting_.empty() && waiting_.front().epoch == batch.epoch &&
         batch.entries.size() + waiting_.front().entries.size() <= most_operations) {
    Batch more = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= more.bytes;
    batch.entries.insert(batch.entries.end(), std::make_move_iterator(more.entries.begin()),
                         std::make_move_iterator(more.entries.end()));
    batch.fresh.insert(batch.fresh.end(), more.fresh.begin(), more.fresh.end());
    batch.last = more.last;
  }
  changed_.notify_all();
  return true;
}

void LogWriter::commit_batch(net::Caller& caller, Batch& batch) {
  while (!is_void(batch)) {
    const Status told = tell(caller, batch);
    if (told) {
      if (!is_void(batch)) core_.log.committed(batch.last);
      return;
    }
    if (told.error().code == Code::interrupted) return;
    if (told.error().code != Code::fenced) {
      log::warn("client.log_waits",
                {{"operations", batch.entries.size()}, {"error", name_of(told.error().code)}, {"what", told.error().what}});
      core_.log.set_trouble(batch.epoch, told.error());
    }
    if (!caller.pause(retry_pause)) return;
  }
}

Status LogWriter::sync_fresh(net::Caller& caller, const std::vector<BlockId>& blocks) {
  std::vector<BlockId> unsynced = core_.writes.unsynced();
  std::sort(unsynced.begin(), unsynced.end());
  std::erase_if(unsynced, [&](BlockId block) { return std::find(blocks.begin(), blocks.end(), block) == blocks.end(); });
  if (unsynced.empty()) return {};
  const uint64_t begun_at = core_.writes.begin_sync();
  const auto synced = core_.storage.sync(caller, unsynced);
  if (!synced) return pass(synced);
  core_.writes.synced(unsynced, begun_at, *synced);  // who asks for a sync is told what was lost
  return {};
}

// In as many commits as it takes; what control has taken is not told again.
Status LogWriter::tell(net::Caller& caller, Batch& batch) {
  if (auto synced = sync_fresh(caller, batch.fresh); !synced) return synced;
  std::erase_if(batch.entries, [](const LogEntry& entry) { return entry.lost; });
  const uint64_t generation = core_.session.identity().generation;
  while (!batch.entries.empty()) {
    std::vector<wire::Operation> operations;
    size_t bytes = 0;
    for (const LogEntry& entry : batch.entries) {
      bytes += message_bytes(entry);
      if (!operations.empty() && bytes > most_message_bytes) break;
      operations.push_back(entry.operation);
    }
    const size_t count = operations.size();
    if (is_void(batch)) return fail(Code::fenced);
    auto reply = core_.control.commit_in_order(caller, generation, std::move(operations));
    if (!reply) return pass(reply);
    for (size_t index = 0; index < reply->failed.size() && index < reply->results.size(); ++index) {
      const Status refused = wire::status_of(reply->results[index].outcome);
      if (!refused && reply->failed[index] < count) on_refused(batch.entries[reply->failed[index]], refused.error());
    }
    batch.entries.erase(batch.entries.begin(), batch.entries.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return {};
}

}  // namespace lace::fs
