// A memory file system, mounted for real in a temporary directory, served by this process.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "fs/fuse/mount.h"
#include "tests/unit/fuse/memory_caller.h"
#include "tests/unit/fuse/memory_file_system.h"

namespace lace::fs::fuse {

// Long enough for a loaded machine, short enough for a test that hangs.
inline constexpr Millis long_time{30'000};

class MountedTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  void mount(MountFlags flags = {}, int max_threads = 64);
  void stop() { ASSERT_EQ(0, ::eventfd_write(stop_fd, 1)); }
  void join();  // until run() has returned and the mount is gone
  bool is_mounted() const;
  std::string path(const std::string& name) const { return directory + "/" + name; }
  void write_file(const std::string& name, const std::string& content) const;
  std::string read_file(const std::string& name) const;
  InodeId inode_of(const std::string& name) const;

  SystemClock clock;
  MemoryNetwork network;
  MemoryFileSystem file_system{clock};
  MemoryCaller caller;
  Context context{caller};
  std::string directory;
  int stop_fd = -1;
  std::unique_ptr<Mount> mounted;
  std::thread runner;
};

// A child process that runs `body` and ends with what it returns. `body` must keep to plain system calls.
class Child {
 public:
  explicit Child(const std::function<int()>& body);
  ~Child();  // kills it
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  void signal(int number) const;
  // Waits for the end: the exit code, or minus the signal that ended it.
  int wait();
  pid_t id() const { return id_; }

 private:
  pid_t id_ = -1;
};

}  // namespace lace::fs::fuse
