#include "storage/holecopy/filler.h"

#include <algorithm>

#include "common/base/log.h"

namespace lace::storage {
namespace {

constexpr size_t most_holes_asked = 256;  // in one message
constexpr uint32_t most_pages_asked = max_io_bytes / page_bytes;

// The first holes, as many as one answer may fill.
std::vector<Range> first_of(const std::vector<Range>& holes) {
  std::vector<Range> some;
  uint64_t left = most_pages_asked * page_bytes;
  for (const Range& hole : holes) {
    if (left == 0) break;
    some.push_back({hole.offset, std::min(hole.length, left)});
    left -= some.back().length;
  }
  return some;
}

// Without the pages that the source has lost, and without those behind the end of its answer.
std::vector<Range> answered_of(const std::vector<Range>& asked, const wire::FetchPagesReply& reply) {
  std::vector<Range> answered;
  for (const Range& hole : asked) {
    const auto end = static_cast<uint32_t>((hole.offset + hole.length) / page_bytes);
    for (auto page = static_cast<uint32_t>(hole.offset / page_bytes); page < std::min(end, reply.next_page); ++page) {
      const bool lost = std::any_of(reply.missing.begin(), reply.missing.end(), [page](const wire::PageRange& range) {
        return page >= range.first && page - range.first < range.count;
      });
      if (lost) continue;
      if (!answered.empty() && answered.back().offset + answered.back().length == page * page_bytes) {
        answered.back().length += page_bytes;
      } else {
        answered.push_back({page * page_bytes, page_bytes});
      }
    }
  }
  return answered;
}

}  // namespace

Status Filler::order(const wire::FillOrder& order) {
  const auto info = store_.find(order.block);
  if (!info || info->epoch != order.epoch) return fail(Code::stale, to_string(order.block) + " is not at this epoch here");
  if (info->state == State::whole && info->missing_bytes == 0) {
    membership_.tell_changed(order.block);  // control has missed it
    return {};
  }
  if (info->state != State::filling && info->state != State::whole)
    return fail(Code::stale, to_string(order.block) + " is not filling here");
  if (const auto active = active_.find(order.block); active != active_.end()) {
    active->second->order = order;
    active->second->sources.clear();
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

void Filler::set_limits(const wire::RepairLimits& limits) {
  if (limits == limits_) return;
  limits_ = limits;
  next_fetch_ = std::min(next_fetch_, loop_.clock().now() + Millis(1'000));  // what waits for a rate that was too low
  loop_.post([this] { start_next(); });
}

void Filler::tick() {
  const uint64_t filled = store_.totals().filled_bytes;
  rate_ = (rate_ + (filled - std::exchange(filled_before_, filled))) / 2;
}

void Filler::start_next() {
  while (active_.size() < limits_.fills_at_once && !waiting_.empty()) {
    const BlockId block = waiting_.front();
    waiting_.pop_front();
    const auto found = orders_.find(block);
    auto task = std::make_shared<Task>();
    task->order = found->second;
    orders_.erase(found);
    active_[block] = task;
    step(task);
  }
}

void Filler::finish(const TaskRef& task) {
  const auto active = active_.find(task->order.block);
  if (active == active_.end() || active->second != task) return;
  active_.erase(active);
  loop_.post([this] { start_next(); });  // not from within start_next()
}

void Filler::failed(const TaskRef& task, const Error& error) {
  if (error.code == Code::malformed || ++task->retries > options_.most_retries) {
    log::warn("storage.fill_given_up", {{"block", to_string(task->order.block)},
                                        {"source", raw(task->order.source)},
                                        {"what", error.what},
                                        {"remedy", "control orders it again, from another copy where there is one"}});
    return finish(task);
  }
  loop_.after(options_.retry, [this, task] {
    task->next_page = 0;
    step(task);
  });
}

// Sources in turn; one that is not known here is passed over.
const wire::ServerInfo* Filler::choose_source(Task& task) {
  if (task.sources.empty()) {
    task.sources.push_back(task.order.source);
    for (const ServerId other : task.order.others) {
      if (other != task.order.source) task.sources.push_back(other);
    }
  }
  for (size_t tried = 0; tried < task.sources.size(); ++tried) {
    const ServerId id = task.sources[task.next_source++ % task.sources.size()];
    const wire::ServerInfo* source = membership_.find_server(id);
    if (source != nullptr && id != membership_.self()) return source;
  }
  return nullptr;
}

void Filler::step(const TaskRef& task) {
  const auto active = active_.find(task->order.block);
  if (active == active_.end() || active->second != task) return;
  const auto info = store_.find(task->order.block);
  if (!info || (info->state != State::filling && info->state != State::whole)) return finish(task);
  if (info->state == State::whole && info->missing_bytes == 0) {
    membership_.tell_changed(task->order.block);
    return finish(task);
  }
  task->order.epoch = info->epoch;  // it may have grown meanwhile: the holes are the same, and the source has it too
  if (info->base == 0) return look(task);
  if (task->under_way == 0) compare(task, *info);
}

// Asks for the next holes, of each source for others.
void Filler::look(const TaskRef& task) {
  const size_t at_once = std::clamp<size_t>(task->order.others.size() + 1, 1, options_.sources_at_once);
  if (task->under_way >= at_once || std::exchange(task->looking, true)) return;
  store_.missing(task->order.block, task->next_page, most_holes_asked, [this, task](Result<std::vector<Range>> holes) {
    task->looking = false;
    if (!holes) return failed(task, holes.error());
    if (holes->empty()) return all_asked(task);
    fetch(task, first_of(*holes));
  });
}

// There are no holes behind those that were asked for.
void Filler::all_asked(const TaskRef& task) {
  if (task->under_way > 0) return;
  const bool all = task->next_page == 0;
  task->next_page = 0;
  if (!all) {
    // Some may be left that a source had lost, or that did not fit into its answer.
    if (std::exchange(task->any_filled, false)) return step(task);
    return failed(task, {Code::unavailable, "the sources have lost these pages themselves"});
  }
  const auto info = store_.find(task->order.block);
  if (!info || info->state != State::filling) {
    membership_.tell_changed(task->order.block);
    return finish(task);
  }
  store_.finish_fill(task->order.block, task->order.epoch, [this, task](const Status& status) {
    if (!status) return failed(task, status.error());
    finish(task);
  });
}

// How long to wait until so many bytes may be fetched, all tasks together.
Micros Filler::pause_for(uint64_t bytes) {
  const Instant now = loop_.clock().now();
  const Instant start = std::max(now, next_fetch_);
  const uint64_t rate = std::clamp<uint64_t>(limits_.fill_bytes_per_second, 1, options_.most_bytes_per_second);
  next_fetch_ = start + std::chrono::nanoseconds(bytes * 1'000'000'000 / rate);
  return std::chrono::duration_cast<Micros>(start - now);
}

void Filler::fetch(const TaskRef& task, std::vector<Range> holes) {
  const wire::ServerInfo* source = choose_source(*task);
  if (source == nullptr) {
    if (task->under_way > 0) return;
    return failed(task, {Code::unavailable, "no source is known here and up"});
  }
  wire::FetchPages message;
  message.pass = guard_.make_pass();
  message.block = task->order.block;
  message.start = 0;
  message.end = task->order.epoch;
  message.partial = true;
  message.to = source->server;
  for (const Range& hole : holes) message.holes.push_back({hole.offset, hole.length});
  task->next_page = static_cast<uint32_t>((holes.back().offset + holes.back().length) / page_bytes);
  ++task->under_way;
  net::call<wire::FetchPages>(loop_, source->endpoint, message, options_.fetch_timeout,
                              [this, task, holes = std::move(holes)](Result<net::Answered<wire::FetchPages>> answer) {
                                if (answer) return fetched(task, holes, std::move(*answer));
                                --task->under_way;
                                if (task->under_way == 0) failed(task, answer.error());
                              });
  look(task);
}

void Filler::fetched(const TaskRef& task, std::vector<Range> holes, net::Answered<wire::FetchPages> answer) {
  std::vector<Run> runs;
  for (const wire::PageRun& run : answer.reply.runs) runs.push_back({run.page, run.count, run.epoch, run.zero});
  const uint64_t bytes = answer.payload.size();
  std::vector<Range> answered = answered_of(holes, answer.reply);
  const auto filled = [this, task, bytes](const Status& status) {
    if (!status) {
      if (--task->under_way == 0) failed(task, status.error());
      return;
    }
    loop_.after(pause_for(bytes), [this, task] {
      --task->under_way;
      step(task);
    });
  };
  if (answered.empty()) return filled({});
  store_.fill(task->order.block, task->order.epoch, std::move(answered), std::move(runs), std::move(answer.payload),
              [task, filled](const Status& status) {
                if (status) {
                  task->retries = 0;
                  task->any_filled = true;
                }
                filled(status);
              });
}

}  // namespace lace::storage
