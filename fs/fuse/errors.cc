#include "fs/fuse/errors.h"

#include <cerrno>

#include "common/base/log.h"

namespace lace::fs::fuse {
namespace {

bool expected(Code code) {
  switch (code) {
    case Code::io:
    case Code::stale:
    case Code::unavailable:
    case Code::unknown:
    case Code::corrupt:
    case Code::malformed:
    case Code::fenced:
    case Code::no_memory: return false;
    default: return true;
  }
}

}  // namespace

int errno_of(Code code) {
  switch (code) {
    case Code::not_permitted: return EPERM;
    case Code::no_entry: return ENOENT;
    case Code::io: return EIO;
    case Code::try_again: return EAGAIN;
    case Code::access: return EACCES;
    case Code::exists: return EEXIST;
    case Code::not_directory: return ENOTDIR;
    case Code::is_directory: return EISDIR;
    case Code::invalid: return EINVAL;
    case Code::file_too_big: return EFBIG;
    case Code::no_space: return ENOSPC;
    case Code::read_only: return EROFS;
    case Code::too_many_links: return EMLINK;
    case Code::name_too_long: return ENAMETOOLONG;
    case Code::not_empty: return ENOTEMPTY;
    case Code::loop: return ELOOP;
    case Code::no_data: return ENODATA;
    case Code::cross_device: return EXDEV;
    case Code::quota: return EDQUOT;
    case Code::not_supported: return EOPNOTSUPP;
    case Code::busy: return EBUSY;
    case Code::interrupted: return EINTR;
    case Code::no_such_offset: return ENXIO;
    case Code::deadlock: return EDEADLK;
    case Code::out_of_range: return ERANGE;
    case Code::too_big: return E2BIG;
    case Code::stale_handle: return ESTALE;
    case Code::no_memory: return ENOMEM;
    case Code::stale:
    case Code::unavailable:
    case Code::unknown:
    case Code::corrupt:
    case Code::malformed:
    case Code::fenced: return EIO;
    case Code::denied: return EACCES;
  }
  return EIO;  // a number that a newer server sent
}

int reported_errno(const Error& error, const char* operation) {
  static log::Limiter limiter;
  if (!expected(error.code) && limiter.pass()) {
    log::warn(
        "mount.operation_failed",
        {{"operation", operation}, {"error", name_of(error.code)}, {"what", error.what}, {"suppressed", limiter.taken()}});
  }
  return errno_of(error.code);
}

}  // namespace lace::fs::fuse
