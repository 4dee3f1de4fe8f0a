// Before a copy that was away is filled: which of its pages are as the source's. Digests of some pages at a time first; where
// they differ, of each page.
#include <algorithm>

#include "storage/holecopy/filler.h"

namespace lace::storage {
namespace {

constexpr uint32_t pages_at_a_time = 32;

std::vector<uint32_t> pages_of(const std::vector<uint32_t>& units) {
  std::vector<uint32_t> pages;
  for (const uint32_t unit : units) {
    for (uint32_t i = 0; i < pages_at_a_time; ++i) pages.push_back(unit * pages_at_a_time + i);
  }
  return pages;
}

}  // namespace

void Filler::compare(const TaskRef& task, const CopyInfo& info) {
  const wire::ServerInfo* source = choose_source(*task);
  if (source == nullptr) return failed(task, {Code::unavailable, "no source is known here and up"});
  wire::ComparePages question;
  question.block = info.block;
  question.base = info.base;
  question.end = info.epoch;
  question.unit = pages_at_a_time;
  question.to = source->server;
  ask_to_compare(task, *source, question, [this, task, source = *source, question, joined = info.joined](Comparison all) {
    store_.differing(question.block, pages_at_a_time, {}, all, [=, this](const Result<std::vector<uint32_t>>& units) mutable {
      if (!units) return failed(task, units.error());
      if (units->empty()) return settle(task, joined, all, {});
      question.unit = 1;
      question.units = pages_of(*units);
      ask_to_compare(task, source, question, [this, task, question, joined](Comparison some) {
        store_.differing(question.block, 1, question.units, some, [=, this](const Result<std::vector<uint32_t>>& pages) {
          if (!pages) return failed(task, pages.error());
          settle(task, joined, some, *pages);
        });
      });
    });
  });
}

void Filler::ask_to_compare(const TaskRef& task, const wire::ServerInfo& source, wire::ComparePages question,
                            std::function<void(Comparison)> then) {
  question.pass = guard_.make_pass();
  ++task->under_way;
  net::call<wire::ComparePages>(loop_, source.endpoint, question, options_.fetch_timeout,
                                [this, task, then = std::move(then)](Result<net::Answered<wire::ComparePages>> answer) {
                                  --task->under_way;
                                  if (!answer) return failed(task, answer.error());
                                  Comparison found;
                                  for (const wire::PageRun& run : answer->reply.runs)
                                    found.newer.push_back({run.page, run.count, run.epoch, run.zero});
                                  found.digests = std::move(answer->reply.digests);
                                  then(std::move(found));
                                });
}

void Filler::settle(const TaskRef& task, Epoch joined, const Comparison& comparison, const std::vector<uint32_t>& pages) {
  store_.settle(task->order.block, joined, comparison.newer, pages, [this, task](const Status& status) {
    if (!status) return failed(task, status.error());
    task->retries = 0;
    step(task);
  });
}

}  // namespace lace::storage
