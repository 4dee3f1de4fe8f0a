#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>

#include "common/wire/mount_requests.h"
#include "fs/fuse/operations.h"

namespace lace::fs::fuse::ops {
namespace {

struct OpenFile {
  Handle handle;
  std::atomic<bool> append;
  bool direct = false;  // past the kernel's page cache
};

OpenFile& file_of(const fuse_file_info* info) { return *reinterpret_cast<OpenFile*>(info->fh); }
Handle handle_of(const fuse_file_info* info) { return file_of(info).handle; }

bool writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }

void describe(Request& request, const Opened& opened, fuse_file_info& info) {
  info.fh = reinterpret_cast<uint64_t>(new OpenFile{opened.handle, (info.flags & O_APPEND) != 0});
  info.keep_cache = opened.keep_pages;
  // Where others may append too, the kernel's idea of the end is old, and its pages would hold the bytes in the wrong place.
  const bool alone = request.file_system().cache_times().attributes.count() > 0;
  info.direct_io = (info.flags & O_APPEND) && writes(info.flags) && !alone;
  file_of(&info).direct = info.direct_io;
}

void close(Request& request, const fuse_file_info& info) {
  const std::unique_ptr<OpenFile> file(&file_of(&info));
  request.file_system().release(request.context, file->handle);
}

// The kernel leaves it to open(O_TRUNC) to take set-id bits away, as it would at a truncate(2).
Status drop_set_id(Request& request, const Attributes& attributes) {
  const uint32_t mode = attributes.mode;
  const bool group = (mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
  if (request.context.uid == 0 || (!(mode & S_ISUID) && !group)) return {};
  wire::SetAttributes change;
  change.inode = attributes.inode;
  change.set = wire::SetAttributes::set_mode;
  change.mode = mode & 07777 & ~static_cast<uint32_t>(S_ISUID | (group ? S_ISGID : 0));
  const auto changed = request.file_system().set_attributes(request.context, change);
  if (!changed) return pass(changed);
  return {};
}

// And to writes past its cache all that a file may do with its owner's rights.
Status drop_privileges(Request& request, InodeId inode) {
  const auto now = request.file_system().attributes(request.context, inode);
  if (!now) return pass(now);
  if (now->has_xattr) {
    const Status removed = request.file_system().remove_xattr(request.context, inode, "security.capability");
    if (!removed && removed.error().code != Code::no_data) return removed;
  }
  return drop_set_id(request, *now);
}

void release_locks(Request& request, InodeId inode, LockOwner owner, bool flock) {
  const Status released = request.file_system().release_locks(request.context, inode, owner, flock);
  // Interrupted, or nobody there now: the lock must not stay behind.
  if (!released) request.service.release_locks_later(inode, owner, flock);
}

// The bytes that came with an ioctl, whose last one is the end of a name. False: there are not as many.
template <class Message>
bool take(const void* in, size_t in_size, Message& message) {
  if (in == nullptr || in_size != sizeof message) return false;
  std::memcpy(&message, in, sizeof message);
  message.name[sizeof message.name - 1] = 0;
  return true;
}

bool is_of_mount(unsigned command) {
  return command == wire::copy_tree_request || command == wire::snapshot_request || command == wire::remove_snapshot_request;
}

Status ask_mount(Request& request, InodeId inode, unsigned command, const void* in, size_t in_size) {
  FileSystem& file_system = request.file_system();
  if (command == wire::copy_tree_request) {
    wire::CopyTreeRequest copy;
    if (!take(in, in_size, copy)) return fail(Code::invalid);
    return file_system.copy_tree(request.context, inode, InodeId{copy.parent}, copy.name);
  }
  wire::SnapshotRequest snapshot;
  if (!take(in, in_size, snapshot)) return fail(Code::invalid);
  if (command == wire::snapshot_request) return file_system.make_snapshot(request.context, inode, snapshot.name);
  return file_system.remove_snapshot(request.context, snapshot.name);
}

}  // namespace

void create(Request& request, fuse_ino_t parent, const char* name, mode_t mode, fuse_file_info* info) {
  const InodeId in = request.inode(parent);
  const auto opened = request.file_system().create(request.context, in, name, S_IFREG | (mode & 07777), info->flags);
  if (!opened) return request.answer_error(opened.error());
  request.service.changes.changed(in);
  request.service.changes.changed(opened->attributes.inode);
  describe(request, *opened, *info);
  if (request.answer_created(*opened, *info)) return;
  close(request, *info);
  request.file_system().forget(opened->attributes.inode, 1);
}

void open(Request& request, fuse_ino_t node, fuse_file_info* info) {
  const InodeId inode = request.inode(node);
  const auto opened = request.file_system().open(request.context, inode, info->flags);
  if (!opened) return request.answer_error(opened.error());
  if (info->flags & O_TRUNC) {
    const Status dropped = drop_set_id(request, opened->attributes);
    request.service.changes.changed(inode);
    if (!dropped) {
      request.file_system().release(request.context, opened->handle);
      return request.answer_error(dropped.error());
    }
  }
  describe(request, *opened, *info);
  if (!request.answer_opened(*info)) close(request, *info);
}

void read(Request& request, fuse_ino_t, size_t size, off_t offset, fuse_file_info* info) {
  char* into = request.worker.room(size);
  const auto got = request.file_system().read(request.context, handle_of(info), static_cast<uint64_t>(offset), into, size);
  if (!got) return request.answer_error(got.error());
  request.answer_bytes(into, *got);
}

void write(Request& request, fuse_ino_t node, const char* bytes, size_t size, off_t offset, fuse_file_info* info) {
  // What the descriptor's flags are now, not when it was opened.
  const bool append = (info->flags & O_APPEND) != 0 && !info->writepage;
  OpenFile& file = file_of(info);
  if (file.append.exchange(append) != append) request.file_system().set_append(file.handle, append);
  if (file.direct && !info->writepage) {
    if (auto dropped = drop_privileges(request, request.inode(node)); !dropped) return request.answer_error(dropped.error());
  }
  const auto written = request.file_system().write(request.context, handle_of(info), static_cast<uint64_t>(offset),
                                                   std::string_view(bytes, size));
  request.service.changes.changed(request.inode(node));
  if (!written) return request.answer_error(written.error());
  request.answer_count(*written);
}

void flush(Request& request, fuse_ino_t node, fuse_file_info* info) {
  const InodeId inode = request.inode(node);
  const Status flushed = request.file_system().flush(request.context, handle_of(info));
  const LockOwner owner{info->lock_owner};
  if (request.service.owners.take(inode, owner)) release_locks(request, inode, owner, false);
  request.answer_status(flushed);
}

void release(Request& request, fuse_ino_t node, fuse_file_info* info) {
  const InodeId inode = request.inode(node);
  if (info->flock_release) release_locks(request, inode, LockOwner{info->lock_owner}, true);
  for (const LockOwner owner : request.service.owners.take_all(inode, info->fh)) release_locks(request, inode, owner, false);
  close(request, *info);
  request.answer_done();
}

void fsync(Request& request, fuse_ino_t, int data_only, fuse_file_info* info) {
  request.answer_status(request.file_system().sync(request.context, handle_of(info), data_only != 0));
}

void fallocate(Request& request, fuse_ino_t node, int mode, off_t offset, off_t length, fuse_file_info* info) {
  if (offset < 0 || length <= 0) return request.answer_error(EINVAL);
  const Status done = request.file_system().allocate(request.context, handle_of(info), mode, static_cast<uint64_t>(offset),
                                                     static_cast<uint64_t>(length));
  request.service.changes.changed(request.inode(node));
  request.answer_status(done);
}

void lseek(Request& request, fuse_ino_t, off_t offset, int whence, fuse_file_info* info) {
  if (whence != SEEK_DATA && whence != SEEK_HOLE) return request.answer_error(EINVAL);
  if (offset < 0) return request.answer_error(ENXIO);
  const auto found = request.file_system().seek(request.context, handle_of(info), static_cast<uint64_t>(offset), whence);
  if (!found) return request.answer_error(found.error());
  request.answer_offset(*found);
}

void copy_file_range(Request& request, fuse_ino_t, off_t from_offset, fuse_file_info* from_info, fuse_ino_t to, off_t to_offset,
                     fuse_file_info* to_info, size_t length, int flags) {
  if (flags != 0) return request.answer_error(EINVAL);
  // Callers go on where a short copy ended. What is not shared but copied ends sooner, so that it can be interrupted in good
  // time.
  constexpr size_t longest = size_t{2} << 30;
  const auto copied =
      request.file_system().copy_range(request.context, handle_of(from_info), static_cast<uint64_t>(from_offset),
                                       handle_of(to_info), static_cast<uint64_t>(to_offset), std::min(length, longest));
  request.service.changes.changed(request.inode(to));
  if (!copied) return request.answer_error(copied.error());
  request.answer_count(*copied);
}

void ioctl(Request& request, fuse_ino_t node, unsigned command, void*, fuse_file_info*, unsigned, const void* in,
           size_t in_size, size_t) {
  if (!is_of_mount(command)) return request.answer_error(ENOTTY);
  // They reach whatever the mount's owner could reach in the cluster itself.
  if (request.context.uid != 0 && request.context.uid != geteuid()) return request.answer_error(EPERM);
  const Status done = ask_mount(request, request.inode(node), command, in, in_size);
  if (!done) return request.answer_error(done.error());
  fuse_reply_ioctl(request.leave_open(), 0, nullptr, 0);
}

}  // namespace lace::fs::fuse::ops
