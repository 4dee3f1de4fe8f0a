// How much of what servers have can be used, when each block has several copies on different servers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lace::control {

// What a server says of its disk.
struct DiskSpace {
  std::string disk;  // servers on one disk name the same; empty: its own
  uint64_t bytes = 0;
};
// For each server its part: what several have in common is divided among them, not counted several times.
std::vector<uint64_t> parts_of(const std::vector<DiskSpace>& servers);

// The most bytes that can be stored `copies` times, every time on different servers. Fewer servers than copies: as many
// copies as there are servers.
uint64_t usable_bytes(std::vector<uint64_t> servers, uint32_t copies);

}  // namespace lace::control
