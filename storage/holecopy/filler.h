// Fills the holes of copies from others: of copies that are new here or were away, and of lost pages of copies that count. A
// few copies at a time, from several sources at once where there are several, at a limited rate. Which pages are left is in the
// page table, so that an order that is given again goes on where the last one ended. All on the loop's thread.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "common/net/transport.h"
#include "common/wire/storage_messages.h"
#include "storage/copy/copy_store.h"
#include "storage/membership/guard.h"
#include "storage/membership/membership.h"

namespace lace::storage {

struct FillerOptions {
  Millis fetch_timeout{5'000};
  Millis retry{500};
  int most_retries = 20;                        // in a row without progress; then control has to order it again
  size_t most_orders = 100'000;                 // waiting
  size_t sources_at_once = 3;                   // of one copy
  uint64_t most_bytes_per_second = UINT64_MAX;  // whatever control allows
};

class Filler {
 public:
  Filler(net::Loop& loop, CopyStore& store, Membership& membership, Guard& guard, FillerOptions options)
      : loop_(loop), store_(store), membership_(membership), guard_(guard), options_(options) {}

  // Accepted: it will be filled, or control is told by silence and orders again. An order for a copy that is being filled is
  // merged with the one before; one for a copy that misses nothing is done. Errors: stale (the copy is not at this epoch, or
  // serves nobody), unavailable (too many orders).
  Status order(const wire::FillOrder& order);
  // Counts from the next page on.
  void set_limits(const wire::RepairLimits& limits);
  const wire::RepairLimits& limits() const { return limits_; }
  void tick();  // every `housekeeping`
  size_t under_way() const { return active_.size(); }
  size_t waiting() const { return waiting_.size(); }
  uint64_t bytes_per_second() const { return rate_; }

 private:
  struct Task {
    wire::FillOrder order;
    std::vector<ServerId> sources;
    size_t next_source = 0;
    uint32_t next_page = 0;   // holes in front of it were asked for
    bool any_filled = false;  // since the first page
    size_t under_way = 0;     // requests
    bool looking = false;     // for holes
    int retries = 0;
  };
  using TaskRef = std::shared_ptr<Task>;

  void start_next();
  void step(const TaskRef& task);
  void look(const TaskRef& task);
  void all_asked(const TaskRef& task);
  void fetch(const TaskRef& task, std::vector<Range> holes);
  void fetched(const TaskRef& task, std::vector<Range> holes, net::Answered<wire::FetchPages> answer);
  void failed(const TaskRef& task, const Error& error);
  void finish(const TaskRef& task);
  const wire::ServerInfo* choose_source(Task& task);
  Micros pause_for(uint64_t bytes);

  // comparing.cc
  void compare(const TaskRef& task, const CopyInfo& info);
  void ask_to_compare(const TaskRef& task, const wire::ServerInfo& source, wire::ComparePages question,
                      std::function<void(Comparison)> then);
  void settle(const TaskRef& task, Epoch joined, const Comparison& comparison, const std::vector<uint32_t>& pages);

  net::Loop& loop_;
  CopyStore& store_;
  Membership& membership_;
  Guard& guard_;
  const FillerOptions options_;
  wire::RepairLimits limits_;
  std::deque<BlockId> waiting_;
  std::map<BlockId, wire::FillOrder> orders_;  // of those that wait
  std::map<BlockId, TaskRef> active_;
  Instant next_fetch_{};  // when the rate allows more
  uint64_t filled_before_ = 0;
  uint64_t rate_ = 0;
};

}  // namespace lace::storage
