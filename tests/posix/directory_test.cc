// mkdir(2) and rmdir(2).
#include <dirent.h>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Directory = Workspace;

TEST_F(Directory, IsMadeWithTheModeLessTheUmaskAndTwoLinks) {
  umask(027);
  EXPECT_OK(mkdir("d", 0777));
  EXPECT_EQ(0750u, mode_of("d"));
  EXPECT_TRUE(S_ISDIR(lstat_of("d").st_mode));
  EXPECT_TRUE(links_of("d") == 2 || differs("directory_links"));
  EXPECT_TRUE(names_in("d").empty());
}

TEST_F(Directory, KeepsTheStickyBitOfTheModeItIsMadeWith) {
  umask(0);
  EXPECT_OK(mkdir("d", 01777));
  EXPECT_EQ(01777u, mode_of("d"));
}

TEST_F(Directory, CountsItsSubdirectoriesInItsLinks) {
  make_dir("d");
  if (links_of("d") != 2 && differs("directory_links")) GTEST_SKIP() << "not counted here";
  make_file("d/file");
  make_symlink(".", "d/link");
  EXPECT_EQ(2u, links_of("d"));
  for (nlink_t i = 1; i <= 5; ++i) {
    make_dir("d/" + std::to_string(i));
    EXPECT_EQ(2 + i, links_of("d"));
  }
  for (nlink_t i = 5; i >= 1; --i) {
    EXPECT_OK(rmdir(("d/" + std::to_string(i)).c_str()));
    EXPECT_EQ(1 + i, links_of("d"));
  }
}

TEST_F(Directory, HasDotAndDotDot) {
  make_dir("d");
  make_dir("d/e");
  EXPECT_EQ(ino_of("d"), ino_of("d/."));
  EXPECT_EQ(ino_of("d"), ino_of("d/e/.."));
  EXPECT_EQ(ino_of("."), ino_of("d/e/../.."));
}

TEST_F(Directory, IsNotMadeWhereSomethingIs) {
  make_file("file");
  make_dir("dir");
  make_symlink("nowhere", "dangling");
  make_fifo("fifo");
  for (const char* name : {"file", "dir", "dangling", "fifo", ".", "..", "dir/", "dir/.."}) {
    SCOPED_TRACE(name);
    EXPECT_ERRNO(EEXIST, mkdir(name, 0755));
  }
  EXPECT_FALSE(exists("nowhere"));
}

TEST_F(Directory, NeedsItsParent) {
  make_file("file");
  make_symlink("self", "self");
  EXPECT_ERRNO(ENOENT, mkdir("nothing/d", 0755));
  EXPECT_ERRNO(ENOENT, mkdir("", 0755));
  EXPECT_ERRNO(ENOENT, mkdir("nothing/.", 0755));
  EXPECT_ERRNO(ENOTDIR, mkdir("file/d", 0755));
  EXPECT_ERRNO(ELOOP, mkdir("self/d", 0755));
  EXPECT_ERRNO(ENAMETOOLONG, mkdir(std::string(256, 'd').c_str(), 0755));
  EXPECT_OK(mkdir(std::string(255, 'd').c_str(), 0755));
}

TEST_F(Directory, MayBeNamedWithTrailingSlashes) {
  EXPECT_OK(mkdir("d///", 0755));
  EXPECT_OK(mkdir("d/./e/", 0755));
  EXPECT_TRUE(exists("d/e/"));
  EXPECT_OK(rmdir("d/e//"));
  EXPECT_OK(rmdir("d/"));
}

TEST_F(Directory, IsNotRemovedWhileItHoldsAnything) {
  make_dir("d");
  make_file("d/a");
  EXPECT_ERRNO(either(ENOTEMPTY, EEXIST), rmdir("d"));
  EXPECT_OK(unlink("d/a"));
  make_dir("d/.hidden");
  EXPECT_ERRNO(either(ENOTEMPTY, EEXIST), rmdir("d"));
  EXPECT_OK(rmdir("d/.hidden"));
  make_symlink("nowhere", "d/link");
  EXPECT_ERRNO(either(ENOTEMPTY, EEXIST), rmdir("d"));
  EXPECT_OK(unlink("d/link"));
  EXPECT_OK(rmdir("d"));
  EXPECT_ERRNO(ENOENT, rmdir("d"));
}

TEST_F(Directory, IsTheOnlyThingThatRmdirRemoves) {
  make_file("file");
  make_dir("dir");
  make_symlink("dir", "link");
  make_fifo("fifo");
  for (const char* name : {"file", "link", "fifo", "file/a", "link/"}) {
    SCOPED_TRACE(name);
    EXPECT_ERRNO(ENOTDIR, rmdir(name));
  }
  EXPECT_ERRNO(ENOENT, rmdir("nothing"));
  EXPECT_ERRNO(ENOENT, rmdir("nothing/d"));
  EXPECT_ERRNO(ENOENT, rmdir(""));
  EXPECT_ERRNO(ENAMETOOLONG, rmdir(std::string(256, 'd').c_str()));
}

TEST_F(Directory, IsNotRemovedAsDotOrDotDot) {
  make_dir("d");
  make_dir("d/e");
  EXPECT_ERRNO(EINVAL, rmdir("d/e/."));
  EXPECT_ERRNO(either(ENOTEMPTY, EEXIST), rmdir("d/e/.."));
  EXPECT_ERRNO(ENOTEMPTY, rmdir("/"
                                "proc/.."))
      << "the root is never empty";
}

TEST_F(Directory, IsDeadForWhoIsStillInIt) {
  make_dir("d");
  const Fd dir = opened("d", O_RDONLY | O_DIRECTORY);
  EXPECT_OK(chdir("d"));
  EXPECT_OK(rmdir("../d"));
  char buffer[4096];
  EXPECT_ERRNO(ENOENT, getcwd(buffer, sizeof buffer));
  EXPECT_ERRNO(ENOENT, open("a", O_CREAT | O_RDWR, 0644));
  EXPECT_ERRNO(ENOENT, mkdir("e", 0755));
  EXPECT_ERRNO(ENOENT, symlink("x", "y"));
  EXPECT_EQ(0u, stat_of(dir.get()).st_nlink);
  DIR* listing = fdopendir(dup(dir));
  ASSERT_OK(listing);
  while (const dirent* entry = readdir(listing)) EXPECT_EQ('.', entry->d_name[0]) << entry->d_name;
  closedir(listing);
}

TEST_F(Directory, MayBeMadeAgainUnderTheSameName) {
  for (int i = 0; i < 50; ++i) {
    ASSERT_OK(mkdir("d", 0755));
    ASSERT_OK(mkdir("d/e", 0755));
    ASSERT_ERRNO(EEXIST, mkdir("d", 0755));
    ASSERT_OK(rmdir("d/e"));
    ASSERT_OK(rmdir("d"));
    ASSERT_ERRNO(ENOENT, opendir("d"));
  }
}

TEST_F(Directory, IsRemovedWithUnlinkatOnlyWhenAskedFor) {
  make_dir("d");
  make_file("a");
  EXPECT_ERRNO(EISDIR, unlinkat(AT_FDCWD, "d", 0));
  EXPECT_ERRNO(ENOTDIR, unlinkat(AT_FDCWD, "a", AT_REMOVEDIR));
  EXPECT_ERRNO(EINVAL, unlinkat(AT_FDCWD, "d", 0x4000));
  EXPECT_OK(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
}

}  // namespace
