// A FileSystem attached to a directory through the kernel.
//
// Threads: those of the engine carry out requests; `chores` makes the kernel forget; a timer delivers late interrupts. run()
// and the destructor belong to the thread that attached.
#pragma once

#include <memory>
#include <string>

#include "fs/client/file_system.h"
#include "fs/client/profile.h"
#include "fs/fuse/mount_flags.h"

namespace lace::fs::fuse {

struct AttachOptions {
  std::string mount_point;  // checked and absolute: see check_mount_point()
  MountFlags flags;
  std::string controls;  // what the attribute lace.control answers: the servers as --control takes them
  int max_threads = 64;
  Profile* profile = nullptr;  // where operations are counted, and what the attribute lace.profile answers; null: nowhere
};

class Mount {
 public:
  // All, with options.profile, must outlive the Mount. From its return on, the directory shows the file system. Errors: io,
  // not_permitted.
  static Result<std::unique_ptr<Mount>> attach(FileSystem& file_system, net::Network& network, const Clock& clock,
                                               AttachOptions options);
  virtual ~Mount() = default;  // detaches

  // Serves until the directory is unmounted by somebody else, or `stop_fd` becomes readable; then writes what the kernel has
  // not written yet, and unmounts. A second time that `stop_fd` becomes readable ends that at once. `stop_fd`: a signalfd or an
  // eventfd.
  virtual void run(int stop_fd) = 0;
};

}  // namespace lace::fs::fuse
