#include "storage/holecopy/filler.h"

#include <algorithm>

#include "common/base/log.h"

namespace lace::storage {
namespace {

constexpr size_t most_holes_asked = 256;  // in one message

}  // namespace

Status Filler::order(const wire::FillOrder& order) {
  const auto info = store_.find(order.block);
  if (!info || info->epoch != order.epoch) return fail(Code::stale, to_string(order.block) + " is not at this epoch here");
  if (info->state == State::whole) {
    membership_.tell_changed(order.block);  // control has missed it
    return {};
  }
  if (info->state != State::filling) return fail(Code::stale, to_string(order.block) + " is not filling here");
  if (const auto active = active_.find(order.block); active != active_.end()) {
    active->second->order = order;
    active->second->retries = 0;
    return {};
  }
  if (!orders_.contains(order.block)) {
    if (orders_.size() >= options_.most_orders) return fail(Code::unavailable, "too many blocks wait to be filled");
    waiting_.push_back(order.block);
  }
  orders_[order.block] = order;
  start_next();
  return {};
}

void Filler::start_next() {
  while (active_.size() < options_.blocks_at_once && !waiting_.empty()) {
    const BlockId block = waiting_.front();
    waiting_.pop_front();
    const auto found = orders_.find(block);
    auto task = std::make_shared<Task>(Task{found->second, 0});
    orders_.erase(found);
    active_[block] = task;
    step(task);
  }
}

void Filler::finish(const TaskRef& task) {
  active_.erase(task->order.block);
  loop_.post([this] { start_next(); });  // not from within start_next()
}

void Filler::failed(const TaskRef& task, const Error& error) {
  const bool hopeless = error.code == Code::corrupt || error.code == Code::malformed;
  if (hopeless || ++task->retries > options_.most_retries) {
    log::warn("storage.fill_given_up", {{"block", to_string(task->order.block)},
                                        {"source", raw(task->order.source)},
                                        {"what", error.what},
                                        {"remedy", "control orders it again, from another copy where there is one"}});
    return finish(task);
  }
  loop_.after(options_.retry, [this, task] { step(task); });
}

void Filler::step(const TaskRef& task) {
  wire::FillOrder& order = task->order;
  const auto info = store_.find(order.block);
  if (!info || info->state != State::filling) return finish(task);
  order.epoch = info->epoch;  // it may have grown meanwhile: the holes are the same, and the source has it too
  store_.missing(order.block, 0, most_holes_asked, [this, task](Result<std::vector<Range>> holes) {
    if (!holes) return failed(task, holes.error());
    if (!holes->empty()) return fetch(task, *holes);
    store_.finish_fill(task->order.block, task->order.epoch, [this, task](const Status& status) {
      if (!status) return failed(task, status.error());
      finish(task);
    });
  });
}

// How long to wait until so many bytes may be fetched, all tasks together.
Micros Filler::pause_for(uint64_t bytes) {
  const Instant now = loop_.clock().now();
  const Instant start = std::max(now, next_fetch_);
  next_fetch_ = start + std::chrono::nanoseconds(bytes * 1'000'000'000 / std::max<uint64_t>(options_.bytes_per_second, 1));
  return std::chrono::duration_cast<Micros>(start - now);
}

void Filler::fetch(const TaskRef& task, const std::vector<Range>& holes) {
  const wire::ServerInfo* source = membership_.find_server(task->order.source);
  if (source == nullptr) return failed(task, {Code::unavailable, "the source is not known here yet"});
  wire::FetchPages message;
  message.pass = guard_.make_pass();
  message.block = task->order.block;
  message.start = 0;
  message.end = task->order.epoch;
  for (const Range& hole : holes) message.holes.push_back({hole.offset, hole.length});
  net::call<wire::FetchPages>(loop_, source->endpoint, message, options_.fetch_timeout,
                              [this, task, holes](Result<net::Answered<wire::FetchPages>> answer) {
                                if (!answer) return failed(task, answer.error());
                                fetched(task, holes, std::move(*answer));
                              });
}

void Filler::fetched(const TaskRef& task, const std::vector<Range>& holes, net::Answered<wire::FetchPages> answer) {
  const auto first = static_cast<uint32_t>(holes.front().offset / page_bytes);
  const auto asked_end = static_cast<uint32_t>((holes.back().offset + holes.back().length) / page_bytes);
  const uint32_t end = std::min(answer.reply.next_page, asked_end);
  if (end <= first) return failed(task, {Code::malformed, "the source makes no progress"});
  std::vector<Run> runs;
  for (const wire::PageRun& run : answer.reply.runs) runs.push_back({run.page, run.count, run.epoch, run.zero});
  const uint64_t bytes = answer.payload.size();
  store_.fill(task->order.block, task->order.epoch, first, end, std::move(runs), std::move(answer.payload),
              [this, task, bytes](const Status& status) {
                if (!status) return failed(task, status.error());
                task->retries = 0;
                const Micros pause = pause_for(bytes);
                loop_.after(pause, [this, task] { step(task); });
              });
}

}  // namespace lace::storage
