#include "fs/cache/entry_cache.h"

namespace lace::fs {

size_t EntryCache::KeyHash::operator()(const Key& key) const {
  return std::hash<std::string>()(key.name) ^ (raw(key.parent) * 0x9e3779b97f4a7c15ULL);
}

EntryCache::Question EntryCache::ask(InodeId parent, uint64_t stamp) const {
  const Directory& at = directory(parent);
  const uint64_t version = at.version.load();
  return {at.changing.load() == 0 ? stamp : 0, version};
}

void EntryCache::answer(const Question& question, InodeId parent, std::string_view name, InodeId inode) {
  if (question.stamp == 0) return;
  Shard& at = shard(parent);
  const std::lock_guard lock(at.mutex);
  if (directory(parent).version.load() != question.version) return;
  put_locked(at, {parent, std::string(name)}, inode, question.stamp);
}

void EntryCache::begin_change(InodeId parent) {
  ++directory(parent).changing;
  ++directory(parent).version;
}

void EntryCache::end_change(InodeId parent) {
  ++directory(parent).version;
  --directory(parent).changing;
}

void EntryCache::put(InodeId parent, std::string_view name, InodeId inode, uint64_t stamp) {
  if (stamp == 0) return erase(parent, name);
  Shard& at = shard(parent);
  const std::lock_guard lock(at.mutex);
  put_locked(at, {parent, std::string(name)}, inode, stamp);
}

void EntryCache::put_locked(Shard& shard, Key key, InodeId inode, uint64_t stamp) {
  if (const auto found = shard.entries.find(key); found != shard.entries.end()) {
    found->second->inode = inode;
    found->second->stamp = stamp;
    shard.recent.splice(shard.recent.begin(), shard.recent, found->second);
    return;
  }
  shard.recent.push_front({key, inode, stamp});
  shard.entries.emplace(std::move(key), shard.recent.begin());
  if (shard.entries.size() <= max_entries / 16) return;
  const Entry& oldest = shard.recent.back();
  shard.complete.erase(oldest.key.parent);
  shard.entries.erase(oldest.key);
  shard.recent.pop_back();
}

void EntryCache::erase(InodeId parent, std::string_view name) {
  Shard& at = shard(parent);
  const std::lock_guard lock(at.mutex);
  at.complete.erase(parent);
  const auto found = at.entries.find({parent, std::string(name)});
  if (found == at.entries.end()) return;
  at.recent.erase(found->second);
  at.entries.erase(found);
}

std::optional<InodeId> EntryCache::find(InodeId parent, std::string_view name, uint64_t stamp) {
  if (stamp == 0) return std::nullopt;
  Shard& at = shard(parent);
  const std::lock_guard lock(at.mutex);
  const auto found = at.entries.find({parent, std::string(name)});
  if (found != at.entries.end()) {
    if (found->second->stamp != stamp) return std::nullopt;
    at.recent.splice(at.recent.begin(), at.recent, found->second);
    return found->second->inode;
  }
  // A change that is under way may have made the name already.
  if (directory(parent).changing.load() != 0) return std::nullopt;
  const auto complete = at.complete.find(parent);
  if (complete != at.complete.end() && complete->second == stamp) return no_inode;
  return std::nullopt;
}

void EntryCache::set_complete(InodeId directory, uint64_t stamp) {
  if (stamp == 0) return;
  Shard& at = shard(directory);
  const std::lock_guard lock(at.mutex);
  if (at.complete.size() >= 8192) at.complete.clear();
  at.complete[directory] = stamp;
}

void EntryCache::clear() {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    shard.recent.clear();
    shard.entries.clear();
    shard.complete.clear();
  }
}

}  // namespace lace::fs
