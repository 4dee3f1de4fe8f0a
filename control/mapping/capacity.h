// How much of what servers have can be used, when each block has several copies on different servers.
#pragma once

#include <cstdint>
#include <vector>

namespace lace::control {

// The most bytes that can be stored `copies` times, every time on different servers. Fewer servers than copies: as many
// copies as there are servers.
uint64_t usable_bytes(std::vector<uint64_t> servers, uint32_t copies);

}  // namespace lace::control
