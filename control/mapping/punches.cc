#include "control/mapping/punches.h"

#include <algorithm>

#include "common/base/log.h"

namespace lace::control {
namespace {
constexpr uint32_t page_of_punches = 10'000;
constexpr int max_failures = 3;  // then a server that is there, but takes no orders, leaves the copy set
}  // namespace

Punches::Punches(net::Loop& loop, Namespace& ns, GroupCommit& group, Servers& servers, StorageCalls& storage,
                 EpochRaiser& raiser, const Timing& timing)
    : loop_(loop), namespace_(ns), group_(group), servers_(servers), storage_(storage), raiser_(raiser), timing_(timing) {}

void Punches::send(const std::vector<PendingPunch>& punches, std::function<void()> done) {
  const auto waiter = std::make_shared<Waiter>(Waiter{punches.size() + 1, std::move(done)});
  for (const PendingPunch& punch : punches) add(punch, waiter);
  waiter->one_less();
}

Status Punches::resume(std::function<void()> done) {
  const auto waiter = std::make_shared<Waiter>(Waiter{1, std::move(done)});
  for (uint64_t after = 0;;) {
    const auto page = namespace_.pending_punches(after, page_of_punches);
    if (!page) return pass(page);
    waiter->left += page->size();
    for (const PendingPunch& punch : *page) add(punch, waiter);
    if (page->size() < page_of_punches) break;
    after = page->back().id;
  }
  waiter->one_less();
  return {};
}

void Punches::settle(ServerId server, std::function<void()> done) {
  std::vector<WorkRef> mine;
  for (const auto& [id, work] : works_) {
    if (work->away.contains(server)) mine.push_back(work);
  }
  const auto waiter = std::make_shared<Waiter>(Waiter{mine.size() + 1, std::move(done)});
  for (const WorkRef& work : mine) {
    work->away.erase(server);
    work->waiters.push_back(waiter);
    step(work);
  }
  waiter->one_less();
}

void Punches::add(const PendingPunch& punch, const std::shared_ptr<Waiter>& waiter) {
  WorkRef& work = works_[punch.id];
  if (!work) {
    work = std::make_shared<Work>();
    work->punch = punch;
  }
  work->waiters.push_back(waiter);
  step(WorkRef(work));
}

void Punches::step(const WorkRef& work) {
  if (work->acknowledging) return;
  const auto block = namespace_.block(work->punch.block);
  if (!block) return step_later(work);
  if (!*block) {  // the whole block is gone, and its punches with it
    works_.erase(work->punch.id);
    return release(work);
  }
  std::vector<ServerId> members = (*block)->in_sync;
  members.insert(members.end(), (*block)->filling.begin(), (*block)->filling.end());
  bool finished = true, waits = false;
  for (const ServerId server : members) {
    if (work->finished.contains(server)) continue;
    finished = false;
    if (work->away.contains(server)) continue;
    waits = true;
    if (!work->under_way.contains(server)) order(work, server, (*block)->epoch);
  }
  if (finished) return acknowledge(work);
  if (!waits) release(work);
}

void Punches::step_later(const WorkRef& work) {
  loop_.after(timing_.retry_pause, [this, work] { step(work); });
}

void Punches::order(const WorkRef& work, ServerId server, Epoch epoch) {
  work->under_way.insert(server);
  const Server* found = servers_.find(server);
  const Instant now = loop_.clock().now();
  if (found == nullptr || !found->registered) {
    if (servers_.lease_over(server, now)) return member_is_away(work, server, epoch);
    loop_.after(timing_.retry_pause, [this, work, server] {
      work->under_way.erase(server);
      step(work);
    });
    return;
  }
  const wire::BlockPunch punch{work->punch.block, epoch, work->punch.offset, work->punch.length};
  storage_.punch(server, punch, [this, work, server, epoch](const Status& status) {
    work->under_way.erase(server);
    if (status) {
      work->finished.insert(server);
      return step(work);
    }
    if (!storage_.may_act()) return step_later(work);  // it says nothing about the server
    const Instant at = loop_.clock().now();
    const bool silent = servers_.lease_over(server, at);
    const bool refuses = status.error().code != Code::stale && ++work->failures[server] >= max_failures;
    if (silent || refuses) {
      Server* found_again = servers_.find(server);
      if (silent && found_again != nullptr) servers_.revoke(*found_again, at);
      work->under_way.insert(server);
      return member_is_away(work, server, epoch);
    }
    // A suspect copy takes punches only when it is accepted, for which its server must be up: it serves nobody until then.
    const Server* asked = servers_.find(server);
    if (status.error().code == Code::unavailable && asked != nullptr && asked->registered && !asked->reported) release(work);
    step_later(work);  // stale: the epoch is being raised
  });
}

void Punches::member_is_away(const WorkRef& work, ServerId server, Epoch epoch) {
  raiser_.drop(work->punch.block, epoch, {server}, [this, work, server](const Result<wire::BlockInfo>& block) {
    work->under_way.erase(server);
    const bool stays = block && (contains(block->in_sync, server) || contains(block->filling, server));
    const Server* found = servers_.find(server);
    const bool back = found != nullptr && found->registered;
    if ((!block || stays) && !back) {
      // Nobody else has the block. It can't serve before it reported, and then it is sent the punch first.
      work->away.insert(server);
      return step(work);
    }
    block && !stays ? step(work) : step_later(work);
  });
}

void Punches::acknowledge(const WorkRef& work) {
  work->acknowledging = true;
  const uint64_t id = work->punch.id;
  // Durable before anyone is told: a punch sent again after a restart would destroy what was written there meanwhile.
  group_.add([id](Namespace& ns) { return ns.acknowledge_punches({id}); },
             [this, work](const Status& status) {
               work->acknowledging = false;
               if (!status) return step_later(work);
               works_.erase(work->punch.id);
               release(work);
             });
}

void Punches::release(const WorkRef& work) {
  for (const auto& waiter : std::exchange(work->waiters, {})) waiter->one_less();
}

}  // namespace lace::control
