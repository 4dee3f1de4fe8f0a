// unlink(2), and the life of files that have no name any more.
#include <sys/mman.h>
#include <sys/xattr.h>

#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Unlink = Workspace;

TEST_F(Unlink, RemovesNamesOfEveryKindButDirectories) {
  make_file("file");
  make_fifo("fifo");
  make_symlink("nowhere", "dangling");
  make_dir("dir");
  for (const char* name : {"file", "fifo", "dangling"}) {
    SCOPED_TRACE(name);
    EXPECT_OK(unlink(name));
    EXPECT_ERRNO(ENOENT, unlink(name));
  }
  EXPECT_ERRNO(EISDIR, unlink("dir"));
  EXPECT_ERRNO(either(EISDIR, EPERM), unlink("."));
}

TEST_F(Unlink, RemovesTheSymlinkAndNotItsTarget) {
  make_file("a", "text");
  make_symlink("a", "link");
  EXPECT_OK(unlink("link"));
  EXPECT_EQ("text", content_of("a"));
}

TEST_F(Unlink, SaysWhatIsWrongWithThePath) {
  make_file("file");
  make_symlink("self", "self");
  make_dir("dir");
  make_symlink("dir", "link");
  EXPECT_ERRNO(ENOENT, unlink("nothing/a"));
  EXPECT_ERRNO(ENOENT, unlink(""));
  EXPECT_ERRNO(ENOTDIR, unlink("file/a"));
  EXPECT_ERRNO(ENOTDIR, unlink("file/"));
  EXPECT_ERRNO(ELOOP, unlink("self/a"));
  EXPECT_ERRNO(ENAMETOOLONG, unlink(std::string(256, 'a').c_str()));
  EXPECT_ERRNO(either(EISDIR, ENOTDIR), unlink("link/"));
  EXPECT_TRUE(exists("file"));
}

TEST_F(Unlink, LeavesTheOtherNamesOfTheFile) {
  make_file("a", "text");
  EXPECT_OK(link("a", "b"));
  const Stamps stamps("b");
  EXPECT_OK(unlink("a"));
  EXPECT_EQ("c", stamps.moved());
  EXPECT_EQ(1u, links_of("b"));
  EXPECT_EQ("text", content_of("b"));
}

TEST_F(Unlink, LetsAnOpenFileLiveOn) {
  make_file("a", "text");
  const Fd fd = opened("a", O_RDWR);
  const ino_t ino = stat_of(fd.get()).st_ino;
  EXPECT_OK(unlink("a"));
  EXPECT_FALSE(exists("a"));
  EXPECT_EQ(0u, stat_of(fd.get()).st_nlink);
  EXPECT_EQ(ino, stat_of(fd.get()).st_ino);
  EXPECT_EQ("text", get(fd, 10, 0));
  const std::string data = pattern(2'000'000);
  put(fd, data, 4);
  EXPECT_TRUE(same_bytes("text" + data, get(fd, data.size() + 10, 0)));
  EXPECT_EQ(2'000'004, stat_of(fd.get()).st_size);
  EXPECT_OK(ftruncate(fd, 2));
  EXPECT_OK(fsync(fd));
  EXPECT_EQ("te", get(fd, 10, 0));
}

TEST_F(Unlink, LetsTheAttributesOfAnOpenFileBeChanged) {
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  EXPECT_OK(unlink("a"));
  EXPECT_OK(fchmod(fd, 0600));
  EXPECT_OK(fchown(fd, owner.user, owner.group));
  const timespec times[2] = {{1'000, 5}, {2'000, 7}};
  EXPECT_OK(futimens(fd, times));
  const Outcome set(fsetxattr(fd, "user.name", "value", 5, 0));
  if (!refused("user_xattr", set)) {
    EXPECT_FALSE(set.failed) << errno_name(set.error);
    char value[8];
    EXPECT_GIVES(5, fgetxattr(fd, "user.name", value, sizeof value));
  }
  const struct stat now = stat_of(fd.get());
  EXPECT_EQ(0600u, now.st_mode & 07777);
  EXPECT_EQ(owner.user, now.st_uid);
  EXPECT_EQ("2000.000000007", to_string(now.st_mtim));
}

TEST_F(Unlink, LetsAnOpenFileBeOpenedAgainThroughProc) {
  make_file("a", "text");
  const Fd fd = opened("a", O_RDONLY);
  EXPECT_OK(unlink("a"));
  const Fd again = opened("/proc/self/fd/" + std::to_string(fd), O_RDWR);
  put(again, "next", 0);
  EXPECT_EQ("next", get(fd, 10, 0));
}

TEST_F(Unlink, GivesANewFileOfTheSameNameALifeOfItsOwn) {
  make_file("a", "old");
  const Fd old = opened("a", O_RDWR);
  EXPECT_OK(unlink("a"));
  make_file("a", "new one");
  EXPECT_NE(stat_of(old.get()).st_ino, ino_of("a"));
  EXPECT_EQ("old", get(old, 10, 0));
  put(old, "OLD", 0);
  EXPECT_EQ("new one", content_of("a"));
}

TEST_F(Unlink, KeepsTheFileUntilTheLastOfSeveralProcessesHasClosedIt) {
  make_file("a", "text");
  Gate removed, checked;
  Child child([&] {
    const Fd fd = opened("a", O_RDONLY);
    checked.open();
    removed.wait();
    EXPECT_EQ("text", get(fd, 10, 0));
    EXPECT_EQ(0u, stat_of(fd.get()).st_nlink);
  });
  checked.wait();
  EXPECT_OK(unlink("a"));
  removed.open();
  child.join();
}

TEST_F(Unlink, TakesItBackFromNobodyThroughALinkFromProc) {
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  EXPECT_OK(unlink("a"));
  const std::string self = "/proc/self/fd/" + std::to_string(fd);
  EXPECT_ERRNO(ENOENT, linkat(AT_FDCWD, self.c_str(), AT_FDCWD, "back", AT_SYMLINK_FOLLOW));
  EXPECT_ERRNO(ENOENT, linkat(fd, "", AT_FDCWD, "back", AT_EMPTY_PATH));
}

TEST_F(Unlink, KeepsManyOpenFilesApart) {
  std::vector<Fd> files;
  for (uint32_t i = 0; i < 200; ++i) {
    files.push_back(opened("a", O_CREAT | O_EXCL | O_RDWR));
    put(files.back(), pattern(5'000, i), 0);
    ASSERT_OK(unlink("a"));
  }
  for (uint32_t i = 0; i < 200; ++i) ASSERT_TRUE(same_bytes(pattern(5'000, i), get(files[i], 6'000, 0))) << i;
}

}  // namespace
