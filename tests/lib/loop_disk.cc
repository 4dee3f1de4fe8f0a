#include "tests/lib/loop_disk.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/lib/scratch.h"
#include "tests/lib/shell.h"

namespace lace::test {
namespace {

// EXT4_IOC_SHUTDOWN of the kernel (fs/ext4/ext4.h), which Debian's headers do not show: the file system stops at once, and with
// this flag it does not even write its journal.
constexpr unsigned long ext4_shutdown = _IOR('X', 125, uint32_t);
constexpr uint32_t without_flushing_the_log = 2;

}  // namespace

LoopDisk::LoopDisk(int mebibytes) : path_(make_scratch_directory("disk")) {
  // A journal commit every 5 s would save what was written before it; power cuts are to hurt.
  const Ran made = shell(
      "truncate -s " + std::to_string(mebibytes) + "M $P.img; mkfs.ext4 -q -m 0 $P.img; mount -o loop,commit=300 $P.img $P",
      {{"P", path_}});
  ready_ = made.ok();
}

LoopDisk::~LoopDisk() {
  umount2(path_.c_str(), MNT_DETACH);
  std::error_code ignored;
  std::filesystem::remove(path_ + ".img", ignored);
  std::filesystem::remove(path_, ignored);
}

void LoopDisk::write_back() {
  const int fd = open(path_.c_str(), O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(syncfs(fd), 0) << path_;
  close(fd);
}

void LoopDisk::cut_power() {
  const int fd = open(path_.c_str(), O_RDONLY | O_DIRECTORY);
  uint32_t flags = without_flushing_the_log;
  EXPECT_EQ(ioctl(fd, ext4_shutdown, &flags), 0) << path_;
  close(fd);
  EXPECT_EQ(umount(path_.c_str()), 0) << path_ << " is in use";
}

void LoopDisk::power_on() { ASSERT_SHELL((Environment{{"P", path_}}), "mount -o loop,commit=300 $P.img $P"); }

}  // namespace lace::test
