// What control says to storage servers. Orders for one server that are given while messages are being handled travel in one
// message.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/net/transport.h"
#include "common/wire/storage_messages.h"
#include "control/mapping/servers.h"

namespace lace::control {

// Loop thread only. Results come on the loop, never before the call returns. Errors: unavailable (not registered, or nobody
// there), unknown (may have been done), and those of the order itself.
class StorageCalls {
 public:
  using Done = std::function<void(Status)>;
  using Pass = std::function<std::string()>;  // makes a fresh keyed proof that control speaks

  StorageCalls(net::Loop& loop, Servers& servers, const Timing& timing, Pass pass);

  void set_epoch(ServerId server, wire::EpochChange change, Done done);
  void punch(ServerId server, wire::BlockPunch punch, Done done);
  void fill(ServerId server, wire::FillOrder order, Done done);
  void remove(ServerId server, std::vector<BlockId> blocks, Done done);  // at most max_orders
  void inspect(ServerId server, BlockId block, std::function<void(Result<wire::InspectBlockReply>)> done);

  // Unset: always. Orders that may not be given fail with `unavailable`.
  void set_may_act(std::function<bool()> may_act) { may_act_ = std::move(may_act); }
  bool may_act() const { return !may_act_ || may_act_(); }

  static constexpr size_t max_orders = 1'000;  // of one message

 private:
  template <class Order>
  struct Outbox {
    struct Item {
      Order order;
      Done done;
    };
    std::map<ServerId, std::vector<Item>> waiting;
    bool scheduled = false;
  };
  template <class Message, class Order>
  void add(Outbox<Order>& outbox, ServerId server, Order order, Done done, Millis timeout, std::vector<Order> Message::*orders);
  template <class Message, class Order>
  void send(ServerId server, std::vector<typename Outbox<Order>::Item> items, Millis timeout,
            std::vector<Order> Message::*orders);
  template <class Message>
  void call(ServerId server, const Message& message, Millis timeout, std::function<void(Result<typename Message::Reply>)> done);

  net::Loop& loop_;
  Servers& servers_;
  const Timing& timing_;
  const Pass pass_;
  std::function<bool()> may_act_;
  Outbox<wire::EpochChange> epochs_;
  Outbox<wire::BlockPunch> punches_;
  Outbox<wire::FillOrder> fills_;
};

}  // namespace lace::control
