#include "common/base/result.h"

namespace lace {

std::string_view name_of(Code code) {
  switch (code) {
    case Code::not_permitted: return "not permitted";
    case Code::no_entry: return "no such entry";
    case Code::io: return "input/output error";
    case Code::try_again: return "try again";
    case Code::access: return "access denied";
    case Code::exists: return "exists";
    case Code::not_directory: return "not a directory";
    case Code::is_directory: return "is a directory";
    case Code::invalid: return "invalid";
    case Code::file_too_big: return "file too big";
    case Code::no_space: return "no space";
    case Code::read_only: return "read-only";
    case Code::too_many_links: return "too many links";
    case Code::name_too_long: return "name too long";
    case Code::not_empty: return "not empty";
    case Code::loop: return "loop";
    case Code::no_data: return "no such attribute";
    case Code::cross_device: return "cross-device";
    case Code::quota: return "quota exceeded";
    case Code::not_supported: return "not supported";
    case Code::busy: return "busy";
    case Code::interrupted: return "interrupted";
    case Code::no_such_offset: return "no such offset";
    case Code::deadlock: return "deadlock";
    case Code::out_of_range: return "out of range";
    case Code::too_big: return "too big";
    case Code::stale_handle: return "stale handle";
    case Code::no_memory: return "out of memory";
    case Code::stale: return "stale";
    case Code::unavailable: return "unavailable";
    case Code::unknown: return "unknown outcome";
    case Code::corrupt: return "corrupt";
    case Code::denied: return "denied";
    case Code::malformed: return "malformed";
    case Code::fenced: return "fenced";
  }
  return "unnamed error";
}

}  // namespace lace
