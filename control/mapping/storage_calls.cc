#include "control/mapping/storage_calls.h"

#include <algorithm>
#include <iterator>
#include <memory>

namespace lace::control {

StorageCalls::StorageCalls(net::Loop& loop, Servers& servers, const Timing& timing, Pass pass)
    : loop_(loop), servers_(servers), timing_(timing), pass_(std::move(pass)) {}

template <class Message>
void StorageCalls::call(ServerId server, const Message& message, Millis timeout,
                        std::function<void(Result<typename Message::Reply>)> done) {
  const Server* found = servers_.find(server);
  const bool may_act = this->may_act();
  if (!may_act || found == nullptr || !found->registered) {
    const char* why = may_act ? "the storage server is not registered" : "another control server may be the master";
    loop_.post([done = std::move(done), why] { done(fail(Code::unavailable, why)); });
    return;
  }
  net::call<Message>(loop_, found->record.endpoint, message, timeout, [done = std::move(done)](auto answered) {
    if (!answered) return done(pass(answered));
    done(std::move(answered->reply));
  });
}

template <class Message, class Order>
void StorageCalls::add(Outbox<Order>& outbox, ServerId server, Order order, Done done, Millis timeout,
                       std::vector<Order> Message::*orders) {
  outbox.waiting[server].push_back({std::move(order), std::move(done)});
  if (outbox.scheduled) return;
  outbox.scheduled = true;
  loop_.when_drained([this, &outbox, timeout, orders] {
    outbox.scheduled = false;
    auto waiting = std::exchange(outbox.waiting, {});
    for (auto& [to, items] : waiting) {
      for (size_t start = 0; start < items.size(); start += max_orders) {
        const size_t end = std::min(items.size(), start + max_orders);
        std::vector<typename Outbox<Order>::Item> part(std::make_move_iterator(items.begin() + static_cast<ptrdiff_t>(start)),
                                                       std::make_move_iterator(items.begin() + static_cast<ptrdiff_t>(end)));
        send<Message, Order>(to, std::move(part), timeout, orders);
      }
    }
  });
}

template <class Message, class Order>
void StorageCalls::send(ServerId server, std::vector<typename Outbox<Order>::Item> items, Millis timeout,
                        std::vector<Order> Message::*orders) {
  Message message;
  message.pass = pass_();
  for (const auto& item : items) (message.*orders).push_back(item.order);
  auto kept = std::make_shared<std::vector<typename Outbox<Order>::Item>>(std::move(items));
  call<Message>(server, message, timeout, [kept](Result<wire::OutcomesReply> reply) {
    for (size_t i = 0; i < kept->size(); ++i) {
      Status outcome;
      if (!reply) {
        outcome = pass(reply);
      } else if (i >= reply->outcomes.size()) {
        outcome = fail(Code::malformed, "the storage server answered fewer outcomes than it was given orders");
      } else {
        outcome = wire::status_of(reply->outcomes[i]);
      }
      (*kept)[i].done(std::move(outcome));
    }
  });
}

void StorageCalls::set_epoch(ServerId server, wire::EpochChange change, Done done) {
  add<wire::SetEpochs>(epochs_, server, std::move(change), std::move(done), timing_.set_epochs_timeout,
                       &wire::SetEpochs::changes);
}

void StorageCalls::punch(ServerId server, wire::BlockPunch punch, Done done) {
  add<wire::PunchBlocks>(punches_, server, std::move(punch), std::move(done), timing_.storage_call_timeout,
                         &wire::PunchBlocks::punches);
}

void StorageCalls::fill(ServerId server, wire::FillOrder order, Done done) {
  add<wire::FillBlocks>(fills_, server, std::move(order), std::move(done), timing_.storage_call_timeout,
                        &wire::FillBlocks::orders);
}

void StorageCalls::remove(ServerId server, std::vector<BlockId> blocks, Done done) {
  wire::DeleteBlocks message{pass_(), std::move(blocks)};
  call<wire::DeleteBlocks>(server, message, timing_.storage_call_timeout, [done = std::move(done)](Result<wire::Done> reply) {
    done(reply ? Status{} : Status{pass(reply)});
  });
}

void StorageCalls::inspect(ServerId server, BlockId block, std::function<void(Result<wire::InspectBlockReply>)> done) {
  call<wire::InspectBlock>(server, wire::InspectBlock{block, {}, pass_()}, timing_.set_epochs_timeout, std::move(done));
}

}  // namespace lace::control
