// What a command asks of the mount itself, with ioctl(2) on a file or directory of it. Only root and the owner of the mount
// may.
#pragma once

#include <sys/ioctl.h>

#include <cstdint>

namespace lace::wire {

// Copies the file or the tree that the descriptor is of, sharing its pages. ENOTTY: this is no LaceFS mount.
struct CopyTreeRequest {
  uint64_t parent = 0;  // inode of the directory that the copy goes into, on the same mount
  char name[256] = {};  // ends with a zero
};
// The directory that the descriptor is of as it is now, by this name.
struct SnapshotRequest {
  char name[256] = {};
};

inline constexpr unsigned long copy_tree_request = _IOW('L', 1, CopyTreeRequest);
inline constexpr unsigned long snapshot_request = _IOW('L', 2, SnapshotRequest);
inline constexpr unsigned long remove_snapshot_request = _IOW('L', 3, SnapshotRequest);  // the descriptor: of any directory

}  // namespace lace::wire
