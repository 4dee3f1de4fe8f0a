#include "control/mapping/deletes.h"

#include "common/base/log.h"

namespace lace::control {

Deletes::Deletes(net::Loop& loop, Namespace& ns, GroupCommit& group, Servers& servers, StorageCalls& storage, Copies& copies,
                 const Timing& timing)
    : loop_(loop), namespace_(ns), group_(group), servers_(servers), storage_(storage), copies_(copies), timing_(timing) {}

void Deletes::wake() {
  for (const auto& [id, server] : servers_.all()) wake(id);
}

void Deletes::wake(ServerId server) {
  if (busy_.insert(server).second) next(server);  // else what is new is found by the batches under way
}

// Nothing is deleted because of a transaction that may still be taken back.
void Deletes::next(ServerId server) {
  if (group_.keeping()) return when_kept([this, server] { next(server); });
  auto blocks = namespace_.pending_deletes(server, BlockId{0}, StorageCalls::max_orders);
  if (!blocks) return pause(server);
  if (blocks->empty()) {
    busy_.erase(server);
    return;
  }
  if (!servers_.is_up(server, loop_.clock().now())) return pause(server);
  const std::vector<BlockId> batch = std::move(*blocks);
  storage_.remove(server, batch, [this, server, batch](const Status& status) {
    if (!status) {
      log::debug("control.deletes_postponed", {{"server", raw(server)}, {"error", status.error().what}});
      return pause(server);
    }
    std::vector<wire::CopyReport> gone;
    for (const BlockId block : batch) gone.push_back({block, 0, wire::CopyState::gone, 0});
    copies_.put(server, gone);
    if (on_deleted_) on_deleted_(batch);
    group_.add([server, batch](Namespace& ns) { return ns.acknowledge_deletes(server, batch); },
               [this, server](const Status& kept) { kept ? next(server) : pause(server); });
  });
}

void Deletes::when_kept(std::function<void()> run) {
  group_.add([](Namespace&) -> Status { return {}; }, [run = std::move(run)](const Status&) { run(); });
}

void Deletes::pause(ServerId server) {
  loop_.after(timing_.retry_pause * 4, [this, server] {
    busy_.erase(server);
    wake(server);
  });
}

void Deletes::remove_dropped(ServerId server, std::vector<BlockId> blocks) {
  storage_.remove(server, blocks, [this, server, blocks](const Status& status) {
    if (!status) return;  // found again by the next look
    std::vector<wire::CopyReport> gone;
    for (const BlockId block : blocks) gone.push_back({block, 0, wire::CopyState::gone, 0});
    copies_.put(server, gone);
    group_.add([server, blocks](Namespace& ns) { return ns.forget_dropped(server, blocks); }, [](const Status&) {});
  });
}

}  // namespace lace::control
