#include <linux/fs.h>  // RENAME_*

#include <cerrno>

#include "fs/fuse/operations.h"

namespace lace::fs::fuse::ops {
namespace {

void answer_made(Request& request, InodeId parent, const Result<Attributes>& made) {
  if (!made) return request.answer_error(made.error());
  request.service.changes.changed(parent);
  request.answer_entry(*made);
}

void remove(Request& request, fuse_ino_t parent, const char* name, bool directory) {
  const InodeId in = request.inode(parent);
  const Status removed = request.file_system().remove(request.context, in, name, directory);
  if (removed) {
    request.service.changes.changed(in);
    request.service.changes.unlinked();
  }
  request.answer_status(removed);
}

}  // namespace

void lookup(Request& request, fuse_ino_t parent, const char* name) {
  const auto found = request.file_system().lookup(request.context, request.inode(parent), name);
  if (!found) return request.answer_error(found.error());
  request.answer_entry(*found);
}

void forget(fuse_req_t request, fuse_ino_t node, uint64_t lookups) {
  auto& service = *static_cast<Service*>(fuse_req_userdata(request));
  service.file_system.forget(node == FUSE_ROOT_ID ? service.root : InodeId{node}, lookups);
  fuse_reply_none(request);
}

void forget_multi(fuse_req_t request, size_t count, fuse_forget_data* forgets) {
  auto& service = *static_cast<Service*>(fuse_req_userdata(request));
  for (size_t i = 0; i < count; ++i) {
    const fuse_ino_t node = forgets[i].ino;
    service.file_system.forget(node == FUSE_ROOT_ID ? service.root : InodeId{node}, forgets[i].nlookup);
  }
  fuse_reply_none(request);
}

void mknod(Request& request, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) {
  const InodeId in = request.inode(parent);
  answer_made(request, in, request.file_system().make(request.context, in, name, mode, static_cast<uint32_t>(device)));
}

void mkdir(Request& request, fuse_ino_t parent, const char* name, mode_t mode) {
  const InodeId in = request.inode(parent);
  const uint32_t full_mode = S_IFDIR | (mode & 07777);
  answer_made(request, in, request.file_system().make(request.context, in, name, full_mode, 0));
}

void unlink(Request& request, fuse_ino_t parent, const char* name) { remove(request, parent, name, false); }

void rmdir(Request& request, fuse_ino_t parent, const char* name) { remove(request, parent, name, true); }

void symlink(Request& request, const char* target, fuse_ino_t parent, const char* name) {
  const InodeId in = request.inode(parent);
  answer_made(request, in, request.file_system().symlink(request.context, in, name, target));
}

void rename(Request& request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent, const char* new_name,
            unsigned flags) {
  // A whiteout is a device node left in the old place, for overlay file systems; not offered.
  if ((flags & ~static_cast<unsigned>(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0) return request.answer_error(EINVAL);
  const InodeId from = request.inode(parent), to = request.inode(new_parent);
  const Status renamed = request.file_system().rename(request.context, from, name, to, new_name,
                                                      (flags & RENAME_NOREPLACE) != 0, (flags & RENAME_EXCHANGE) != 0);
  if (renamed) {
    request.service.changes.changed(from);
    request.service.changes.changed(to);
    request.service.changes.unlinked();
  }
  request.answer_status(renamed);
}

void link(Request& request, fuse_ino_t node, fuse_ino_t new_parent, const char* new_name) {
  const InodeId in = request.inode(new_parent);
  const auto linked = request.file_system().link(request.context, request.inode(node), in, new_name);
  if (linked) request.service.changes.changed(linked->inode);
  answer_made(request, in, linked);
}

void readlink(Request& request, fuse_ino_t node) {
  const auto target = request.file_system().read_link(request.context, request.inode(node));
  if (!target) return request.answer_error(target.error());
  request.answer_text(*target);
}

}  // namespace lace::fs::fuse::ops
