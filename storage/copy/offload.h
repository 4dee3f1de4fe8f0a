// How the store gets blocking work off its thread: `work` runs anywhere, then `then` on the store's thread. Loop::offload in
// the server; tests hand in their own.
//
// A server that loses patience with its disk ends while `work` is still waiting for that disk. So `work` may hold shared parts
// and the disk, but never the store itself.
#pragma once

#include <functional>

#include "common/base/result.h"

namespace lace::storage {

using Offload = std::function<void(std::function<void()> work, std::function<void()> then)>;
using Done = std::function<void(Status)>;

}  // namespace lace::storage
