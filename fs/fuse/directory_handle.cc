#include "fs/fuse/directory_handle.h"

#include <algorithm>

namespace lace::fs::fuse {
namespace {

// The first page answers most directories whole; the rest of a large one comes in larger pieces.
constexpr uint32_t first_page = 1000;
constexpr uint32_t next_pages = 4000;

}  // namespace

Status DirectoryHandle::fetch(const Place& place, uint64_t cookie) {
  const ChangeTable::Stamp stamp = place.changes.now();
  const Instant now = place.clock.now();
  auto got = place.file_system.read_directory(place.context, inode_, cookie, cookie == 0 ? first_page : next_pages,
                                              place.with_attributes);
  if (!got) return pass(got);
  page_ = std::move(got->entries);
  end_ = got->end;
  parent_ = got->parent;
  from_ = cookie;
  with_attributes_ = place.with_attributes;
  stamp_ = stamp;
  fetched_at_ = now;
  fetched_ = true;
  return {};
}

Status DirectoryHandle::prepare(const Place& place, uint64_t cookie) {
  const bool covered = fetched_ && cookie >= from_ && (end_ || (!page_.empty() && cookie < page_.back().cookie));
  if (!covered) return fetch(place, cookie);
  // The end as it was fetched; entries may have been made since.
  if (!entry_behind(cookie) && !place.changes.same_since(inode_, stamp_)) return fetch(place, cookie);
  return {};
}

const wire::DirectoryEntry* DirectoryHandle::entry_behind(uint64_t cookie) const {
  const auto next = std::ranges::upper_bound(page_, cookie, {}, &wire::DirectoryEntry::cookie);
  return next == page_.end() ? nullptr : &*next;
}

bool DirectoryHandle::is_fresh(const Place& place, const wire::DirectoryEntry& entry) const {
  return with_attributes_ && place.changes.same_since(inode_, stamp_) && place.changes.same_since(entry.inode, stamp_) &&
         (entry.attributes.links <= 1 || place.changes.links_same_since(stamp_));
}

Millis DirectoryHandle::age(const Clock& clock) const { return std::chrono::duration_cast<Millis>(clock.now() - fetched_at_); }

}  // namespace lace::fs::fuse
