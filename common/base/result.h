// Errors as values. Result<T> is returned by value and must be looked at; exceptions of libraries end in the room that
// uses the library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace lace {

// Each code exists because some caller reacts to it. Those of the first group are POSIX errors and map one to one to
// errno (in fs/fuse only). Those of the second say what happened to a request on its way through the cluster. The
// numbers travel on the wire: append, never renumber.
enum class Code : uint16_t {
  not_permitted = 1,    // EPERM
  no_entry = 2,         // ENOENT
  io = 3,               // EIO
  try_again = 4,        // EAGAIN
  access = 5,           // EACCES
  exists = 6,           // EEXIST
  not_directory = 7,    // ENOTDIR
  is_directory = 8,     // EISDIR
  invalid = 9,          // EINVAL
  file_too_big = 10,    // EFBIG
  no_space = 11,        // ENOSPC
  read_only = 12,       // EROFS
  too_many_links = 13,  // EMLINK
  name_too_long = 14,   // ENAMETOOLONG
  not_empty = 15,       // ENOTEMPTY
  loop = 16,            // ELOOP
  no_data = 17,         // ENODATA: no such attribute
  cross_device = 18,    // EXDEV
  quota = 19,           // EDQUOT
  not_supported = 20,   // EOPNOTSUPP
  busy = 21,            // EBUSY
  interrupted = 22,     // EINTR
  no_such_offset = 23,  // ENXIO: SEEK_DATA or SEEK_HOLE past the end
  deadlock = 24,        // EDEADLK
  out_of_range = 25,    // ERANGE: buffer too small
  too_big = 26,         // E2BIG
  stale_handle = 27,    // ESTALE: the inode is gone
  no_memory = 28,       // ENOMEM

  stale = 100,        // not done: the epoch, term, layout version or slot number is not the present one; refresh and retry
  unavailable = 101,  // not done: nobody there can do it now; retry elsewhere or later
  unknown = 102,      // may be done: retry only with the same number
  corrupt = 103,      // the stored bytes do not match their checksum, or a file's format is not ours
  denied = 104,       // the key, token or session does not allow it
  malformed = 105,    // the message can't be decoded, or breaks a bound of the protocol
  fenced = 106,       // the session was ended by the control server; open a new one
};

std::string_view name_of(Code code);

struct Error {
  Code code;
  std::string what;  // cause, object and remedy, in words for a person; may be empty on hot paths
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> fail(Code code, std::string what = {}) {
  return tl::unexpected<Error>(Error{code, std::move(what)});
}
// Passes on an error of another type: `if (!r) return pass(r);`
template <class T>
tl::unexpected<Error> pass(const Result<T>& failed) {
  return tl::unexpected<Error>(failed.error());
}

}  // namespace lace
