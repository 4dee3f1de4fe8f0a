#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

#include "fs/fuse/operations.h"

namespace lace::fs::fuse::ops {
namespace {

using Set = wire::SetAttributes;

FileTime file_time(const timespec& time) { return {time.tv_sec, static_cast<uint32_t>(time.tv_nsec)}; }

// Where a mount shows one owner for everything, chown to just that owner changes nothing and anything else can't be done.
bool squashed(const std::optional<uint32_t>& shown, uint32_t wanted, bool& refused) {
  if (!shown) return false;
  refused = refused || wanted != *shown;
  return true;
}

// False: the change is not possible here.
bool set_owner(const Squash& squash, const struct stat& wanted, int which, Set& change) {
  bool refused = false;
  if ((which & FUSE_SET_ATTR_UID) && !squashed(squash.uid, wanted.st_uid, refused)) {
    change.set |= Set::set_uid;
    change.uid = wanted.st_uid;
  }
  if ((which & FUSE_SET_ATTR_GID) && !squashed(squash.gid, wanted.st_gid, refused)) {
    change.set |= Set::set_gid;
    change.gid = wanted.st_gid;
  }
  return !refused;
}

void set_times(const Clock& clock, const struct stat& wanted, int which, Set& change) {
  if (which & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW)) {
    change.set |= Set::set_accessed;
    change.accessed = (which & FUSE_SET_ATTR_ATIME_NOW) ? clock.wall() : file_time(wanted.st_atim);
  }
  if (which & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW)) {
    change.set |= Set::set_modified;
    // One clock reading for both, so that utimensat(UTIME_NOW) leaves them equal.
    const bool both_now = (which & FUSE_SET_ATTR_ATIME_NOW) && (which & FUSE_SET_ATTR_MTIME_NOW);
    change.modified = both_now ? change.accessed : (which & FUSE_SET_ATTR_MTIME_NOW) ? clock.wall() : file_time(wanted.st_mtim);
  }
}

}  // namespace

void getattr(Request& request, fuse_ino_t node, fuse_file_info*) {
  const auto found = request.file_system().attributes(request.context, request.inode(node));
  if (!found) return request.answer_error(found.error());
  request.answer_attributes(*found);
}

void setattr(Request& request, fuse_ino_t node, struct stat* wanted, int which, fuse_file_info* info) {
  Set change;
  change.inode = request.inode(node);
  if (which & FUSE_SET_ATTR_MODE) {
    change.set |= Set::set_mode;
    change.mode = wanted->st_mode & 07777;
  }
  if (which & FUSE_SET_ATTR_SIZE) {
    if (wanted->st_size < 0) return request.answer_error(EINVAL);
    change.set |= Set::set_size;
    change.size = static_cast<uint64_t>(wanted->st_size);
  }
  if (!set_owner(request.service.squash, *wanted, which, change)) return request.answer_error(EPERM);
  set_times(request.service.clock, *wanted, which, change);
  if (change.set == 0) return getattr(request, node, info);
  const auto changed = request.file_system().set_attributes(request.context, change);
  if (!changed) return request.answer_error(changed.error());
  request.service.changes.changed(change.inode);
  request.answer_attributes(*changed);
}

void statfs(Request& request, fuse_ino_t) {
  const auto usage = request.file_system().usage(request.context);
  if (!usage) return request.answer_error(usage.error());
  struct statvfs out {};
  out.f_bsize = page_bytes;
  out.f_frsize = page_bytes;
  out.f_blocks = usage->capacity_bytes / page_bytes;
  out.f_bfree = out.f_bavail = std::min(usage->available_bytes, usage->capacity_bytes) / page_bytes;
  // Inodes are made as they are needed: there is room for as many as there is room for their data.
  out.f_ffree = out.f_favail = out.f_bfree;
  out.f_files = usage->inodes + out.f_ffree;
  out.f_namemax = max_name_bytes;
  request.answer_statfs(out);
}

}  // namespace lace::fs::fuse::ops
