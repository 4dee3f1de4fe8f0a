// The tables of namespace.db, and whose it is. Format 1. Names, targets, values and lists of servers are blobs; all other
// columns are integers.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/db/database.h"

namespace lace::control {

struct Identity {
  std::string cluster;  // 32 hex digits
  std::string secret;   // 32 bytes
  uint64_t term = 0;    // of this opening
};

// The root directory of a new database.
struct Root {
  uint32_t uid = 0;
  uint32_t gid = 0;
  FileTime now;
};

// Makes the tables of a new database, or checks that they are ours and of `cluster` (empty: of any); then raises the term, if
// it is to. Errors: corrupt, denied.
Result<Identity> open_schema(db::Database& database, const std::string& path, const std::string& cluster, const Root& root,
                             bool raise_term = true);

}  // namespace lace::control
