// An open directory: entries are fetched a page at a time and handed out from there.
//
// Offsets, as readdir(3) and telldir(3) show them: 1 is behind ".", 2 is behind "..", 2 + cookie is behind the entry with that
// cookie. They stay with an entry for its life, so a listing goes on in the right place whatever is made or removed meanwhile.
#pragma once

#include <mutex>
#include <vector>

#include "fs/client/file_system.h"
#include "fs/fuse/change_table.h"

namespace lace::fs::fuse {

class DirectoryHandle {
 public:
  explicit DirectoryHandle(InodeId inode) : inode_(inode) {}

  // Held by the reader through a whole request.
  std::mutex& mutex() { return mutex_; }

  struct Place {
    FileSystem& file_system;
    Context& context;
    const ChangeTable& changes;
    const Clock& clock;
    bool with_attributes;
  };
  // Starts anew, as rewinddir(3) does: what was fetched before is dropped.
  Status rewind(const Place& place) { return fetch(place, 0); }
  // Fetches, unless it is here already, what comes behind `cookie`.
  Status prepare(const Place& place, uint64_t cookie);
  // The first entry behind `cookie` among those that are here; null: none.
  const wire::DirectoryEntry* entry_behind(uint64_t cookie) const;
  InodeId parent() const { return parent_; }  // once something was fetched

  // Whether the fetched attributes of this entry are still what the kernel may be told.
  bool is_fresh(const Place& place, const wire::DirectoryEntry& entry) const;
  Millis age(const Clock& clock) const;

 private:
  Status fetch(const Place& place, uint64_t cookie);

  const InodeId inode_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<wire::DirectoryEntry> page_;
  uint64_t from_ = 0;  // the cookie the page begins behind
  bool fetched_ = false, end_ = false, with_attributes_ = false;
  InodeId parent_ = no_inode;
  ChangeTable::Stamp stamp_ = 0;
  Instant fetched_at_;
};

}  // namespace lace::fs::fuse
