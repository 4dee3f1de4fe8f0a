// Files on a mount, and what is asked of the mount itself (common/wire/mount_requests.h).
#pragma once

#include <string>

#include "common/base/ids.h"
#include "common/base/result.h"

namespace lace::cli {

// What the mount says of a file in an attribute that is in no list: "lace.inode", "lace.control". Errors: not_supported (the
// file is on no LaceFS mount), no_entry.
Result<std::string> ask_mount(const std::string& path, const char* name);
// Errors: as above.
Result<InodeId> inode_of(const std::string& path);
// The absolute path of the directory that is mounted there.
Result<std::string> mount_of(const std::string& path);
// Sends a request on a descriptor of `path`. Errors: exists, too_big, busy (another mount does not answer), not_permitted, ...,
// with words for a person.
Status send_request(const std::string& path, unsigned long request, const void* message);

}  // namespace lace::cli
