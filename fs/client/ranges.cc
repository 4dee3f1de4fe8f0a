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
// To share, control is asked; of less the bytes are copied sooner, and written behind.
constexpr uint64_t worth_sharing = uint64_t{64} << 10;

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

// Holes are copied as holes.
Result<size_t> Mount::copy_bytes(net::Caller& caller, const File& from, Range range, const File& to, uint64_t to_offset) {
  const uint64_t end = std::min(range.end, range.begin + copied_at_once);
  for (uint64_t at = range.begin; at < end;) {
    auto data = data_.next_data(caller, from.inode, at);
    if (!data) return pass(data);
    const uint64_t begin = *data ? std::min(end, (*data)->begin) : end;
    const uint64_t data_end = *data ? std::min(end, (*data)->end) : end;
    Status done;
    if (begin > at) done = copy_hole(caller, to, {to_offset + (at - range.begin), to_offset + (begin - range.begin)});
    if (done && data_end > begin) done = copy_data(caller, from, {begin, data_end}, to, to_offset + (begin - range.begin));
    if (!done) {
      if (at == range.begin) return pass(done);
      return static_cast<size_t>(at - range.begin);
    }
    at = data_end;
  }
  return static_cast<size_t>(end - range.begin);
}

// As much of it as can be shared: whole pages, and what is behind them if both files end there. 0: the bytes have to be copied.
Result<size_t> Mount::share_range(net::Caller& caller, const File& from, Range range, const File& to, uint64_t to_offset) {
  if (range.begin % page_bytes != 0 || to_offset % page_bytes != 0) return size_t{0};
  {
    const std::scoped_lock lock(from.inode->mutex, to.inode->mutex);
    const bool both_end = range.end == from.inode->size() && to_offset + range.length() >= to.inode->size();
    if (!both_end) range.end = page_floor(range.end);
  }
  if (range.length() < worth_sharing) return size_t{0};
  const Status shared = sharing_.share(caller, from.inode, range, to.inode, to_offset);
  if (shared) return static_cast<size_t>(range.length());
  switch (shared.error().code) {
    case Code::invalid:  // a size has changed meanwhile
    case Code::not_supported:
    case Code::try_again:
    case Code::unavailable: return size_t{0};
    default: return pass(shared);
  }
}

Result<size_t> Mount::copy_range(Context& context, Handle from_handle, uint64_t from_offset, Handle to_handle,
                                 uint64_t to_offset, size_t length) {
  auto from = checked_file(from_handle);
  if (!from) return pass(from);
  auto to = checked_file(to_handle);
  if (!to) return pass(to);
  if (auto ok = writable(); !ok) return pass(ok);
  if (to_offset > max_file_bytes || length > max_file_bytes - to_offset) return fail(Code::file_too_big);
  uint64_t size = 0;
  {
    const std::lock_guard lock((*from)->inode->mutex);
    size = (*from)->inode->size();
  }
  if (from_offset >= size) return size_t{0};
  const Range range{from_offset, from_offset + std::min<uint64_t>(length, size - from_offset)};
  const bool same_file = (*from)->inode == (*to)->inode;
  auto done = same_file ? Result<size_t>(size_t{0}) : share_range(context.caller, **from, range, **to, to_offset);
  if (done && *done == 0) done = copy_bytes(context.caller, **from, range, **to, to_offset);
  if (done) note_access((*from)->inode, (*from)->flags);
  return done;
}

}  // namespace lace::fs
