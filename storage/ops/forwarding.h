// The order of writes between copies. A primary numbers the writes of each block; a member takes them in that order only.
//
// Numbers count within a stream: the writes of one primary process to a block at one epoch. ZeroMQ keeps the order of one
// connection, so a number that is not the next one means that something was lost with a connection: it is refused, the primary
// reports the member, and the block goes on without it. No I/O here.
#pragma once

#include <optional>
#include <unordered_map>

#include "common/base/ids.h"
#include "common/base/result.h"

namespace lace::storage {

class Forwarding {
 public:
  // `seed`: random per process, so that streams of different primaries do not meet.
  explicit Forwarding(uint64_t seed) : next_stream_(seed | 1) {}

  struct Place {
    uint64_t stream = 0;
    uint64_t number = 0;
  };
  // Primary: the place of the next write.
  Place next(BlockId block, Epoch epoch);

  enum class Verdict { take, repeated, lost };
  // Member: what to do with a write at that place. A stream not heard of begins wherever it is.
  Verdict heard(BlockId block, Epoch epoch, Place place);

 private:
  struct Stream {
    Epoch epoch = 0;
    uint64_t stream = 0;
    uint64_t number = 0;  // the last one
  };
  static constexpr size_t most_blocks = 65'536;  // then all are forgotten: that is safe, new streams begin

  uint64_t next_stream_;
  std::unordered_map<BlockId, Stream> sent_;
  std::unordered_map<BlockId, Stream> heard_;
};

}  // namespace lace::storage
