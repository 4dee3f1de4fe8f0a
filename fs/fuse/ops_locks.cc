#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>

#include "fs/fuse/operations.h"
#include "fs/fuse/reply_device.h"

namespace lace::fs::fuse::ops {
namespace {

constexpr Millis release_time{200};

static_assert(F_RDLCK == 0 && F_WRLCK == 1 && F_UNLCK == 2, "as wire::LockRange::type has them");

wire::LockRange range_of(Request& request, fuse_ino_t node, const fuse_file_info* info, const struct flock& lock) {
  wire::LockRange range;
  range.inode = request.inode(node);
  range.owner = LockOwner{info->lock_owner};
  range.type = static_cast<uint8_t>(lock.l_type);
  range.start = static_cast<uint64_t>(lock.l_start);
  range.end = lock.l_len == 0 ? UINT64_MAX : range.start + static_cast<uint64_t>(lock.l_len) - 1;
  range.process = request.context.process;
  return range;
}

// What the kernel keeps of the file was true before the lock; who locks wants to see what others wrote until now.
void refresh_pages(Service& service, InodeId inode, std::function<void()> then) {
  if (service.file_system.cache_times().attributes.count() > 0) return then();  // nobody else writes
  service.chores.add([session = service.session, inode, node = inode == service.root ? FUSE_ROOT_ID : raw(inode),
                      then = std::move(then)](net::Caller&) {
    fuse_lowlevel_notify_inval_inode(session, node, 0, 0);
    then();
  });
}

void answer_granted(Service& service, fuse_req_t request, int device, const wire::LockRange& range) {
  auto reply = [request, device] {
    const ReplyDevice here(device);
    fuse_reply_err(request, 0);
  };
  if (range.type == F_UNLCK) return reply();
  refresh_pages(service, range.inode, std::move(reply));
}

void set_lock(Request& request, const wire::LockRange& range, const fuse_file_info* info, bool wait) {
  Service& service = request.service;
  service.parked.wanted(range.inode, range.owner);
  if (!range.flock && range.type != F_UNLCK) service.owners.add(range.inode, range.owner, info->fh);
  auto locked = service.file_system.lock(request.context, range, wait);
  if (!locked && locked.error().code == Code::try_again && service.releases.wait(request.node(range.inode), release_time)) {
    locked = service.file_system.lock(request.context, range, wait);
  }
  if (!locked) return request.answer_error(locked.error());
  const int device = request.worker.device;
  if (locked->granted) return answer_granted(service, request.leave_open(), device, range);
  if (!wait) return request.answer_error(EAGAIN);
  const fuse_req_t open = request.leave_open();
  service.parked.park(request.worker.unique, locked->waiter, range,
                      [&service, open, device, range](ParkedLocks::Outcome outcome) {
                        if (outcome == ParkedLocks::Outcome::granted) return answer_granted(service, open, device, range);
                        const ReplyDevice here(device);
                        fuse_reply_err(open, EINTR);
                      });
}

}  // namespace

void getlk(Request& request, fuse_ino_t node, fuse_file_info* info, struct flock* lock) {
  const auto conflict = request.file_system().test_lock(request.context, range_of(request, node, info, *lock));
  if (!conflict) return request.answer_error(conflict.error());
  struct flock out {};
  out.l_whence = SEEK_SET;
  out.l_type = static_cast<short>(conflict->type);
  if (conflict->type != F_UNLCK) {
    constexpr uint64_t last = INT64_MAX;
    out.l_start = static_cast<off_t>(conflict->start);
    out.l_len = conflict->end >= last ? 0 : static_cast<off_t>(conflict->end - conflict->start + 1);
    out.l_pid = static_cast<pid_t>(conflict->process);
  }
  request.answer_lock(out);
}

void setlk(Request& request, fuse_ino_t node, fuse_file_info* info, struct flock* lock, int wait) {
  set_lock(request, range_of(request, node, info, *lock), info, wait != 0);
}

void flock(Request& request, fuse_ino_t node, fuse_file_info* info, int operation) {
  wire::LockRange range;
  range.inode = request.inode(node);
  range.owner = LockOwner{info->lock_owner};
  range.flock = true;
  range.end = UINT64_MAX;
  range.process = request.context.process;
  switch (operation & ~LOCK_NB) {
    case LOCK_SH: range.type = F_RDLCK; break;
    case LOCK_EX: range.type = F_WRLCK; break;
    case LOCK_UN: range.type = F_UNLCK; break;
    default: return request.answer_error(EINVAL);
  }
  set_lock(request, range, info, (operation & LOCK_NB) == 0);
}

}  // namespace lace::fs::fuse::ops
