#include "fs/cache/leases.h"

#include <algorithm>

namespace lace::fs {

Leases::Leases() : slots_(std::make_unique<std::array<Slot, most>>()) {
  for (uint64_t slot = most; slot > 0; --slot) free_.push_back(slot - 1);
}

bool Leases::good(uint64_t stamp) const { return is_stamp(stamp) && slot_of(stamp).stamp.load() == stamp; }

// The right to change is given up before the slot is used anew: an old stamp never gets the right of a new one.
bool Leases::is_exclusive(uint64_t stamp) const {
  if (!is_stamp(stamp)) return false;
  const Slot& slot = slot_of(stamp);
  return slot.exclusive.load() && slot.stamp.load() == stamp;
}

uint64_t Leases::stamp(InodeId directory) const {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(directory);
  return found == held_.end() ? 0 : (*slots_)[found->second.slot].stamp.load();
}

Leases::Held* Leases::put(InodeId directory) {
  if (free_.empty()) return nullptr;
  Held& held = held_[directory];
  held.slot = free_.back();
  free_.pop_back();
  directories_[held.slot] = directory;
  Slot& slot = (*slots_)[held.slot];
  slot.exclusive = false;
  slot.stamp = mark | ++generation_ << slot_bits | held.slot;
  return &held;
}

void Leases::drop(std::unordered_map<InodeId, Held>::iterator held) {
  Slot& slot = (*slots_)[held->second.slot];
  slot.exclusive = false;
  slot.stamp = 0;
  free_.push_back(held->second.slot);
  directories_.erase(held->second.slot);
  held_.erase(held);
}

bool Leases::came_too_late(const wire::Lease& lease) const {
  if (!accepting_ || lease.number <= ended_up_to_) return true;
  const auto ended = ended_.find(lease.directory);
  return ended != ended_.end() && lease.number <= ended->second.all;
}

void Leases::take_one(const wire::Lease& lease) {
  const auto found = held_.find(lease.directory);
  Held* held = found == held_.end() ? nullptr : &found->second;
  if (held == nullptr) {
    if (came_too_late(lease)) return;
    held = put(lease.directory);
    if (held == nullptr) return;
  }
  if (lease.number < held->number) return;
  held->number = lease.number;
  if (lease.exclusive <= held->exclusive || lease.exclusive <= ended_up_to_ || !accepting_) return;
  const auto ended = ended_.find(lease.directory);
  if (ended != ended_.end() && lease.exclusive <= ended->second.exclusive) return;
  held->exclusive = lease.exclusive;
  (*slots_)[held->slot].exclusive = true;
}

uint64_t Leases::take(const std::vector<wire::Lease>& leases, InodeId home) {
  if (leases.empty()) return 0;
  const std::lock_guard lock(mutex_);
  uint64_t stamp = 0;
  for (const wire::Lease& lease : leases) {
    take_one(lease);
    if (lease.directory != home) continue;
    const auto held = held_.find(home);
    // An answer under an earlier lease may be older than what others did since.
    if (held != held_.end() && held->second.number == lease.number) stamp = (*slots_)[held->second.slot].stamp.load();
  }
  return stamp;
}

uint64_t Leases::made(InodeId directory) {
  const std::lock_guard lock(mutex_);
  if (held_.contains(directory)) return 0;
  const Held* held = put(directory);
  if (held == nullptr) return 0;
  Slot& slot = (*slots_)[held->slot];
  slot.exclusive = true;
  return slot.stamp.load();
}

void Leases::covers(uint64_t stamp, InodeId inode) {
  if (!is_stamp(stamp)) return;
  const std::lock_guard lock(mutex_);
  if (slot_of(stamp).stamp.load() != stamp) return;
  Held& held = held_.at(directories_.at(stamp & (most - 1)));
  if (held.more) return;
  held.covered.push_back(inode);
  if (held.covered.size() <= most_covered) return;
  held.covered = {};
  held.more = true;
}

Leases::Recalled Leases::recalled(InodeId directory, uint64_t up_to) {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(directory);
  if (found == held_.end() || found->second.number > up_to) return {};
  Held& held = found->second;
  std::sort(held.covered.begin(), held.covered.end());
  held.covered.erase(std::unique(held.covered.begin(), held.covered.end()), held.covered.end());
  const Slot& slot = (*slots_)[held.slot];
  return {slot.stamp.load(), slot.exclusive.load(), held.covered, held.more};
}

Leases::Ended& Leases::note_ended(InodeId directory) {
  if (ended_.size() >= most_ended) {
    for (const auto& [id, ended] : ended_) ended_up_to_ = std::max({ended_up_to_, ended.all, ended.exclusive});
    ended_.clear();
  }
  return ended_[directory];
}

void Leases::sharing(InodeId directory, uint64_t up_to) {
  const std::lock_guard lock(mutex_);
  Ended& ended = note_ended(directory);
  ended.exclusive = std::max(ended.exclusive, up_to);
  const auto found = held_.find(directory);
  if (found == held_.end() || found->second.exclusive > up_to) return;
  note_returning(directory, found->second);
  found->second.exclusive = 0;
  (*slots_)[found->second.slot].exclusive = false;
}

void Leases::ended(InodeId directory, uint64_t up_to) {
  const std::lock_guard lock(mutex_);
  Ended& ended = note_ended(directory);
  ended.all = std::max(ended.all, up_to);
  ended.exclusive = std::max(ended.exclusive, up_to);
  const auto found = held_.find(directory);
  if (found == held_.end() || found->second.number > up_to) return;
  note_returning(directory, found->second);
  drop(found);
}

void Leases::note_returning(InodeId directory, const Held& held) {
  if ((*slots_)[held.slot].exclusive.load()) returning_[directory] = held.number;
}

void Leases::given_back(InodeId directory) {
  const std::lock_guard lock(mutex_);
  returning_.erase(directory);
}

void Leases::forget(InodeId directory) {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(directory);
  if (found != held_.end()) drop(found);
}

std::vector<wire::Lease> Leases::tell_all() {
  const std::lock_guard lock(mutex_);
  accepting_ = false;
  std::vector<wire::Lease> all;
  for (const auto& [directory, number] : returning_) {
    if (!held_.contains(directory)) all.push_back({directory, number, 1});
  }
  for (const auto& [directory, held] : held_) {
    const bool exclusive = (*slots_)[held.slot].exclusive.load() || returning_.contains(directory);
    all.push_back({directory, held.number, exclusive ? std::max<uint64_t>(held.exclusive, 1) : 0});
  }
  return all;
}

void Leases::accept(uint64_t up_to) {
  const std::lock_guard lock(mutex_);
  ended_up_to_ = std::max(ended_up_to_, up_to);
  accepting_ = true;
}

void Leases::end_all() {
  const std::lock_guard lock(mutex_);
  while (!held_.empty()) drop(held_.begin());
  returning_.clear();
  accepting_ = false;
}

void Leases::distrust() {
  const std::lock_guard lock(mutex_);
  for (auto& [directory, held] : held_) {
    Slot& slot = (*slots_)[held.slot];
    slot.exclusive = false;
    slot.stamp = mark | ++generation_ << slot_bits | held.slot;
    held.covered.clear();
    held.more = false;
  }
}

}  // namespace lace::fs
