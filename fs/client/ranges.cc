// Mount: fallocate, SEEK_DATA and SEEK_HOLE, copy_file_range.
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "fs/client/mount.h"

namespace lace::fs {

namespace {

constexpr size_t copied_at_once = size_t{64} << 20;

}  // namespace

Status Mount::extend(net::Caller& caller, const InodePtr& inode, uint64_t size) {
  {
    const std::lock_guard lock(inode->mutex);
    if (size <= inode->size()) return {};
  }
  wire::SetAttributes longer;
  longer.inode = inode->id;
  longer.set = wire::SetAttributes::set_size | wire::SetAttributes::set_modified;
  longer.size = size;
  longer.now = core_.clock.wall();
  longer.modified = longer.now;
  auto done = set_size(caller, inode, longer);
  return done ? Status{} : pass(done);
}

// The cluster reserves nothing: allocating checks that there is room, and sets the size.
Status Mount::allocate(Context& context, Handle handle, int mode, uint64_t offset, uint64_t length) {
  auto open = checked_file(handle);
  if (!open) return pass(open);
  if (auto ok = writable(); !ok) return ok;
  const InodePtr& inode = (*open)->inode;
  if (length == 0) return fail(Code::invalid);
  if (offset > max_file_bytes || length > max_file_bytes - offset) return fail(Code::file_too_big);
  const bool keeps_size = (mode & FALLOC_FL_KEEP_SIZE) != 0;
  const int what = mode & ~FALLOC_FL_KEEP_SIZE;
  if (what == FALLOC_FL_PUNCH_HOLE) {
    if (!keeps_size) return fail(Code::not_supported);
    return data_.punch(context.caller, inode, offset, length, 0);
  }
  if (what == FALLOC_FL_ZERO_RANGE) return data_.punch(context.caller, inode, offset, length, keeps_size ? 0 : offset + length);
  if (what != 0) return fail(Code::not_supported);
  auto room = usage(context);
  if (!room) return pass(room);
  uint64_t mapped = 0;
  {
    const std::lock_guard lock(inode->mutex);
    mapped = inode->extents.bytes_within(offset, offset + length);
  }
  if (length - std::min(mapped, length) > room->available_bytes) return fail(Code::no_space);
  return keeps_size ? Status{} : extend(context.caller, inode, offset + length);
}

Result<uint64_t> Mount::seek(Context& context, Handle handle, uint64_t offset, int whence) {
  auto open = checked_file(handle);
  if (!open) return pass(open);
  const InodePtr& inode = (*open)->inode;
  if (whence != SEEK_DATA && whence != SEEK_HOLE) return fail(Code::invalid);
  bool known = false;
  {
    const std::lock_guard lock(inode->mutex);
    known = core_.knows(*inode);
  }
  if (!known) {
    if (auto fresh = data_.refresh(context.caller, inode); !fresh) return pass(fresh);
  }
  uint64_t size = 0;
  {
    const std::lock_guard lock(inode->mutex);
    size = inode->size();
  }
  if (offset >= size) return fail(Code::no_such_offset);
  for (uint64_t at = offset;;) {
    auto data = data_.next_data(context.caller, inode, at);
    if (!data) return pass(data);
    if (whence == SEEK_DATA) {
      if (!*data) return fail(Code::no_such_offset);
      return (*data)->begin;
    }
    if (!*data || (*data)->begin > at) return std::min(at, size);
    at = (*data)->end;
  }
}

// ---------------------------------------------------------------- copy_file_range

Status Mount::copy_data(net::Caller& caller, const File& from, Range range, const File& to, uint64_t to_offset) {
  std::vector<char> buffer(std::min<uint64_t>(max_io_bytes * 4, range.length()));
  while (range.length() > 0) {
    auto read = data_.read(caller, from.inode, range.begin, buffer.data(), std::min<uint64_t>(buffer.size(), range.length()));
    if (!read) return pass(read);
    if (*read == 0) return {};
    auto written = data_.write(caller, to.inode, to_offset, {buffer.data(), *read});
    if (!written) return pass(written);
    range.begin += *written;
    to_offset += *written;
  }
  return {};
}

// A hole is copied as one: by nothing behind the end, by a punch elsewhere.
Status Mount::copy_hole(net::Caller& caller, const File& to, Range range) {
  uint64_t size = 0;
  {
    const std::lock_guard lock(to.inode->mutex);
    size = to.inode->size();
  }
  if (range.begin < size) {
    auto data = data_.next_data(caller, to.inode, range.begin);
    if (!data) return pass(data);
    if (*data && (*data)->begin < range.end) {
      if (auto punched = data_.punch(caller, to.inode, range.begin, range.length(), 0); !punched) return punched;
    }
  }
  return extend(caller, to.inode, range.end);
}

Result<size_t> Mount::copy_range(Context& context, Handle from_handle, uint64_t from_offset, Handle to_handle,
                                 uint64_t to_offset, size_t length) {
  auto from = checked_file(from_handle);
  if (!from) return pass(from);
  auto to = checked_file(to_handle);
  if (!to) return pass(to);
  if (auto ok = writable(); !ok) return pass(ok);
  uint64_t size = 0;
  {
    const std::lock_guard lock((*from)->inode->mutex);
    size = (*from)->inode->size();
  }
  if (from_offset >= size) return size_t{0};
  const uint64_t end = from_offset + std::min<uint64_t>(std::min(length, copied_at_once), size - from_offset);
  for (uint64_t at = from_offset; at < end;) {
    auto data = data_.next_data(context.caller, (*from)->inode, at);
    if (!data) return pass(data);
    const uint64_t begin = *data ? std::min(end, (*data)->begin) : end;
    const uint64_t data_end = *data ? std::min(end, (*data)->end) : end;
    Status done;
    if (begin > at) done = copy_hole(context.caller, **to, {to_offset + (at - from_offset), to_offset + (begin - from_offset)});
    if (done && data_end > begin)
      done = copy_data(context.caller, **from, {begin, data_end}, **to, to_offset + (begin - from_offset));
    if (!done) {
      if (at == from_offset) return pass(done);
      return static_cast<size_t>(at - from_offset);
    }
    at = data_end;
  }
  note_access((*from)->inode, (*from)->flags);
  return static_cast<size_t>(end - from_offset);
}

}  // namespace lace::fs
