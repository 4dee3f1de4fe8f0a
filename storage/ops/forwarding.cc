#include "storage/ops/forwarding.h"

namespace lace::storage {

Forwarding::Place Forwarding::next(BlockId block, Epoch epoch) {
  if (sent_.size() >= most_blocks && !sent_.contains(block)) sent_.clear();
  Stream& stream = sent_[block];
  if (stream.epoch != epoch || stream.stream == 0) stream = {epoch, next_stream_ += 2, 0};
  return {stream.stream, ++stream.number};
}

Forwarding::Verdict Forwarding::heard(BlockId block, Epoch epoch, Place place) {
  if (heard_.size() >= most_blocks && !heard_.contains(block)) heard_.clear();
  Stream& stream = heard_[block];
  if (stream.epoch != epoch || stream.stream != place.stream) {
    stream = {epoch, place.stream, place.number};
    return Verdict::take;
  }
  if (place.number <= stream.number) return Verdict::repeated;
  if (place.number != stream.number + 1) return Verdict::lost;
  stream.number = place.number;
  return Verdict::take;
}

}  // namespace lace::storage
