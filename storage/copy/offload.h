// How the store gets blocking work off its thread: `work` runs anywhere, then `then` on the store's thread. Loop::offload in
// the server; tests hand in their own.
#pragma once

#include <functional>

#include "common/base/result.h"

namespace lace::storage {

using Offload = std::function<void(std::function<void()> work, std::function<void()> then)>;
using Done = std::function<void(Status)>;

}  // namespace lace::storage
