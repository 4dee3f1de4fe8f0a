// How a mount begins and ends, and what it says about itself.
#include "fs/fuse/mount.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <cerrno>
#include <fstream>

#include <gmock/gmock.h>

#include "fs/fuse/mount_point.h"
#include "tests/unit/fuse/mounted.h"

namespace lace::fs::fuse {
namespace {

class MountTest : public MountedTest {};

TEST_F(MountTest, ShowsItsTypeAndReadsAheadFourMegabytes) {
  mount();
  const auto entry = mounted_at(directory);
  ASSERT_TRUE(entry);
  EXPECT_EQ("fuse.lace", entry->type);
  EXPECT_EQ("lace", entry->source);
  if (::geteuid() != 0) return;
  std::ifstream file("/sys/class/bdi/" + entry->device + "/read_ahead_kb");
  int kilobytes = 0;
  file >> kilobytes;
  EXPECT_EQ(4096, kilobytes);
}

TEST_F(MountTest, EndsWhenItIsToldToAndLeavesNothing) {
  mount();
  write_file("a", "1");
  stop();
  join();
  EXPECT_FALSE(is_mounted());
  EXPECT_TRUE(std::filesystem::is_empty(directory));
}

TEST_F(MountTest, EndsWhenSomebodyElseUnmounts) {
  mount();
  ASSERT_EQ(0, ::umount2(directory.c_str(), 0));
  join();
}

TEST_F(MountTest, EndsThoughAFileIsOpen) {
  mount();
  write_file("a", "1");
  const int fd = ::open(path("a").c_str(), O_RDONLY);
  ASSERT_GE(fd, 0);
  stop();
  join();
  EXPECT_FALSE(is_mounted());
  char byte;
  EXPECT_EQ(-1, ::pread(fd, &byte, 1, 0));
  ::close(fd);
}

TEST_F(MountTest, EndsThoughARequestWaitsForever) {
  mount();
  write_file("a", "1");
  file_system.make_reads_stick(inode_of("a"));
  Child child([this] {
    const int fd = ::open(path("a").c_str(), O_RDONLY | O_DIRECT);
    char bytes[4096];
    return ::read(fd, bytes, sizeof bytes) < 0 ? 7 : 8;
  });
  ASSERT_TRUE(file_system.wait_for_reads(1, long_time));
  stop();
  stop();  // the second time ends it at once
  join();
  EXPECT_EQ(7, child.wait());
}

TEST_F(MountTest, WritesMappedPagesBeforeItEnds) {
  mount();
  write_file("a", std::string(4096, 'a'));
  const InodeId inode = inode_of("a");
  Child child([this] {
    const int fd = ::open(path("a").c_str(), O_RDWR);
    char* bytes = static_cast<char*>(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    bytes[0] = 'z';
    ::pause();
    return 0;
  });
  while (read_file("a")[0] != 'z') std::this_thread::yield();
  stop();
  join();
  const auto opened = file_system.open(context, inode, O_RDONLY);
  char byte = 0;
  ASSERT_TRUE(file_system.read(context, opened->handle, 0, &byte, 1));
  EXPECT_EQ('z', byte);
}

TEST_F(MountTest, TellsTheTruthAboutItsSize) {
  mount();
  struct statvfs before {
  }, after{};
  ASSERT_EQ(0, ::statvfs(directory.c_str(), &before));
  EXPECT_EQ(uint64_t{64} << 30, before.f_blocks * before.f_frsize);
  EXPECT_EQ(255u, before.f_namemax);
  write_file("a", std::string(1 << 20, 'x'));
  ASSERT_EQ(0, ::statvfs(directory.c_str(), &after));
  EXPECT_EQ(256u, before.f_bfree - after.f_bfree);
}

TEST_F(MountTest, IsReadOnlyIfWished) {
  MountFlags flags;
  flags.read_only = true;
  mount(flags);
  EXPECT_EQ(-1, ::mkdir(path("a").c_str(), 0755));
  EXPECT_EQ(EROFS, errno);
}

TEST_F(MountTest, ShowsOneOwnerIfWished) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  MountFlags flags;
  flags.squash = {1234, 567};
  mount(flags);
  write_file("a", "1");
  struct stat found {};
  ASSERT_EQ(0, ::stat(path("a").c_str(), &found));
  EXPECT_EQ(1234u, found.st_uid);
  EXPECT_EQ(567u, found.st_gid);
  EXPECT_EQ(0, ::chown(path("a").c_str(), 1234, 567));
  EXPECT_EQ(-1, ::chown(path("a").c_str(), 1, 567));
  EXPECT_EQ(EPERM, errno);
  EXPECT_EQ(1234u, file_system.attributes(context, InodeId{found.st_ino})->uid);
}

TEST_F(MountTest, AnswersAboutItselfWithoutListingIt) {
  mount();
  write_file("a", "1");
  char value[100];
  ASSERT_EQ(14, ::getxattr(path("a").c_str(), "lace.control", value, sizeof value));
  EXPECT_EQ("ipc:///control", std::string(value, 14));
  const ssize_t length = ::getxattr(path("a").c_str(), "lace.inode", value, sizeof value);
  EXPECT_EQ(std::to_string(raw(inode_of("a"))), std::string(value, static_cast<size_t>(length)));
  EXPECT_EQ(0, ::listxattr(path("a").c_str(), nullptr, 0));
  EXPECT_EQ(-1, ::setxattr(path("a").c_str(), "lace.inode", "1", 1, 0));
  EXPECT_EQ(EPERM, errno);
}

// The program as a process of its own, as `lace mount` starts it.
class MountProcess : public MountedTest {
 protected:
  void start() {
    int ready[2];
    ASSERT_EQ(0, ::pipe(ready));
    process = ::fork();
    if (process == 0) {
      ::dup2(ready[1], STDOUT_FILENO);
      ::execl(MEMORY_MOUNT, MEMORY_MOUNT, directory.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(ready[1]);
    char byte;
    ASSERT_EQ(1, ::read(ready[0], &byte, 1)) << "it ended before it was ready";
    ::close(ready[0]);
    ASSERT_TRUE(is_mounted());
  }
  int end(int number) {
    ::kill(process, number);
    int status = 0;
    ::waitpid(process, &status, 0);
    return status;
  }
  pid_t process = -1;
};

TEST_F(MountProcess, LeavesNoMountAfterSigterm) {
  start();
  write_file("a", "1");
  const int status = end(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(0, WEXITSTATUS(status));
  EXPECT_FALSE(is_mounted());
}

TEST_F(MountProcess, LeavesADirectoryThatSaysWhatToDoAfterSigkill) {
  start();
  end(SIGKILL);
  const auto checked = check_mount_point(directory, false);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().what, testing::HasSubstr("lace unmount " + directory));
  EXPECT_EQ(0, ::umount2(directory.c_str(), MNT_DETACH));
}

TEST_F(MountProcess, RefusesADirectoryThatIsAMountAlready) {
  start();
  const auto checked = check_mount_point(directory, true);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().what, testing::HasSubstr("lace unmount " + directory));
  end(SIGTERM);
}

}  // namespace
}  // namespace lace::fs::fuse
