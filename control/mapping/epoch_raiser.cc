#include "control/mapping/epoch_raiser.h"

#include <algorithm>
#include <string>

#include "common/base/log.h"

namespace lace::control {
namespace {

constexpr int max_rounds = 8;  // of planning, before the askers are told `unavailable`

std::string names_of(const std::vector<ServerId>& servers) {
  std::string text;
  for (const ServerId server : servers) text += (text.empty() ? "" : ",") + std::to_string(raw(server));
  return text.empty() ? "none" : text;
}

}  // namespace

struct EpochRaiser::Raise {
  BlockId block{};
  std::vector<Wish> wishes;   // of this round
  std::vector<Wish> waiting;  // for the next
  int round = 0;

  wire::BlockInfo before, after;
  CopySetPlan plan;
  ServerId accept{};
  Epoch accept_epoch = 0;              // at which its copy is: it may have missed the end of a raise
  std::vector<ServerId> barred;        // get no lease while this goes on
  std::vector<ServerId> fenced;        // of plan.dropped: those that said so themselves
  std::vector<ServerId> bad;           // of those that were to stay: may have lost something
  std::map<ServerId, uint64_t> asked;  // of those that are to stay: which start of the server was asked
  std::vector<ServerId> good;          // and said that its copy is fit to go on with
  size_t steps_left = 0;               // of fence, confirm, prepare; then of tell
  bool confirmed = false;
  bool broken = false;  // a step failed: plan again
};

EpochRaiser::EpochRaiser(net::Loop& loop, Namespace& ns, GroupCommit& group, Servers& servers, StorageCalls& storage,
                         const Timing& timing)
    : loop_(loop), namespace_(ns), group_(group), servers_(servers), storage_(storage), timing_(timing) {}

EpochRaiser::~EpochRaiser() = default;

void EpochRaiser::drop(BlockId block, Epoch epoch, std::vector<ServerId> servers, Done done) {
  add(block, {epoch, {std::move(servers), {}, {}}, {}, std::move(done)});
}

void EpochRaiser::fill(BlockId block, ServerId server, Done done) { add(block, {0, {{}, {server}, {}}, {}, std::move(done)}); }

void EpochRaiser::promote(BlockId block, Epoch epoch, ServerId server, Done done) {
  add(block, {epoch, {{}, {}, {server}}, {}, std::move(done)});
}

void EpochRaiser::accept(BlockId block, Epoch epoch, ServerId keep, Done done) {
  add(block, {epoch, {}, keep, std::move(done)});
}

void EpochRaiser::add(BlockId block, Wish wish) {
  RaiseRef& raise = raises_[block];
  if (raise) {
    raise->waiting.push_back(std::move(wish));
    return;
  }
  raise = std::make_shared<Raise>();
  raise->block = block;
  raise->wishes.push_back(std::move(wish));
  // Further wishes for this block that are waiting in the same batch of messages join the first round.
  loop_.when_drained([this, raise = raise] { start(raise); });
}

void EpochRaiser::start(const RaiseRef& raise) {
  for (Wish& wish : raise->waiting) raise->wishes.push_back(std::move(wish));
  raise->waiting.clear();
  auto found = namespace_.block(raise->block);
  if (!found) return finish(raise, pass(found));
  if (!*found) return finish(raise, fail(Code::no_entry, "there is no such block"));
  raise->before = std::move(**found);

  auto planned = plan(*raise);
  if (!planned) {
    if (++raise->round < max_rounds && raise->accept == ServerId{}) {
      // A server may be about to come back: while it does not, nothing is lost by waiting a little.
      if (raise->round < 3) return start_later(raise);
    }
    return finish(raise, pass(planned));
  }
  raise->plan = std::move(*planned);
  if (!raise->plan.changes) return finish(raise, raise->before);

  raise->after = raise->before;
  raise->after.epoch += 1;
  raise->accept_epoch = raise->before.epoch;
  raise->after.in_sync = raise->plan.in_sync;
  raise->after.filling = raise->plan.filling;
  if (raise->accept != ServerId{}) raise->after.accepted = raise->after.epoch;
  raise->confirmed = raise->broken = false;
  raise->fenced.clear();
  raise->bad.clear();
  raise->asked.clear();
  raise->good.clear();
  const std::vector<ServerId> stay = raise->plan.in_sync;
  // Nobody is fenced before somebody who stays has answered: a copy that was told to stop can't be taken back.
  raise->steps_left = stay.size();
  for (const ServerId server : stay) confirm(raise, server);
}

void EpochRaiser::confirmed(const RaiseRef& raise) {
  const std::vector<ServerId> dropped = raise->plan.dropped, joining = raise->plan.joining;
  raise->steps_left = dropped.size() + joining.size();
  if (raise->steps_left == 0) return commit(raise);
  for (const ServerId server : dropped) fence(raise, server);
  for (const ServerId server : joining) prepare(raise, server);
}

void EpochRaiser::start_later(const RaiseRef& raise) {
  loop_.after(timing_.retry_pause, [this, raise] { start(raise); });
}

Result<CopySetPlan> EpochRaiser::plan(Raise& raise) {
  CopySetWish wish;
  raise.accept = {};
  for (const Wish& one : raise.wishes) {
    if (one.epoch != 0 && one.epoch != raise.before.epoch) continue;  // answered with what is true now
    wish.drop.insert(wish.drop.end(), one.set.drop.begin(), one.set.drop.end());
    wish.fill.insert(wish.fill.end(), one.set.fill.begin(), one.set.fill.end());
    wish.promote.insert(wish.promote.end(), one.set.promote.begin(), one.set.promote.end());
    if (one.accept != ServerId{} && contains(raise.before.in_sync, one.accept)) raise.accept = one.accept;
  }
  const Instant now = loop_.clock().now();
  if (raise.accept == ServerId{}) {
    return plan_copy_set(raise.before, wish, [&](ServerId server) { return servers_.is_up(server, now); });
  }
  CopySetPlan plan;
  plan.changes = true;
  plan.in_sync = {raise.accept};
  plan.unfilled = raise.before.filling;
  for (const ServerId server : raise.before.in_sync) {
    if (server != raise.accept) plan.dropped.push_back(server);
  }
  return plan;
}

// ---------------------------------------------------------------- before the commit

void EpochRaiser::fence(const RaiseRef& raise, ServerId server) {
  const Server* found = servers_.find(server);
  if (found == nullptr || !found->registered) {
    bar(*raise, server);
    return wait_for_lease(raise, server);
  }
  const wire::EpochChange change{raise->block, raise->before.epoch, raise->after.epoch, false, true};
  storage_.set_epoch(server, change, [this, raise, server](const Status& status) {
    // `stale`: its copy is at another epoch, where it serves nobody.
    if (status || status.error().code == Code::stale) {
      raise->fenced.push_back(server);
      return step_done(raise);
    }
    bar(*raise, server);
    wait_for_lease(raise, server);
  });
}

// It may register anew at any time, but it gets no lease before the set has changed; then it learns of that from its report.
void EpochRaiser::bar(Raise& raise, ServerId server) {
  Server* found = servers_.find(server);
  if (found == nullptr || contains(raise.barred, server)) return;
  raise.barred.push_back(server);
  ++found->bars;
}

void EpochRaiser::lift_bars(Raise& raise) {
  for (const ServerId server : std::exchange(raise.barred, {})) {
    Server* barred = servers_.find(server);
    if (barred == nullptr) continue;  // removed meanwhile
    --barred->bars;
    servers_.revoke(*barred, loop_.clock().now());
  }
}

void EpochRaiser::wait_for_lease(const RaiseRef& raise, ServerId server) {
  const Server* found = servers_.find(server);
  const Instant now = loop_.clock().now();
  const Instant end = found == nullptr ? now : found->lease_end;
  const auto left = std::max<std::chrono::nanoseconds>(end - now, std::chrono::nanoseconds::zero());
  loop_.after(std::chrono::ceil<Micros>(left), [this, raise] { step_done(raise); });
}

void EpochRaiser::confirm(const RaiseRef& raise, ServerId server) {
  raise->asked[server] = incarnation_of(server);
  storage_.inspect(server, raise->block, [this, raise, server](const Result<wire::InspectBlockReply>& reply) {
    // One that nobody has written to need not be there. But one that is gone may have been written to.
    const bool gone = reply && !reply->exists && reply->state == wire::CopyState::gone;
    const bool fit = reply && !gone && (!reply->exists || reply->state == wire::CopyState::whole);
    const bool good = fit || (reply && raise->accept != ServerId{});
    if (gone && on_gone_) on_gone_(raise->block, server);
    raise->confirmed = raise->confirmed || good;
    if (good) raise->good.push_back(server);
    if (reply) raise->accept_epoch = reply->exists ? reply->epoch : 1;  // as from the first: it is made, without a byte
    if (reply && reply->exists && !good && reply->state == wire::CopyState::suspect) raise->bad.push_back(server);
    if (--raise->steps_left > 0) return;
    if (raise->confirmed && !raise->bad.empty()) leave_out_bad(*raise);
    raise->confirmed && raise->bad.empty() ? confirmed(raise) : try_again(raise);
  });
}

// Told of a new epoch as a member, a suspect copy would count again. Somebody else has a good one: it goes on without it.
void EpochRaiser::leave_out_bad(Raise& raise) {
  for (Wish& wish : raise.wishes) {
    std::erase_if(wish.set.promote, [&](ServerId server) { return contains(raise.bad, server); });
  }
  raise.wishes.push_back({0, {raise.bad, {}, {}}, {}, [](const Result<wire::BlockInfo>&) {}});
}

void EpochRaiser::prepare(const RaiseRef& raise, ServerId server) {
  const wire::EpochChange change{raise->block, 0, raise->after.epoch, true, false, true};  // what it has from before is of use
  storage_.set_epoch(server, change, [this, raise, server](const Status& status) {
    if (!status) {
      log::warn("control.fill_refused",
                {{"block", to_string(raise->block)}, {"server", raw(server)}, {"error", status.error().what}});
      raise->broken = true;
      if (on_left_) on_left_(raise->block, server);  // it may have done it, and not said so
      for (Wish& wish : raise->wishes) std::erase(wish.set.fill, server);
    }
    step_done(raise);
  });
}

void EpochRaiser::step_done(const RaiseRef& raise) {
  if (--raise->steps_left > 0) return;
  raise->broken ? try_again(raise) : commit(raise);
}

void EpochRaiser::try_again(const RaiseRef& raise) {
  if (++raise->round >= max_rounds) {
    return finish(raise, fail(Code::unavailable, "no server with an in-sync copy of the block answers"));
  }
  start_later(raise);
}

// ---------------------------------------------------------------- commit, and after it

void EpochRaiser::commit(const RaiseRef& raise) {
  // While a lease was waited for, those that were fit to go on may have lost power, and who leaves be back.
  const bool still_good = std::any_of(raise->good.begin(), raise->good.end(),
                                      [&](ServerId server) { return raise->asked.at(server) == incarnation_of(server); });
  if (!still_good && raise->fenced.empty() && raise->accept == ServerId{}) return try_again(raise);
  const auto apply = [this, raise](Namespace& ns) -> Status {
    // Nobody else gives leases, and this one gave none: but what counts is checked where it counts.
    for (const ServerId server : raise->plan.dropped) {
      if (!servers_.lease_over(server, loop_.clock().now()) && !contains(raise->fenced, server)) {
        return fail(Code::stale, "a server that is to leave may still be serving");
      }
    }
    const auto now = ns.block(raise->block);
    if (!now) return pass(now);
    if (!*now) return fail(Code::no_entry, "there is no such block");
    if ((*now)->epoch != raise->before.epoch) return fail(Code::stale, "the block was raised by somebody else");
    if (const Status known = check_known(ns, raise->plan.joining); !known) return known;
    return ns.set_copy_set(raise->block, raise->after.epoch, raise->after.in_sync, raise->after.filling,
                           raise->accept != ServerId{});
  };
  group_.add(apply, [this, raise](const Status& status) {
    if (!status && on_left_) {  // they have made copies
      for (const ServerId server : raise->plan.joining) on_left_(raise->block, server);
    }
    if (!status && status.error().code == Code::stale && ++raise->round < max_rounds) return start_later(raise);
    if (!status) return finish(raise, pass(status));
    lift_bars(*raise);
    log::info("control.epoch_raised", {{"block", to_string(raise->block)},
                                       {"epoch", raise->after.epoch},
                                       {"in_sync", names_of(raise->after.in_sync)},
                                       {"filling", names_of(raise->after.filling)},
                                       {"dropped", names_of(raise->plan.dropped)}});
    for (const auto* left : {&raise->plan.dropped, &raise->plan.unfilled}) {
      for (const ServerId server : *left) {
        if (on_left_) on_left_(raise->block, server);
      }
    }
    tell(raise);
  });
}

void EpochRaiser::tell(const RaiseRef& raise) {
  std::vector<ServerId> members = raise->after.in_sync;
  for (const ServerId server : raise->after.filling) {
    if (!contains(raise->plan.joining, server)) members.push_back(server);
  }
  raise->steps_left = members.size();
  for (const ServerId server : members) tell_member(raise, server);
}

uint64_t EpochRaiser::incarnation_of(ServerId server) const {
  const Server* found = servers_.find(server);
  return found == nullptr ? 0 : found->incarnation;
}

void EpochRaiser::tell_member(const RaiseRef& raise, ServerId server) {
  // One that is being filled goes on with the holes it has.
  const bool filling = contains(raise->after.filling, server);
  const Epoch from = server == raise->accept ? raise->accept_epoch : raise->before.epoch;
  const wire::EpochChange change{raise->block, from, raise->after.epoch, filling, false};
  const auto told = [this, raise, server](const Status& status) {
    if (!status && !storage_.may_act()) {  // it says nothing about the server
      loop_.after(timing_.retry_pause, [this, raise, server] { tell_member(raise, server); });
      return;
    }
    if (!status) {
      // It will learn the epoch from its next report, before it serves again.
      log::warn("control.epoch_not_taken",
                {{"block", to_string(raise->block)}, {"server", raw(server)}, {"error", status.error().what}});
      if (Server* silent = servers_.find(server)) servers_.revoke(*silent, loop_.clock().now());
    }
    if (--raise->steps_left > 0) return;
    if (on_raised_) on_raised_(raise->after);
    finish(raise, raise->after);
  };
  // A copy that became suspect in between would count again by being told. One that is to be accepted is suspect anyway.
  const auto asked = raise->asked.find(server);
  const bool same = server == raise->accept || asked == raise->asked.end() || asked->second == incarnation_of(server);
  if (!same) return told(fail(Code::stale, "the server was started again meanwhile"));
  storage_.set_epoch(server, change, told);
}

void EpochRaiser::finish(const RaiseRef& raise, const Result<wire::BlockInfo>& outcome) {
  lift_bars(*raise);
  const std::vector<Wish> done = std::exchange(raise->wishes, {});
  if (raise->waiting.empty()) {
    raises_.erase(raise->block);
  } else {
    raise->round = 0;
    loop_.post([this, raise] { start(raise); });
  }
  for (const Wish& wish : done) wish.done(outcome);
}

}  // namespace lace::control
