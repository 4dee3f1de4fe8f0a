// Many small things that are each done some time, and one answer when all are.
#pragma once

#include <memory>
#include <vector>

#include "common/wire/types.h"
#include "storage/ops/server.h"

namespace lace::storage {

inline constexpr size_t most_in_one_message = 100'000;

// The outcomes of one request, in order; answers with them when the last is there.
template <class Reply>
class Gathering {
 public:
  Gathering(size_t count, net::Responder reply) : reply_(std::move(reply)), left_(count) { answer_.outcomes.resize(count); }

  void put(size_t at, const Status& status) {
    if (!status) answer_.outcomes[at] = wire::outcome_of(status.error());
    if (--left_ == 0) reply_.answer(answer_);
  }

 private:
  net::Responder reply_;
  Reply answer_;
  size_t left_;
};

// Calls `each(item, done)` for every item; an empty list is answered at once.
template <class Reply, class Item, class Each>
void gather(const std::vector<Item>& items, net::Responder reply, Each each) {
  if (items.empty()) return reply.answer(Reply{});
  if (items.size() > most_in_one_message) return reply.refuse(Code::malformed, "too many in one message");
  auto all = std::make_shared<Gathering<Reply>>(items.size(), std::move(reply));
  for (size_t i = 0; i < items.size(); ++i) {
    each(items[i], i, [all, i](const Status& status) { all->put(i, status); });
  }
}

}  // namespace lace::storage
