#include "fs/cache/entry_cache.h"

#include <algorithm>

namespace lace::fs {

EntryCache::Question EntryCache::ask(InodeId parent) const {
  const Directory& at = directory(parent);
  const uint64_t version = at.version.load();
  return {0, at.changing.load() == 0 ? version : 0};
}

void EntryCache::answer(const Question& question, InodeId parent, std::string_view name, InodeId inode) {
  if (question.stamp == 0) return;
  Shard& at = shard(parent);
  const std::lock_guard lock(at.mutex);
  if (directory(parent).version.load() != question.version) return;
  if (const auto known = at.directories.find(parent); known != at.directories.end()) {
    const auto entry = known->second.entries.find(std::string(name));
    if (entry != known->second.entries.end() && progress_.pending(entry->second.number)) return;  // newer than any answer
  }
  put_locked(at, parent, name, {inode, question.stamp, 0});
}

void EntryCache::begin_change(InodeId parent) {
  const std::lock_guard nobody_decides(deciding_);
  ++directory(parent).changing;
  ++directory(parent).version;
}

void EntryCache::end_change(InodeId parent) {
  ++directory(parent).version;
  --directory(parent).changing;
}

EntryCache::Names& EntryCache::names(Shard& shard, InodeId parent) {
  const auto found = shard.directories.find(parent);
  if (found != shard.directories.end()) {
    shard.recent.splice(shard.recent.begin(), shard.recent, found->second.place);
    return found->second;
  }
  shard.recent.push_front(parent);
  Names& made = shard.directories[parent];
  made.place = shard.recent.begin();
  return made;
}

void EntryCache::put(InodeId parent, std::string_view name, InodeId inode, uint64_t stamp, uint64_t number) {
  if (stamp == 0) return erase(parent, name);
  if (number != 0) ++directory(parent).version;
  Shard& at = shard(parent);
  const std::lock_guard lock(at.mutex);
  put_locked(at, parent, name, {inode, stamp, number});
}

void EntryCache::put_locked(Shard& shard, InodeId parent, std::string_view name, const Entry& entry) {
  Names& at = names(shard, parent);
  const auto [place, added] = at.entries.try_emplace(std::string(name));
  if (!added && place->second.inode != no_inode) --at.present;
  if (added) count(shard, 1);
  place->second = entry;
  if (entry.inode != no_inode) ++at.present;
  at.number = std::max(at.number, entry.number);
  // Those that may not be forgotten are not looked at again and again.
  if (entries_.load() > max_entries && shard.entries > 2 * shard.looked + max_entries / 64) forget_old(shard);
}

void EntryCache::count(Shard& shard, std::ptrdiff_t more) {
  shard.entries += static_cast<size_t>(more);
  entries_ += static_cast<size_t>(more);
}

// What control knows and nobody used for long goes first; if one directory fills it all, its own entries do.
void EntryCache::forget_old(Shard& shard) {
  for (auto oldest = std::prev(shard.recent.end()); oldest != shard.recent.begin() && entries_.load() > max_entries;) {
    const InodeId id = *oldest--;
    Names& at = shard.directories.at(id);
    if (progress_.pending(at.number) || progress_.pending(at.made)) continue;
    count(shard, -static_cast<std::ptrdiff_t>(at.entries.size()));
    shard.recent.erase(at.place);
    shard.directories.erase(id);
  }
  if (entries_.load() > max_entries) forget_told(shard, shard.directories.at(shard.recent.front()));
  shard.looked = shard.entries;
}

void EntryCache::forget_told(Shard& shard, Names& names) {
  names.complete = 0;
  for (auto entry = names.entries.begin(); entry != names.entries.end();) {
    if (progress_.pending(entry->second.number)) {
      ++entry;
      continue;
    }
    if (entry->second.inode != no_inode) --names.present;
    entry = names.entries.erase(entry);
    count(shard, -1);
  }
}

void EntryCache::erase(InodeId parent, std::string_view name) {
  Shard& at = shard(parent);
  const std::lock_guard lock(at.mutex);
  const auto found = at.directories.find(parent);
  if (found == at.directories.end()) return;
  found->second.complete = 0;
  const auto entry = found->second.entries.find(std::string(name));
  if (entry == found->second.entries.end()) return;
  if (entry->second.inode != no_inode) --found->second.present;
  found->second.entries.erase(entry);
  count(at, -1);
}

bool EntryCache::is_complete(const Names& names, uint64_t stamp) const {
  return (names.complete != 0 && names.complete == stamp) || progress_.pending(names.made);
}

std::optional<InodeId> EntryCache::find(InodeId parent, std::string_view name, uint64_t stamp) {
  Shard& at = shard(parent);
  const std::lock_guard lock(at.mutex);
  const auto found = at.directories.find(parent);
  if (found == at.directories.end()) return std::nullopt;
  Names& names = found->second;
  at.recent.splice(at.recent.begin(), at.recent, names.place);
  const auto entry = names.entries.find(std::string(name));
  if (entry != names.entries.end()) {
    const bool good = progress_.pending(entry->second.number) || (stamp != 0 && entry->second.stamp == stamp);
    if (good) ++names.found;
    return good ? std::optional(entry->second.inode) : std::nullopt;
  }
  // A change that is under way may have made the name already.
  if (is_changing(parent)) return std::nullopt;
  return is_complete(names, stamp) ? std::optional(no_inode) : std::nullopt;
}

void EntryCache::set_complete(InodeId directory, uint64_t stamp, uint64_t number) {
  if (stamp == 0) return;
  Shard& at = shard(directory);
  const std::lock_guard lock(at.mutex);
  Names& made = names(at, directory);
  made.complete = stamp;
  made.made = number;
}

void EntryCache::listed(const Question& question, InodeId directory, uint64_t from, uint64_t next, bool end) {
  Shard& at = shard(directory);
  const std::lock_guard lock(at.mutex);
  const bool undisturbed = question.stamp != 0 && this->directory(directory).version.load() == question.version;
  Names& listed = names(at, directory);
  const bool same = listed.listing == question.version + 1 && listed.listing_stamp == question.stamp;
  const bool goes_on = from == 0 || (same && listed.listed_to == from);
  listed.listing = undisturbed && goes_on ? question.version + 1 : 0;
  listed.listing_stamp = question.stamp;
  listed.listed_to = next;
  if (end && listed.listing != 0) listed.complete = question.stamp;
}

std::optional<uint64_t> EntryCache::list_from(InodeId directory, uint64_t stamp) {
  // A page costs as much as some ten questions for one name. So that lookups here and there in a huge directory do not list it,
  // the first page comes with the second name, and others when the last one was of use, or after many more names.
  constexpr uint32_t first_after = 2, of_use = 16, anyway_after = 64;
  Shard& at = shard(directory);
  const std::lock_guard lock(at.mutex);
  Names& names = this->names(at, directory);
  if (stamp == 0 || is_changing(directory) || is_complete(names, stamp) || progress_.pending(names.number)) return std::nullopt;
  ++names.missed;
  const bool wanted = names.looked_ahead ? names.found >= of_use || names.missed >= anyway_after : names.missed >= first_after;
  if (!wanted) return std::nullopt;
  names.looked_ahead = true;
  names.found = names.missed = 0;
  const bool goes_on = names.listing == this->directory(directory).version.load() + 1 && names.listing_stamp == stamp;
  return goes_on ? names.listed_to : 0;
}

std::optional<bool> EntryCache::is_empty(InodeId directory, uint64_t stamp) {
  Shard& at = shard(directory);
  const std::lock_guard lock(at.mutex);
  const auto found = at.directories.find(directory);
  if (found == at.directories.end()) return std::nullopt;
  if (!is_complete(found->second, stamp) || is_changing(directory)) return std::nullopt;
  return found->second.present == 0;
}

uint64_t EntryCache::changed_by(InodeId directory) {
  Shard& at = shard(directory);
  const std::lock_guard lock(at.mutex);
  const auto found = at.directories.find(directory);
  return found == at.directories.end() ? 0 : std::max(found->second.number, found->second.made);
}

void EntryCache::clear() {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (auto at = shard.directories.begin(); at != shard.directories.end();) {
      forget_told(shard, at->second);
      if (progress_.pending(at->second.number) || progress_.pending(at->second.made)) {
        ++at;
        continue;
      }
      count(shard, -static_cast<std::ptrdiff_t>(at->second.entries.size()));
      shard.recent.erase(at->second.place);
      at = shard.directories.erase(at);
    }
  }
}

}  // namespace lace::fs
