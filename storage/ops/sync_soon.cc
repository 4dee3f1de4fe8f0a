#include "storage/ops/sync_soon.h"

namespace lace::storage {

void sync_soon(Server& server, BlockId block, Epoch epoch, std::function<void(bool synced)> done) {
  struct Waiting {
    std::function<void(bool)> done;
    net::TimerId timer{};
  };
  ++server.counters.syncs;
  auto waiting = std::make_shared<Waiting>(Waiting{std::move(done), {}});
  const auto tell = [waiting](bool synced) {
    if (const auto told = std::exchange(waiting->done, nullptr)) told(synced);
  };
  waiting->timer = server.loop.after(sync_soon_within, [tell] { tell(false); });
  server.store.sync(block, epoch, [&server, waiting, tell](const Status& status) {
    server.loop.cancel(waiting->timer);
    tell(status.has_value());
  });
}

}  // namespace lace::storage
