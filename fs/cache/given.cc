#include "fs/cache/given.h"

#include <iterator>

namespace lace::fs {

void GivenToKernel::remember(Instant now, InodeId inode, InodeId parent, std::string_view name) {
  const std::lock_guard lock(mutex_);
  while (!things_.empty() && things_.front().until <= now) things_.pop_front();
  if (things_.size() >= max_remembered) {
    forgotten_until_ = now + longest;
    return;
  }
  things_.push_back({now + longest, inode, parent, std::string(name)});
}

GivenToKernel::Taken GivenToKernel::take() {
  const std::lock_guard lock(mutex_);
  Taken taken;
  taken.things.assign(std::make_move_iterator(things_.begin()), std::make_move_iterator(things_.end()));
  taken.until = forgotten_until_;
  things_.clear();
  return taken;
}

}  // namespace lace::fs
