// Takes a mount away while its threads still serve, so that the kernel can write what it has not written yet.
#pragma once

#include <atomic>
#include <memory>
#include <string>

namespace lace::fs::fuse {

class Unmount {
 public:
  // Starts at once, on a thread of its own. `device` as mountinfo shows it: what somebody else has mounted there meanwhile is
  // left alone. `done_fd` (an eventfd) becomes readable at the end.
  Unmount(std::string mount_point, std::string device, int done_fd);
  // Joins. The kernel lets go of a thread that waits for the file system once all its devices are closed.
  ~Unmount();
  Unmount(const Unmount&) = delete;
  Unmount& operator=(const Unmount&) = delete;

 private:
  struct Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace lace::fs::fuse
