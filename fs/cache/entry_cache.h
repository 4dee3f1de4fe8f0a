// Names that are known to lead to an inode, or to nothing. Used only while the session is sole; an entry is good as long as
// its stamp is the session's (Session::stamp). Thread-safe, bounded.
#pragma once

#include <array>
#include <atomic>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/base/ids.h"

namespace lace::fs {

class EntryCache {
 public:
  static constexpr size_t max_entries = 131'072;

  // A question that is under way: its answer is kept only if no change of the directory's entries ran beside it.
  struct Question {
    uint64_t stamp = 0;
    uint64_t version = 0;
  };
  Question ask(InodeId parent, uint64_t stamp) const;
  void answer(const Question& question, InodeId parent, std::string_view name, InodeId inode);

  // Around every change of a directory's entries that this mount makes.
  class Change {
   public:
    Change(EntryCache& cache, InodeId parent) : cache_(cache), parent_(parent) { cache_.begin_change(parent_); }
    ~Change() { cache_.end_change(parent_); }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

   private:
    EntryCache& cache_;
    InodeId parent_;
  };
  // What a change of this mount made of a name; no_inode: nothing is there.
  void put(InodeId parent, std::string_view name, InodeId inode, uint64_t stamp);
  void erase(InodeId parent, std::string_view name);

  // no_inode: there is no such entry. Unset: not known.
  std::optional<InodeId> find(InodeId parent, std::string_view name, uint64_t stamp);

  // The directory was made by this mount, empty, while `stamp` held: what is not known here does not exist.
  void set_complete(InodeId directory, uint64_t stamp);
  void clear();

 private:
  struct Key {
    InodeId parent;
    std::string name;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  struct Entry {
    Key key;
    InodeId inode;
    uint64_t stamp;
  };
  struct Directory {
    std::atomic<uint64_t> version{0};  // grows at the start and at the end of every change
    std::atomic<uint64_t> changing{0};
  };
  struct Shard {
    std::mutex mutex;
    std::list<Entry> recent;  // the latest first
    std::unordered_map<Key, std::list<Entry>::iterator, KeyHash> entries;
    std::unordered_map<InodeId, uint64_t> complete;  // directory -> stamp
  };

  void begin_change(InodeId parent);
  void end_change(InodeId parent);
  const Directory& directory(InodeId parent) const { return directories_[raw(parent) % directories_.size()]; }
  Directory& directory(InodeId parent) { return directories_[raw(parent) % directories_.size()]; }
  Shard& shard(InodeId parent) { return shards_[raw(parent) % shards_.size()]; }
  static void put_locked(Shard& shard, Key key, InodeId inode, uint64_t stamp);

  std::array<Directory, 1024> directories_;
  std::array<Shard, 16> shards_;  // all entries of a directory are in one
};

}  // namespace lace::fs
