#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "fs/fuse/directory_handle.h"
#include "fs/fuse/operations.h"

namespace lace::fs::fuse::ops {
namespace {

DirectoryHandle& handle_of(const fuse_file_info* info) { return *reinterpret_cast<DirectoryHandle*>(info->fh); }

constexpr uint64_t behind_dots = 2;  // offset of the first real entry

// Fills the kernel's buffer entry by entry, for one request.
class Listing {
 public:
  Listing(Request& request, size_t size, bool plus)
      : request_(request), size_(size), buffer_(request.worker.room(size)), plus_(plus) {}

  // False: the buffer is full. The inode number shows, the kernel looks the rest up if it wants to.
  bool add_plain(const char* name, InodeId inode, uint32_t type, uint64_t offset) {
    struct stat shown {};
    shown.st_ino = raw(inode);
    shown.st_mode = type;
    if (!plus_) return took(fuse_add_direntry(request_.raw_request(), end(), left(), name, &shown, static_cast<off_t>(offset)));
    fuse_entry_param entry{};
    entry.attr = shown;
    return took(fuse_add_direntry_plus(request_.raw_request(), end(), left(), name, &entry, static_cast<off_t>(offset)));
  }

  // With attributes: counts as a lookup.
  bool add_known(const wire::DirectoryEntry& from, const CacheTimes& times, uint64_t offset) {
    const fuse_entry_param entry = request_.entry_of(from.attributes, times);
    request_.file_system().remember(from.inode);
    if (took(fuse_add_direntry_plus(request_.raw_request(), end(), left(), from.name.c_str(), &entry,
                                    static_cast<off_t>(offset)))) {
      shown_.push_back(from.inode);
      return true;
    }
    request_.file_system().forget(from.inode, 1);
    return false;
  }

  void send() {
    if (request_.answer_listing(buffer_, used_)) return;
    for (const InodeId inode : shown_) request_.file_system().forget(inode, 1);
  }

 private:
  char* end() { return buffer_ + used_; }
  size_t left() const { return size_ - used_; }
  bool took(size_t needed) {
    if (needed > left()) return false;
    used_ += needed;
    return true;
  }

  Request& request_;
  const size_t size_;
  char* const buffer_;
  const bool plus_;
  size_t used_ = 0;
  std::vector<InodeId> shown_;
};

CacheTimes times_left(const CacheTimes& times, Millis age) {
  return {std::max(times.entry - age, Millis{0}), std::max(times.attributes - age, Millis{0})};
}

bool add_entry(Listing& listing, const DirectoryHandle& handle, const DirectoryHandle::Place& place,
               const wire::DirectoryEntry& entry, const CacheTimes& times) {
  const uint64_t offset = entry.cookie + behind_dots;
  if (place.with_attributes && times.entry.count() > 0 && handle.is_fresh(place, entry)) {
    return listing.add_known(entry, times, offset);
  }
  return listing.add_plain(entry.name.c_str(), entry.inode, DTTOIF(entry.type), offset);
}

// What is here already; never waits.
void fill(Listing& listing, const DirectoryHandle& handle, const DirectoryHandle::Place& place, InodeId inode,
          uint64_t offset) {
  const CacheTimes times = times_left(place.file_system.cache_times(), handle.age(place.clock));
  if (offset == 0 && !listing.add_plain(".", inode, S_IFDIR, 1)) return;
  if (offset <= 1 && !listing.add_plain("..", handle.parent(), S_IFDIR, behind_dots)) return;
  uint64_t cookie = offset <= behind_dots ? 0 : offset - behind_dots;
  while (const wire::DirectoryEntry* entry = handle.entry_behind(cookie)) {
    if (!add_entry(listing, handle, place, *entry, times)) return;
    cookie = entry->cookie;
  }
}

void list(Request& request, fuse_ino_t node, size_t size, off_t offset, fuse_file_info* info, bool plus) {
  if (offset < 0) return request.answer_error(EINVAL);
  // Attributes that may not be kept are not worth fetching: the kernel would ask for each again.
  const bool worth = plus && request.file_system().cache_times().entry.count() > 0;
  const DirectoryHandle::Place place{request.file_system(), request.context, request.service.changes, request.service.clock,
                                     worth};
  const auto from = static_cast<uint64_t>(offset);
  Listing listing(request, size, plus);
  DirectoryHandle& handle = handle_of(info);
  std::unique_lock lock(handle.mutex());
  const Status prepared =
      from == 0 ? handle.rewind(place) : handle.prepare(place, from <= behind_dots ? 0 : from - behind_dots);
  if (!prepared) {
    lock.unlock();
    return request.answer_error(prepared.error());
  }
  const Request::Replying replying(request.worker);
  fill(listing, handle, place, request.inode(node), from);
  lock.unlock();  // once it is answered, the handle may be closed and gone
  listing.send();
}

}  // namespace

void opendir(Request& request, fuse_ino_t node, fuse_file_info* info) {
  auto handle = std::make_unique<DirectoryHandle>(request.inode(node));
  info->fh = reinterpret_cast<uint64_t>(handle.get());
  if (request.answer_opened(*info)) static_cast<void>(handle.release());
}

void readdir(Request& request, fuse_ino_t node, size_t size, off_t offset, fuse_file_info* info) {
  list(request, node, size, offset, info, false);
}

void readdirplus(Request& request, fuse_ino_t node, size_t size, off_t offset, fuse_file_info* info) {
  list(request, node, size, offset, info, true);
}

void releasedir(Request& request, fuse_ino_t, fuse_file_info* info) {
  delete &handle_of(info);
  request.answer_done();
}

void fsyncdir(Request& request, fuse_ino_t node, int, fuse_file_info*) {
  request.answer_status(request.file_system().sync_directory(request.context, request.inode(node)));
}

}  // namespace lace::fs::fuse::ops
