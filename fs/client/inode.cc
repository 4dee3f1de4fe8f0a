#include "fs/client/inode.h"

#include "common/base/check.h"

namespace lace::fs {

Status FlushGate::enter(net::Caller& caller) {
  std::unique_lock lock(mutex_);
  while (taken_) {
    if (freed_.wait_for(lock, Millis{20}, [this] { return !taken_; })) break;
    lock.unlock();
    if (auto alive = caller.pause(Millis{0}); !alive) return alive;
    lock.lock();
  }
  taken_ = true;
  return {};
}

bool FlushGate::try_enter() {
  const std::lock_guard lock(mutex_);
  return !std::exchange(taken_, true);
}

void FlushGate::leave() {
  const std::lock_guard lock(mutex_);
  CHECK(taken_);
  taken_ = false;
  freed_.notify_one();
}

void Inode::learn(const wire::Attributes& fresh, uint64_t as_of, Instant when, bool own) {
  if (pending()) return;
  if (by_ourselves) {
    // While nobody else was there, what we know of the content is true, whatever the number of its last change; and an
    // answer that shows less than we did was given before.
    if (as_of != 0 && !own && fresh.changed < attributes.changed) return;
    const bool alone = as_of != 0 && as_of == stamp;
    by_ourselves = false;
    pages_change = alone && pages_change == attributes.change ? fresh.change : 0;
    extents_change = alone && extents_change == attributes.change ? fresh.change : 0;
    if (!alone) own_blocks.clear();
    known = false;
  }
  if (own && pages_change != 0 && (as_of != 0 || fresh.change == pages_change + 1))
    pages_change = std::max(pages_change, fresh.change);
  if (own && extents_change != 0 && (as_of != 0 || fresh.change == extents_change + 1))
    extents_change = std::max(extents_change, fresh.change);
  if (known && fresh.change < attributes.change) return;
  if (known && fresh.change == attributes.change && fresh.accessed < attributes.accessed) return;
  if (known && fresh.layout != attributes.layout && !own) {
    extents_change = 0;
    own_blocks.clear();
  }
  known = true;
  attributes = fresh;
  set_stamp(as_of);
  asked = when;
}

void Inode::learn_asked(const wire::Attributes& fresh, uint64_t as_of, Instant when) {
  if (!by_ourselves || !known) return learn(fresh, as_of, when, true);
  attributes.mode = fresh.mode;
  attributes.uid = fresh.uid;
  attributes.gid = fresh.gid;
  attributes.links = fresh.links;
  attributes.accessed = fresh.accessed;
  attributes.layout = fresh.layout;
  attributes.has_acl = fresh.has_acl;
  attributes.has_xattr = fresh.has_xattr;
  attributes.changed = std::max(attributes.changed, fresh.changed);
}

void Inode::changed_here(const FileTime& now, uint64_t number) {
  attributes.changed = std::max(attributes.changed, now);
  const uint64_t before = attributes.change++;
  if (pages_change != 0 && pages_change == before) pages_change = attributes.change;
  if (extents_change != 0 && extents_change == before) extents_change = attributes.change;
  logged = number;
  by_ourselves = true;
}

void Inode::others_may_change() {
  if (!std::exchange(by_ourselves, false)) return;
  attributes.change = 0;
  set_stamp(0);
  pages_change = 0;
  extents_change = 0;
  own_blocks.clear();
}

void Inode::knows_all_extents(const std::vector<Extent>& all, uint64_t as_of, Instant when) {
  extents.clear();
  extents.learn(0, end_of_everything, all);
  extents_change = attributes.change;
  extents_stamp = as_of;
  extents_until = 0;
  extents_asked = when;
}

wire::Attributes Inode::shown_times() const {
  wire::Attributes result = attributes;
  if (touched) {
    result.modified = std::max(result.modified, written);
    result.changed = std::max(result.changed, written);
  }
  if (has_accessed) result.accessed = std::max(result.accessed, accessed);
  deferred.apply_to(result);
  return result;
}

wire::Attributes Inode::shown() const {
  wire::Attributes result = shown_times();
  if (dirty.empty()) return result;
  for (const Range& range : dirty.ranges(0, UINT64_MAX)) {
    const uint64_t mapped = extents.bytes_within(range.begin, range.end);
    result.stored += range.length() - std::min(mapped, range.length());
  }
  result.stored = (result.stored + 511) / 512 * 512;
  result.size = size();
  return result;
}

void Inode::take_error(Status& status) {
  if (!status || error.code == Code{}) return;
  status = tl::unexpected<Error>(std::exchange(error, Error{Code{}, {}}));
}

InodePtr InodeTable::find(InodeId id) {
  Shard& at = shard(id);
  const std::lock_guard lock(at.mutex);
  const auto found = at.inodes.find(id);
  if (found == at.inodes.end()) return nullptr;
  at.recent.splice(at.recent.begin(), at.recent, found->second);
  return *found->second;
}

InodePtr InodeTable::get(InodeId id) {
  Shard& at = shard(id);
  const std::lock_guard lock(at.mutex);
  if (const auto found = at.inodes.find(id); found != at.inodes.end()) {
    at.recent.splice(at.recent.begin(), at.recent, found->second);
    return *found->second;
  }
  at.recent.push_front(std::make_shared<Inode>(id, progress_, leases_));
  at.inodes.emplace(id, at.recent.begin());
  const InodePtr made = at.recent.front();
  shrink(at);
  return made;
}

// The oldest few are looked at; those in use stay.
void InodeTable::shrink(Shard& shard) {
  const size_t most = max_idle / 64;
  for (int looked = 0; looked < 4 && shard.inodes.size() > most; ++looked) {
    const auto last = std::prev(shard.recent.end());
    bool unused = false;
    if (last->use_count() == 1 && (*last)->mutex.try_lock()) {
      unused = (*last)->idle();
      (*last)->mutex.unlock();
    }
    if (unused) {
      shard.inodes.erase((*last)->id);
      shard.recent.erase(last);
    } else {
      shard.recent.splice(shard.recent.begin(), shard.recent, last);
    }
  }
}

void InodeTable::drop_if_idle(InodeId id) {
  Shard& at = shard(id);
  const std::lock_guard lock(at.mutex);
  const auto found = at.inodes.find(id);
  if (found == at.inodes.end() || found->second->use_count() != 1 || !(*found->second)->mutex.try_lock()) return;
  const bool unused = (*found->second)->idle() && (*found->second)->lookups == 0;
  (*found->second)->mutex.unlock();
  if (!unused) return;
  at.recent.erase(found->second);
  at.inodes.erase(found);
}

std::vector<InodePtr> InodeTable::all() {
  std::vector<InodePtr> result;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    result.insert(result.end(), shard.recent.begin(), shard.recent.end());
  }
  return result;
}

}  // namespace lace::fs
