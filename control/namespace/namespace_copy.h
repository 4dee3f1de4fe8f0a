// A NamespaceCopy over SQLite's online backup.
#pragma once

#include "common/db/database.h"
#include "control/namespace/namespace.h"

namespace lace::control {

// `from` outlives it. The copy is the file `path`.
Result<std::unique_ptr<NamespaceCopy>> copy_of(db::Database& from, const std::string& path, const std::string& vfs);

}  // namespace lace::control
