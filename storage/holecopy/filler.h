// Fills copies that are holes from copies that are not: a few blocks at a time, at a limited rate. What was reached is in the
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
  size_t blocks_at_once = 4;
  uint64_t bytes_per_second = uint64_t{64} << 20;
  Millis fetch_timeout{5'000};
  Millis retry{500};
  int most_retries = 20;         // in a row without progress; then control has to order it again
  size_t most_orders = 100'000;  // waiting
};

class Filler {
 public:
  Filler(net::Loop& loop, CopyStore& store, Membership& membership, Guard& guard, FillerOptions options)
      : loop_(loop), store_(store), membership_(membership), guard_(guard), options_(options) {}

  // Accepted: it will be filled, or control is told by silence and orders again. Errors: stale (the copy is not filling at this
  // epoch), unavailable (too many orders).
  Status order(const wire::FillOrder& order);
  size_t under_way() const { return active_.size(); }
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Task {
    wire::FillOrder order;
    int retries = 0;
  };
  using TaskRef = std::shared_ptr<Task>;

  void start_next();
  void step(const TaskRef& task);
  void fetch(const TaskRef& task, const std::vector<Range>& holes);
  void fetched(const TaskRef& task, const std::vector<Range>& holes, net::Answered<wire::FetchPages> answer);
  void failed(const TaskRef& task, const Error& error);
  void finish(const TaskRef& task);
  Micros pause_for(uint64_t bytes);

  net::Loop& loop_;
  CopyStore& store_;
  Membership& membership_;
  Guard& guard_;
  const FillerOptions options_;
  std::deque<BlockId> waiting_;
  std::map<BlockId, wire::FillOrder> orders_;  // of those that wait
  std::map<BlockId, TaskRef> active_;
  Instant next_fetch_{};  // when the rate allows more
};

}  // namespace lace::storage
