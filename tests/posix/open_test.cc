// open(2): flags, what they create, and every refusal that does not need another user (see access_test.cc for those).
#include <climits>

#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Open = Workspace;

std::string repeat(const std::string& piece, size_t times) {
  std::string all;
  while (times-- > 0) all += piece;
  return all;
}

TEST_F(Open, CreatesAnEmptyFileOfTheGivenModeWithoutTheBitsOfTheUmask) {
  umask(027);
  const Fd fd = opened("a", O_CREAT | O_RDWR, 0666);
  const struct stat made = stat_of(fd.get());
  EXPECT_TRUE(S_ISREG(made.st_mode));
  EXPECT_EQ(0640u, made.st_mode & 07777);
  EXPECT_EQ(0, made.st_size);
  EXPECT_EQ(1u, made.st_nlink);
  EXPECT_EQ(geteuid(), made.st_uid);
}

TEST_F(Open, CreatesAFileThatItsModeWouldNotLetItOpen) {
  as(owner, [] { EXPECT_ERRNO(EACCES, open("a", O_CREAT | O_RDWR, 0)); });
  make_dir("d", 0777);
  as(owner, [] {
    const Fd fd = opened("d/a", O_CREAT | O_RDWR, 0);
    EXPECT_GIVES(1, write(fd, "x", 1));
    EXPECT_EQ("x", get(fd, 1, 0));
    EXPECT_ERRNO(EACCES, open("d/a", O_RDONLY));
  });
}

TEST_F(Open, LeavesModeOwnerAndTimesOfAnExistingFileAlone) {
  make_file("a", "text", 0604);
  EXPECT_OK(chown("a", owner.user, owner.group));
  const Stamps stamps("a");
  EXPECT_OK(opened("a", O_CREAT | O_RDWR, 0777).get());
  EXPECT_EQ("", stamps.moved());
  EXPECT_EQ(0604u, mode_of("a"));
  EXPECT_EQ(owner.user, stat_of("a").st_uid);
  EXPECT_EQ("text", content_of("a"));
}

TEST_F(Open, RefusesOExclForWhateverIsThere) {
  make_file("file");
  make_dir("dir");
  make_fifo("fifo");
  make_symlink("file", "link");
  make_symlink("nowhere", "dangling");
  for (const char* name : {"file", "dir", "fifo", "link", "dangling"}) {
    SCOPED_TRACE(name);
    EXPECT_ERRNO(EEXIST, open(name, O_CREAT | O_EXCL | O_RDWR, 0644));
  }
  EXPECT_FALSE(exists("nowhere"));
}

TEST_F(Open, CreatesTheTargetOfADanglingSymlink) {
  make_symlink("target", "link");
  EXPECT_OK(opened("link", O_CREAT | O_RDWR).get());
  EXPECT_TRUE(S_ISREG(lstat_of("target").st_mode));
  EXPECT_TRUE(S_ISLNK(lstat_of("link").st_mode));
}

TEST_F(Open, EmptiesTheFileWithOTrunc) {
  make_file("a", pattern(10'000));
  const Fd other = opened("a", O_RDONLY);
  const Stamps stamps("a");
  EXPECT_OK(opened("a", O_WRONLY | O_TRUNC).get());
  EXPECT_EQ(0, stat_of("a").st_size);
  EXPECT_EQ("mc", stamps.moved());
  EXPECT_EQ("", get(other, 10, 0)) << "also for who had it open before";
}

TEST_F(Open, KeepsTheInodeWithOTrunc) {
  make_file("a", "old");
  const ino_t ino = ino_of("a");
  const Fd fd = opened("a", O_CREAT | O_TRUNC | O_RDWR, 0600);
  EXPECT_EQ(ino, stat_of(fd.get()).st_ino);
  EXPECT_EQ(0644u, mode_of("a"));
}

TEST_F(Open, AppendsWhereverTheOffsetIs) {
  make_file("a", "12345");
  const Fd fd = opened("a", O_RDWR | O_APPEND);
  EXPECT_OK(lseek(fd, 1, SEEK_SET));
  EXPECT_GIVES(2, write(fd, "67", 2));
  EXPECT_GIVES(7, lseek(fd, 0, SEEK_CUR)) << "the offset follows to the end";
  put(opened("a", O_WRONLY), "89", 7);
  EXPECT_GIVES(1, write(fd, "x", 1));
  EXPECT_EQ("123456789x", content_of("a"));
}

TEST_F(Open, GivesOnlyDirectoriesWithODirectory) {
  make_file("file");
  make_dir("dir");
  make_symlink("file", "to-file");
  make_symlink("dir", "to-dir");
  EXPECT_ERRNO(ENOTDIR, open("file", O_RDONLY | O_DIRECTORY));
  EXPECT_ERRNO(ENOTDIR, open("to-file", O_RDONLY | O_DIRECTORY));
  EXPECT_ERRNO(ENOENT, open("nothing", O_RDONLY | O_DIRECTORY));
  EXPECT_OK(opened("dir", O_RDONLY | O_DIRECTORY).get());
  EXPECT_OK(opened("to-dir", O_RDONLY | O_DIRECTORY).get());
  EXPECT_ERRNO(ELOOP, open("to-dir", O_RDONLY | O_NOFOLLOW));
}

TEST_F(Open, RefusesASymlinkAtTheEndWithONofollow) {
  make_dir("dir");
  make_file("dir/a", "text");
  make_symlink("dir", "way");
  make_symlink("dir/a", "link");
  EXPECT_ERRNO(ELOOP, open("link", O_RDONLY | O_NOFOLLOW));
  EXPECT_ERRNO(ELOOP, open("link", O_WRONLY | O_TRUNC | O_NOFOLLOW));
  EXPECT_EQ("text", content_of("dir/a"));
  EXPECT_OK(opened("way/a", O_RDONLY | O_NOFOLLOW).get()) << "symlinks before the end are followed";
}

TEST_F(Open, NamesAPlaceWithoutOpeningItWithOPath) {
  make_dir("dir");
  make_file("dir/a", "text", 0);
  const Fd fd = opened("dir/a", O_PATH);
  EXPECT_EQ(4, stat_of(fd.get()).st_size);
  char byte;
  EXPECT_ERRNO(EBADF, read(fd, &byte, 1));
  EXPECT_ERRNO(EBADF, write(fd, "x", 1));
  EXPECT_ERRNO(EBADF, fchmod(fd, 0644));
  EXPECT_ERRNO(EBADF, ftruncate(fd, 0));
  const Fd dir = opened("dir", O_PATH | O_DIRECTORY);
  EXPECT_OK(Fd(openat(dir, "a", O_RDONLY)).get());
  EXPECT_OK(mkdirat(dir, "b", 0755));
  EXPECT_OK(fchdir(dir));
  EXPECT_TRUE(exists("b"));
}

TEST_F(Open, NamesASymlinkItselfWithOPathAndONofollow) {
  make_symlink("nowhere", "link");
  const Fd fd = opened("link", O_PATH | O_NOFOLLOW);
  EXPECT_TRUE(S_ISLNK(stat_of(fd.get()).st_mode));
  char target[16];
  EXPECT_GIVES(7, readlinkat(fd, "", target, sizeof target));
}

TEST_F(Open, MakesAnUnnamedFileWithOTmpfile) {
  Fd fd(open(".", O_TMPFILE | O_RDWR, 0640));
  SKIP_IF_REFUSED("o_tmpfile", fd.get());
  ASSERT_OK(fd.get());
  EXPECT_EQ(0u, stat_of(fd.get()).st_nlink);
  EXPECT_EQ(0640u, stat_of(fd.get()).st_mode & 07777);
  EXPECT_TRUE(names_in(".").empty());
  put(fd, "kept", 0);
  EXPECT_OK(linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(fd)).c_str(), AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  fd.reset();
  EXPECT_EQ("kept", content_of("named"));
}

TEST_F(Open, MakesAnUnnamedFileThatNeverGetsANameWithOTmpfileAndOExcl) {
  const Fd fd(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));
  SKIP_IF_REFUSED("o_tmpfile", fd.get());
  ASSERT_OK(fd.get());
  const std::string self = "/proc/self/fd/" + std::to_string(fd);
  EXPECT_ERRNO(ENOENT, linkat(AT_FDCWD, self.c_str(), AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
}

TEST_F(Open, RefusesToWriteADirectory) {
  make_dir("dir");
  EXPECT_ERRNO(EISDIR, open("dir", O_WRONLY));
  EXPECT_ERRNO(EISDIR, open("dir", O_RDWR));
  EXPECT_ERRNO(EISDIR, open("dir", O_RDONLY | O_TRUNC));
  EXPECT_ERRNO(EISDIR, open("dir", O_RDONLY | O_CREAT, 0644));
  EXPECT_ERRNO(EISDIR, open(".", O_WRONLY));
  const Fd fd = opened("dir", O_RDONLY);
  char byte;
  EXPECT_ERRNO(EISDIR, read(fd, &byte, 1));
}

TEST_F(Open, TakesATrailingSlashForAClaimThatItIsADirectory) {
  make_file("file");
  EXPECT_ERRNO(ENOTDIR, open("file/", O_RDONLY));
  EXPECT_ERRNO(ENOENT, open("new/", O_RDONLY));
  EXPECT_ERRNO(EISDIR, open("new/", O_CREAT | O_RDWR, 0644));
  EXPECT_FALSE(exists("new"));
}

TEST_F(Open, WantsDirectoriesAllAlongThePath) {
  make_file("file");
  make_symlink("file", "link");
  EXPECT_ERRNO(ENOTDIR, open("file/a", O_RDONLY));
  EXPECT_ERRNO(ENOTDIR, open("file/a", O_CREAT | O_RDWR, 0644));
  EXPECT_ERRNO(ENOTDIR, open("link/a", O_RDONLY));
  EXPECT_ERRNO(ENOTDIR, open("file/.", O_RDONLY));
  EXPECT_ERRNO(ENOTDIR, open("file/..", O_RDONLY));
}

TEST_F(Open, SaysThatNothingIsThere) {
  EXPECT_ERRNO(ENOENT, open("nothing", O_RDWR));
  EXPECT_ERRNO(ENOENT, open("nothing/a", O_CREAT | O_RDWR, 0644));
  EXPECT_ERRNO(ENOENT, open("", O_RDONLY));
  make_symlink("nothing", "link");
  EXPECT_ERRNO(ENOENT, open("link", O_RDONLY));
  EXPECT_ERRNO(ENOENT, open("nothing/../link", O_RDONLY)) << "what is missing is not skipped over";
}

TEST_F(Open, FollowsFortySymlinksAndNotOneMore) {
  make_file("0", "end");
  for (int i = 1; i <= 41; ++i) make_symlink(std::to_string(i - 1), std::to_string(i));
  EXPECT_EQ("end", content_of("40"));
  EXPECT_ERRNO(ELOOP, open("41", O_RDONLY));
}

TEST_F(Open, FindsTheLoopInASymlinkToItself) {
  make_symlink("self", "self");
  make_symlink("b", "a");
  make_symlink("a", "b");
  EXPECT_ERRNO(ELOOP, open("self", O_RDONLY));
  EXPECT_ERRNO(ELOOP, open("self", O_CREAT | O_RDWR, 0644));
  EXPECT_ERRNO(ELOOP, open("a", O_RDONLY));
  EXPECT_ERRNO(ELOOP, open("a/x", O_RDONLY));
}

TEST_F(Open, TakesNamesOf255BytesAndNotOf256) {
  const std::string longest(255, 'n'), too_long(256, 'n');
  EXPECT_OK(opened(longest, O_CREAT | O_EXCL | O_RDWR).get());
  EXPECT_EQ(std::vector<std::string>{longest}, names_in("."));
  EXPECT_ERRNO(ENAMETOOLONG, open(too_long.c_str(), O_RDONLY));
  EXPECT_ERRNO(ENAMETOOLONG, open(too_long.c_str(), O_CREAT | O_RDWR, 0644));
  EXPECT_ERRNO(ENAMETOOLONG, open((too_long + "/a").c_str(), O_RDONLY));
}

TEST_F(Open, TakesPathsOf4095BytesAndNotOf4096) {
  make_file("a");
  const std::string longest = repeat("./", 2047) + "a";
  ASSERT_EQ(size_t{PATH_MAX - 1}, longest.size());
  EXPECT_OK(opened(longest, O_RDONLY).get());
  EXPECT_ERRNO(ENAMETOOLONG, open(("/" + longest).c_str(), O_RDONLY));
}

TEST_F(Open, RefusesAFifoForWritingThatNobodyReads) {
  make_fifo("fifo");
  EXPECT_ERRNO(ENXIO, open("fifo", O_WRONLY | O_NONBLOCK));
  EXPECT_OK(opened("fifo", O_RDONLY | O_NONBLOCK).get());
}

TEST_F(Open, HoldsToTheAccessModeOfTheDescriptor) {
  make_file("a", "text");
  const Fd reader = opened("a", O_RDONLY);
  const Fd writer = opened("a", O_WRONLY);
  char byte;
  EXPECT_ERRNO(EBADF, write(reader, "x", 1));
  EXPECT_ERRNO(EBADF, read(writer, &byte, 1));
  EXPECT_ERRNO(EINVAL, ftruncate(reader, 0));
}

TEST_F(Open, GivesEachOpenAnOffsetOfItsOwn) {
  make_file("a", "text");
  const Fd one = opened("a", O_RDONLY);
  const Fd two = opened("a", O_RDONLY);
  EXPECT_OK(lseek(one, 2, SEEK_SET));
  EXPECT_GIVES(0, lseek(two, 0, SEEK_CUR));
}

TEST_F(Open, IsRelativeToADirectoryThatWasMovedAndRefusesOneThatIsGone) {
  make_dir("dir");
  make_file("dir/a", "text");
  const Fd dir = opened("dir", O_RDONLY | O_DIRECTORY);
  EXPECT_OK(rename("dir", "moved"));
  EXPECT_OK(Fd(openat(dir, "a", O_RDONLY)).get());
  EXPECT_OK(unlink("moved/a"));
  EXPECT_OK(rmdir("moved"));
  EXPECT_ERRNO(ENOENT, openat(dir, "b", O_CREAT | O_RDWR, 0644));
  const Fd file = opened("f", O_CREAT | O_RDWR);
  EXPECT_ERRNO(ENOTDIR, openat(file, "a", O_RDONLY));
  EXPECT_ERRNO(EBADF, openat(-1, "a", O_RDONLY));
}

TEST_F(Open, ReadsPastTheAtimeWithONoatimeOnlyForTheOwner) {
  make_file("a", "text", 0666);
  const Stamps stamps("a");
  const Fd fd = opened("a", O_RDONLY | O_NOATIME);
  EXPECT_EQ("text", get(fd, 4, 0));
  EXPECT_EQ("", stamps.moved());
  as(stranger, [] { EXPECT_ERRNO(EPERM, open("a", O_RDONLY | O_NOATIME)); });
}

}  // namespace
