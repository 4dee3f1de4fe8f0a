#include "fs/client/slots.h"

namespace lace::fs {

void Slots::adopt(uint64_t generation) {
  if (generation <= generation_) return;
  generation_ = generation;
  unsettled_.clear();
  settling_ = false;
  free_.clear();
  for (uint32_t index = count; index > 0; --index) free_.push_back({index - 1, 0, generation});
}

std::optional<Slots::Slot> Slots::acquire(uint64_t generation) {
  const std::lock_guard lock(mutex_);
  adopt(generation);
  if (free_.empty() || generation != generation_) return std::nullopt;
  const Slot slot = free_.back();
  free_.pop_back();
  return slot;
}

void Slots::release(Slot slot) {
  const std::lock_guard lock(mutex_);
  if (slot.generation == generation_) free_.push_back(slot);
}

void Slots::leave_unsettled(Slot slot, wire::Commit commit) {
  const std::lock_guard lock(mutex_);
  if (slot.generation == generation_) unsettled_.push_back({slot, std::move(commit)});
}

std::optional<Slots::Unsettled> Slots::take_unsettled(uint64_t generation) {
  const std::lock_guard lock(mutex_);
  adopt(generation);
  if (settling_ || unsettled_.empty()) return std::nullopt;
  settling_ = true;
  return unsettled_.front();
}

void Slots::settled(const Unsettled& unsettled, bool known) {
  const std::lock_guard lock(mutex_);
  if (unsettled.slot.generation != generation_) return;
  settling_ = false;
  unsettled_.erase(unsettled_.begin());
  if (known) free_.push_back(unsettled.slot);
}

void Slots::put_back(Unsettled unsettled) {
  const std::lock_guard lock(mutex_);
  if (unsettled.slot.generation == generation_) settling_ = false;
}

bool Slots::any_unsettled(uint64_t generation) const {
  const std::lock_guard lock(mutex_);
  return generation == generation_ && !unsettled_.empty();
}

}  // namespace lace::fs
