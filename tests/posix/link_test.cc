// link(2) and linkat(2).
#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Link = Workspace;

TEST_F(Link, GivesTheSameFileASecondName) {
  make_file("a", "text", 0640);
  make_dir("d");
  EXPECT_OK(link("a", "d/b"));
  EXPECT_EQ(ino_of("a"), ino_of("d/b"));
  EXPECT_EQ(2u, links_of("a"));
  EXPECT_EQ(2u, links_of("d/b"));
  put(opened("d/b", O_WRONLY), "next", 0);
  EXPECT_EQ("next", content_of("a"));
  EXPECT_OK(chmod("a", 0600));
  EXPECT_EQ(0600u, mode_of("d/b"));
}

TEST_F(Link, MovesOnlyTheChangeTimeOfTheFile) {
  make_file("a");
  const Stamps stamps("a");
  EXPECT_OK(link("a", "b"));
  EXPECT_EQ("c", stamps.moved());
}

TEST_F(Link, RefusesNamesThatExist) {
  make_file("a");
  make_file("file");
  make_dir("dir");
  make_symlink("nowhere", "dangling");
  for (const char* name : {"file", "dir", "dangling", "a", ".", "dir/"}) {
    SCOPED_TRACE(name);
    EXPECT_ERRNO(EEXIST, link("a", name));
  }
  EXPECT_EQ(1u, links_of("a"));
}

TEST_F(Link, RefusesDirectories) {
  make_dir("dir");
  EXPECT_ERRNO(EPERM, link("dir", "other"));
  EXPECT_ERRNO(EPERM, link(".", "other"));
}

TEST_F(Link, SaysWhatIsWrongWithThePaths) {
  make_file("a");
  make_symlink("self", "self");
  const std::string too_long(256, 'x');
  EXPECT_ERRNO(ENOENT, link("nothing", "b"));
  EXPECT_ERRNO(ENOENT, link("a", "nothing/b"));
  EXPECT_ERRNO(ENOENT, link("a", ""));
  EXPECT_ERRNO(ENOENT, link("", "b"));
  EXPECT_ERRNO(ENOENT, link("a", "b/"));
  EXPECT_ERRNO(ENOTDIR, link("a/b", "b"));
  EXPECT_ERRNO(ENOTDIR, link("a", "a/b"));
  EXPECT_ERRNO(ENOTDIR, link("a/", "b"));
  EXPECT_ERRNO(ELOOP, link("self/b", "b"));
  EXPECT_ERRNO(ELOOP, link("a", "self/b"));
  EXPECT_ERRNO(ENAMETOOLONG, link("a", too_long.c_str()));
  EXPECT_ERRNO(ENAMETOOLONG, link(too_long.c_str(), "b"));
  EXPECT_EQ(1u, links_of("a"));
}

TEST_F(Link, DoesNotCrossFileSystems) {
  ASSERT_NE(stat_of("/proc").st_dev, stat_of(".").st_dev);
  EXPECT_ERRNO(EXDEV, link("/proc/version", "a"));
}

TEST_F(Link, LinksASymlinkItselfUnlessToldToFollow) {
  make_file("a");
  make_symlink("a", "symlink");
  EXPECT_OK(link("symlink", "same"));
  EXPECT_EQ(ino_of("symlink"), ino_of("same"));
  EXPECT_TRUE(S_ISLNK(lstat_of("same").st_mode));
  EXPECT_OK(linkat(AT_FDCWD, "symlink", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
  EXPECT_EQ(ino_of("a"), ino_of("followed"));
  make_symlink("nowhere", "dangling");
  EXPECT_OK(link("dangling", "dangling too"));
  EXPECT_ERRNO(ENOENT, linkat(AT_FDCWD, "dangling", AT_FDCWD, "no", AT_SYMLINK_FOLLOW));
}

TEST_F(Link, LinksFifosAndOpenDescriptors) {
  make_fifo("fifo");
  EXPECT_OK(link("fifo", "fifo too"));
  EXPECT_EQ(2u, links_of("fifo"));
  make_file("a", "text");
  const Fd fd = opened("a", O_RDONLY);
  EXPECT_OK(linkat(fd, "", AT_FDCWD, "from descriptor", AT_EMPTY_PATH));
  EXPECT_EQ("text", content_of("from descriptor"));
  EXPECT_ERRNO(EINVAL, linkat(AT_FDCWD, "a", AT_FDCWD, "b", 0x8000'0000 >> 4));
}

TEST_F(Link, CountsAThousandLinks) {
  make_file("a", "text");
  make_dir("d");
  for (nlink_t i = 1; i <= 1'000; ++i) ASSERT_OK(link("a", ("d/" + std::to_string(i)).c_str()));
  EXPECT_EQ(1'001u, links_of("a"));
  EXPECT_EQ(1'001u, links_of("d/777"));
  EXPECT_EQ("text", content_of("d/1000"));
  EXPECT_EQ(1'000u, names_in("d").size());
  for (nlink_t i = 1; i <= 1'000; ++i) ASSERT_OK(unlink(("d/" + std::to_string(i)).c_str()));
  EXPECT_EQ(1u, links_of("a"));
}

TEST_F(Link, KeepsTheContentWhicheverNameGoesFirst) {
  make_file("a", "text");
  EXPECT_OK(link("a", "b"));
  EXPECT_OK(unlink("a"));
  EXPECT_OK(link("b", "c"));
  EXPECT_OK(unlink("b"));
  EXPECT_EQ("text", content_of("c"));
  EXPECT_EQ(1u, links_of("c"));
}

}  // namespace
