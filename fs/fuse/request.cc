#include "fs/fuse/request.h"

#include <sys/statvfs.h>

#include <utility>

#include "common/base/check.h"
#include "fs/fuse/errors.h"

namespace lace::fs::fuse {
namespace {

Worker& current_worker() {
  CHECK(Worker::current());
  return *Worker::current();
}

double seconds(Millis time) { return static_cast<double>(time.count()) / 1000.0; }

timespec timespec_of(const FileTime& time) { return {time.seconds, static_cast<long>(time.nanos)}; }

}  // namespace

Request::Request(fuse_req_t request, const char* operation)
    : service(*static_cast<Service*>(fuse_req_userdata(request))),
      worker(current_worker()),
      context{*worker.caller},
      request_(request),
      operation_(operation) {
  const fuse_ctx* asker = fuse_req_ctx(request);
  context.uid = service.squash.uid.value_or(asker->uid);
  context.gid = service.squash.gid.value_or(asker->gid);
  context.process = static_cast<uint32_t>(asker->pid);
  context.umask = asker->umask;
}

Request::~Request() {
  if (request_) fuse_reply_err(take(), EIO);
}

fuse_req_t Request::take() {
  CHECK(request_);
  return std::exchange(request_, nullptr);
}

fuse_req_t Request::leave_open() { return take(); }

struct stat Request::stat_of(const Attributes& attributes) const {
  struct stat out {};
  out.st_ino = raw(attributes.inode);
  out.st_mode = attributes.mode;
  out.st_nlink = attributes.links;
  out.st_uid = service.squash.uid.value_or(attributes.uid);
  out.st_gid = service.squash.gid.value_or(attributes.gid);
  out.st_rdev = attributes.device;
  out.st_size = static_cast<off_t>(attributes.size);
  out.st_blksize = static_cast<blksize_t>(page_bytes);
  out.st_blocks = static_cast<blkcnt_t>((attributes.stored + 511) / 512);
  out.st_atim = timespec_of(attributes.accessed);
  out.st_mtim = timespec_of(attributes.modified);
  out.st_ctim = timespec_of(attributes.changed);
  return out;
}

fuse_entry_param Request::entry_of(const Attributes& attributes, const CacheTimes& times) const {
  fuse_entry_param entry{};
  entry.ino = node(attributes.inode);
  entry.attr = stat_of(attributes);
  entry.attr_timeout = seconds(times.attributes);
  entry.entry_timeout = seconds(times.entry);
  return entry;
}

void Request::answer_error(int number) { fuse_reply_err(take(), number); }

void Request::answer_error(const Error& error) { answer_error(reported_errno(error, operation_)); }

void Request::answer_status(const Status& status) { status ? answer_done() : answer_error(status.error()); }

void Request::answer_entry(const Attributes& attributes) {
  bool taken;
  {
    const Replying replying(worker);
    const fuse_entry_param entry = entry_of(attributes, service.file_system.cache_times(context.known));
    taken = fuse_reply_entry(take(), &entry) == 0;
  }
  if (!taken) service.file_system.forget(attributes.inode, 1);
}

bool Request::answer_created(const Opened& opened, fuse_file_info& info) {
  const Replying replying(worker);
  const fuse_entry_param entry = entry_of(opened.attributes, service.file_system.cache_times(context.known));
  return fuse_reply_create(take(), &entry, &info) == 0;
}

bool Request::answer_opened(const fuse_file_info& info) { return fuse_reply_open(take(), &info) == 0; }

void Request::answer_attributes(const Attributes& attributes) {
  const Replying replying(worker);
  const struct stat out = stat_of(attributes);
  fuse_reply_attr(take(), &out, seconds(service.file_system.cache_times(context.known).attributes));
}

void Request::answer_bytes(const char* bytes, size_t length) { fuse_reply_buf(take(), bytes, length); }

bool Request::answer_listing(const char* bytes, size_t length) { return fuse_reply_buf(take(), bytes, length) == 0; }

void Request::answer_text(const std::string& text) { fuse_reply_readlink(take(), text.c_str()); }

void Request::answer_count(size_t count) { fuse_reply_write(take(), count); }

void Request::answer_xattr(std::string_view value, size_t room) {
  if (room == 0) {
    fuse_reply_xattr(take(), value.size());
  } else if (value.size() > room) {
    answer_error(ERANGE);
  } else {
    fuse_reply_buf(take(), value.data(), value.size());
  }
}

void Request::answer_offset(uint64_t offset) { fuse_reply_lseek(take(), static_cast<off_t>(offset)); }

void Request::answer_statfs(const struct statvfs& usage) { fuse_reply_statfs(take(), &usage); }

void Request::answer_lock(const struct flock& lock) { fuse_reply_lock(take(), &lock); }

}  // namespace lace::fs::fuse
