// What the system lets this process have.
#pragma once

namespace lace::config {

// Lets this process open as many files as it may at most (RLIMIT_NOFILE): a connection takes several descriptors, and a
// storage server one for each copy in use. Call it before threads start. Never fails: the limit stays, and a warning is logged.
void raise_open_files();

}  // namespace lace::config
