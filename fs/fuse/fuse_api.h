// libfuse's low-level interface, at the version this room is written for. Included only inside fs/fuse.
#pragma once

#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 14)
#include <fuse3/fuse_lowlevel.h>
