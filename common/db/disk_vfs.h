// SQLite over the Disk seam, so that tests can take the disk away from a database: with a disk that forgets what was not
// synced, a power failure is a line in a test. For databases that one connection has open (as ours are: locking_mode is
// EXCLUSIVE), because locks are not taken and memory is not shared.
#pragma once

#include <memory>
#include <string>

#include "common/disk/disk.h"

namespace lace::db {

// Registers itself with SQLite under name(), for DatabaseOptions::vfs. The disk outlives it; it outlives the databases.
class DiskVfs {
 public:
  explicit DiskVfs(disk::Disk& disk);
  ~DiskVfs();
  DiskVfs(const DiskVfs&) = delete;
  DiskVfs& operator=(const DiskVfs&) = delete;

  const std::string& name() const;
  // From now on every access fails: databases that are open can be closed without touching the disk.
  void unplug();

  struct State;  // for the functions that SQLite calls

 private:
  std::unique_ptr<State> state_;
};

}  // namespace lace::db
