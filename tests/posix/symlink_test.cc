// symlink(2), readlink(2), and how paths go through symlinks.
#include <climits>

#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Symlink = Workspace;

std::string target_of(const std::string& path) {
  char buffer[PATH_MAX + 1];
  const ssize_t size = readlink(path.c_str(), buffer, sizeof buffer);
  EXPECT_OK(size);
  return size < 0 ? "" : std::string(buffer, static_cast<size_t>(size));
}

TEST_F(Symlink, KeepsTargetsOfEveryLengthUpTo4095Bytes) {
  for (const size_t length : {1, 2, 26, 27, 59, 60, 61, 255, 256, 1'000, 4'000, 4'094, 4'095}) {
    const std::string target = pattern(length, static_cast<uint32_t>(length)), name = std::to_string(length);
    EXPECT_OK(symlink(target.c_str(), name.c_str()));
    EXPECT_TRUE(same_bytes(target, target_of(name)));
    EXPECT_EQ(static_cast<off_t>(length), size_of(name));
  }
}

TEST_F(Symlink, RefusesTargetsOfNoneAndOf4096Bytes) {
  EXPECT_ERRNO(ENOENT, symlink("", "a"));
  EXPECT_ERRNO(ENAMETOOLONG, symlink(std::string(4'096, 't').c_str(), "a"));
  EXPECT_ERRNO(ENAMETOOLONG, symlink("t", std::string(256, 'a').c_str()));
}

TEST_F(Symlink, HasAllPermissionsWhateverTheUmask) {
  umask(0777);
  EXPECT_OK(symlink("t", "a"));
  umask(022);
  EXPECT_TRUE(S_ISLNK(lstat_of("a").st_mode));
  EXPECT_EQ(0777u, mode_of("a"));
  EXPECT_EQ(1u, links_of("a"));
}

TEST_F(Symlink, RefusesNamesThatExistAndPathsThatDoNot) {
  make_file("file");
  make_dir("dir");
  make_symlink("nowhere", "dangling");
  for (const char* name : {"file", "dir", "dangling", "."}) {
    SCOPED_TRACE(name);
    EXPECT_ERRNO(EEXIST, symlink("t", name));
  }
  EXPECT_ERRNO(ENOENT, symlink("t", "nothing/a"));
  EXPECT_ERRNO(ENOENT, symlink("t", ""));
  EXPECT_ERRNO(ENOENT, symlink("t", "new/"));
  EXPECT_ERRNO(ENOTDIR, symlink("t", "file/a"));
}

TEST_F(Symlink, CutsTheTargetToTheBufferOfReadlink) {
  make_symlink("0123456789", "a");
  char buffer[16] = "...............";
  EXPECT_GIVES(4, readlink("a", buffer, 4));
  EXPECT_EQ("0123...........", std::string(buffer)) << "and no zero byte is added";
  EXPECT_GIVES(10, readlink("a", buffer, sizeof buffer));
}

TEST_F(Symlink, IsAllThatReadlinkReads) {
  make_file("file");
  make_dir("dir");
  char buffer[16];
  EXPECT_ERRNO(EINVAL, readlink("file", buffer, sizeof buffer));
  EXPECT_ERRNO(EINVAL, readlink("dir", buffer, sizeof buffer));
  EXPECT_ERRNO(ENOENT, readlink("nothing", buffer, sizeof buffer));
  EXPECT_ERRNO(ENOENT, readlink("", buffer, sizeof buffer));
  EXPECT_ERRNO(ENOTDIR, readlink("file/a", buffer, sizeof buffer));
  make_symlink("x", "a");
  EXPECT_ERRNO(EINVAL, readlink("a", buffer, 0));
}

TEST_F(Symlink, IsFollowedRelativeToWhereItIs) {
  make_dir("d");
  make_dir("d/e");
  make_file("d/a", "in d");
  make_file("a", "in top");
  make_symlink("../a", "d/e/up");
  make_symlink("a", "d/here");
  make_symlink(home() + "/a", "d/absolute");
  EXPECT_EQ("in d", content_of("d/e/up"));
  EXPECT_EQ("in d", content_of("d/here"));
  EXPECT_EQ("in top", content_of("d/absolute"));
  EXPECT_OK(rename("d/here", "here"));
  EXPECT_EQ("in top", content_of("here"));
}

TEST_F(Symlink, IsFollowedBehindATrailingSlash) {
  make_dir("dir");
  make_file("file");
  make_symlink("dir", "to-dir");
  make_symlink("file", "to-file");
  EXPECT_TRUE(S_ISDIR(lstat_of("to-dir/").st_mode));
  struct stat found;
  EXPECT_ERRNO(ENOTDIR, lstat("to-file/", &found));
}

TEST_F(Symlink, IsFollowedByChmodChownAndTruncateButHasOwnersOfItsOwn) {
  make_file("a", "text");
  make_symlink("a", "link");
  EXPECT_OK(chmod("link", 0600));
  EXPECT_EQ(0600u, mode_of("a"));
  EXPECT_EQ(0777u, mode_of("link"));
  EXPECT_OK(chown("link", 1, 2));
  EXPECT_EQ(1u, lstat_of("a").st_uid);
  EXPECT_EQ(0u, lstat_of("link").st_uid);
  EXPECT_OK(lchown("link", 3, 4));
  EXPECT_EQ(3u, lstat_of("link").st_uid);
  EXPECT_EQ(4u, lstat_of("link").st_gid);
  EXPECT_EQ(1u, lstat_of("a").st_uid);
}

TEST_F(Symlink, MayDangleAndComeToLife) {
  make_symlink("later", "link");
  struct stat found;
  EXPECT_ERRNO(ENOENT, stat("link", &found));
  EXPECT_OK(lstat("link", &found));
  make_file("later", "text");
  EXPECT_EQ("text", content_of("link"));
  EXPECT_OK(unlink("later"));
  EXPECT_ERRNO(ENOENT, open("link", O_RDONLY));
}

TEST_F(Symlink, IsNotFollowedByRenameAndRemove) {
  make_file("a", "text");
  make_symlink("a", "link");
  EXPECT_OK(rename("link", "moved"));
  EXPECT_TRUE(S_ISLNK(lstat_of("moved").st_mode));
  EXPECT_EQ("text", content_of("moved"));
  make_file("other", "other");
  EXPECT_OK(rename("other", "moved"));
  EXPECT_TRUE(S_ISREG(lstat_of("moved").st_mode));
  EXPECT_EQ("text", content_of("a"));
}

}  // namespace
