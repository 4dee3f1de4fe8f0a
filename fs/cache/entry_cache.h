// Names that are known to lead to an inode, or to nothing. What was heard from control is good as long as its stamp is that of
// the directory (Core::stamp_of). What this mount did itself and has not told control yet
// (`number`, of its operation log) is good until then, and stays. Thread-safe, bounded.
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
#include "fs/cache/log_progress.h"

namespace lace::fs {

class EntryCache {
 public:
  static constexpr size_t max_entries = 400'000;  // one directory may have them all

  explicit EntryCache(const LogProgress& progress) : progress_(progress) {}

  // A question that is under way: its answer is kept only if no change of the directory's entries ran beside it.
  struct Question {
    uint64_t stamp = 0;
    uint64_t version = 0;  // 0: a change was under way
  };
  // The asker sets `stamp`, under which the answer may be believed.
  Question ask(InodeId parent) const;
  void answer(const Question& question, InodeId parent, std::string_view name, InodeId inode);

  // Around every change of a directory's entries of which control is asked: meanwhile nobody decides anything there alone.
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
  // To be held while this mount decides alone about entries; no change begins meanwhile.
  std::unique_lock<std::mutex> decide() { return std::unique_lock(deciding_); }
  bool is_changing(InodeId parent) const { return directory(parent).changing.load() != 0; }

  // What a change of this mount made of a name; no_inode: nothing is there. `number` 0: control knows.
  void put(InodeId parent, std::string_view name, InodeId inode, uint64_t stamp, uint64_t number = 0);
  void erase(InodeId parent, std::string_view name);

  // no_inode: there is no such entry. Unset: not known.
  std::optional<InodeId> find(InodeId parent, std::string_view name, uint64_t stamp);

  // The directory was made by this mount, empty, while `stamp` held: what is not known here does not exist.
  void set_complete(InodeId directory, uint64_t stamp, uint64_t number = 0);
  // A page of a listing was answered in full: once all have come, from the first, and nothing was changed meanwhile, it is
  // complete. `from`: the cookie asked for; `next`: the last one answered.
  void listed(const Question& question, InodeId directory, uint64_t from, uint64_t next, bool end);
  // A name of the directory is not known. When several were asked for one by one, a page of its listing answers many more: this
  // is the cookie from which to list then. Not more pages than find() has use for.
  std::optional<uint64_t> list_from(InodeId directory, uint64_t stamp);
  // Whether it has no entries; unset: not known.
  std::optional<bool> is_empty(InodeId directory, uint64_t stamp);
  // The last change of its entries that control may not know.
  uint64_t changed_by(InodeId directory);

  // Forgets all but what control does not know.
  void clear();

 private:
  struct Entry {
    InodeId inode{};
    uint64_t stamp = 0;
    uint64_t number = 0;
  };
  struct Names {
    std::unordered_map<std::string, Entry> entries;
    size_t present = 0;     // entries that lead to an inode
    uint64_t complete = 0;  // the stamp under which nothing else is there; 0: something may be
    uint64_t made = 0;      // by this change, empty; then `complete` holds until control knows
    uint64_t number = 0;    // the last change of this mount
    uint64_t listing = 0;   // the version under which its first page was answered, and the stamp
    uint64_t listing_stamp = 0;
    uint64_t listed_to = 0;  // the cookie where the next one goes on
    bool looked_ahead = false;
    uint32_t found = 0, missed = 0;  // names, since list_from() last said so
    std::list<InodeId>::iterator place;
  };
  struct Directory {
    std::atomic<uint64_t> version{
        1};  // grows with every change, and at the start and at the end of those that control is asked for
    std::atomic<uint64_t> changing{0};
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<InodeId, Names> directories;
    std::list<InodeId> recent;  // the latest used first
    size_t entries = 0;
    size_t looked = 0;  // entries after old ones were forgotten last
  };

  void begin_change(InodeId parent);
  void end_change(InodeId parent);
  const Directory& directory(InodeId parent) const { return directories_[raw(parent) % directories_.size()]; }
  Directory& directory(InodeId parent) { return directories_[raw(parent) % directories_.size()]; }
  Shard& shard(InodeId parent) { return shards_[raw(parent) % shards_.size()]; }
  static Names& names(Shard& shard, InodeId parent);
  bool is_complete(const Names& names, uint64_t stamp) const;
  void put_locked(Shard& shard, InodeId parent, std::string_view name, const Entry& entry);
  void count(Shard& shard, std::ptrdiff_t more);
  void forget_old(Shard& shard);
  void forget_told(Shard& shard, Names& names);

  const LogProgress& progress_;
  std::mutex deciding_;
  std::atomic<size_t> entries_{0};
  std::array<Directory, 1024> directories_;
  std::array<Shard, 16> shards_;  // all entries of a directory are in one
};

}  // namespace lace::fs
