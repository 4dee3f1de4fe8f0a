// A sync that somebody who waits for a write would like to have with it.
#pragma once

#include <functional>

#include "storage/ops/server.h"

namespace lace::storage {

// A disk that is busy for longer must not look like a member that is gone: then the write is answered without the sync.
inline constexpr Millis sync_soon_within{300};

// All writes of the copy that were answered before are durable: true. False: it failed, or takes longer than that.
void sync_soon(Server& server, BlockId block, Epoch epoch, std::function<void(bool synced)> done);

}  // namespace lace::storage
