// stat(2), fstat, lstat, statx: what they tell, and that they agree.
#include <sys/sysmacros.h>

#include <set>

#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Stat = Workspace;

std::string nanoseconds(const statx_timestamp& time) {
  return to_string({static_cast<time_t>(time.tv_sec), static_cast<long>(time.tv_nsec)});
}

TEST_F(Stat, TellsTheSameByNameByDescriptorAndByStatx) {
  make_file("a", pattern(12'345), 0640);
  EXPECT_OK(chown("a", owner.user, stranger.group));
  const Fd fd = opened("a", O_RDWR);
  const struct stat by_name = stat_of("a"), by_fd = stat_of(fd.get());
  struct statx extended {};
  ASSERT_OK(statx(AT_FDCWD, "a", 0, STATX_BASIC_STATS, &extended));
  EXPECT_EQ(STATX_BASIC_STATS, extended.stx_mask & STATX_BASIC_STATS);
  for (const struct stat& one : {by_name, by_fd}) {
    EXPECT_EQ(extended.stx_ino, one.st_ino);
    EXPECT_EQ(extended.stx_mode, one.st_mode);
    EXPECT_EQ(extended.stx_nlink, one.st_nlink);
    EXPECT_EQ(extended.stx_uid, one.st_uid);
    EXPECT_EQ(extended.stx_gid, one.st_gid);
    EXPECT_EQ(12'345, one.st_size);
    EXPECT_EQ(extended.stx_blocks, static_cast<uint64_t>(one.st_blocks));
    EXPECT_EQ(makedev(extended.stx_dev_major, extended.stx_dev_minor), one.st_dev);
    EXPECT_EQ(nanoseconds(extended.stx_mtime), to_string(one.st_mtim));
    EXPECT_EQ(nanoseconds(extended.stx_ctime), to_string(one.st_ctim));
    EXPECT_EQ(nanoseconds(extended.stx_atime), to_string(one.st_atim));
  }
}

TEST_F(Stat, FollowsSymlinksAndLstatDoesNot) {
  make_file("a", "text");
  make_symlink("a", "link");
  EXPECT_EQ(ino_of("a"), stat_of("link").st_ino);
  EXPECT_NE(ino_of("a"), lstat_of("link").st_ino);
  struct stat found;
  EXPECT_OK(fstatat(AT_FDCWD, "link", &found, AT_SYMLINK_NOFOLLOW));
  EXPECT_TRUE(S_ISLNK(found.st_mode));
  const Fd fd = opened("a", O_PATH);
  EXPECT_OK(fstatat(fd, "", &found, AT_EMPTY_PATH));
  EXPECT_EQ(ino_of("a"), found.st_ino);
}

TEST_F(Stat, GivesAnInodeNumberThatStaysAndIsNobodyElses) {
  std::set<ino_t> numbers;
  for (int i = 0; i < 100; ++i) {
    make_file(std::to_string(i));
    numbers.insert(ino_of(std::to_string(i)));
  }
  EXPECT_EQ(100u, numbers.size());
  const ino_t ino = ino_of("7");
  EXPECT_OK(chmod("7", 0600));
  put(opened("7", O_RDWR), "text", 0);
  EXPECT_OK(rename("7", "seven"));
  EXPECT_OK(link("seven", "7"));
  EXPECT_EQ(ino, ino_of("seven"));
  EXPECT_EQ(ino, stat_of(opened("7", O_RDONLY).get()).st_ino);
  EXPECT_EQ(stat_of(".").st_dev, stat_of("7").st_dev);
}

TEST_F(Stat, FollowsTheSizeWithEveryWrite) {
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  off_t size = 0;
  for (size_t i = 1; i < 200; ++i) {
    const std::string piece = pattern(i * 37 % 5'000);
    ASSERT_GIVES(piece.size(), write(fd, piece.data(), piece.size()));
    size += static_cast<off_t>(piece.size());
    ASSERT_EQ(size, stat_of("a").st_size);
    ASSERT_EQ(size, stat_of(fd.get()).st_size);
  }
}

TEST_F(Stat, CountsNoBlocksForHoles) {
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  EXPECT_EQ(0, stat_of(fd.get()).st_blocks);
  EXPECT_OK(ftruncate(fd, 1 << 30));
  EXPECT_EQ(0, stat_of(fd.get()).st_blocks);
  for (off_t place = 0; place < 1 << 30; place += 100 << 20) put(fd, pattern(4096), place);
  EXPECT_OK(fsync(fd));
  const auto bytes = stat_of(fd.get()).st_blocks * 512;
  EXPECT_GE(bytes, 11 * 4096);
  EXPECT_LE(bytes, 11 * 4096 * 4);
}

TEST_F(Stat, CountsTheBlocksOfManyPiecesLikeTheirBytes) {
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  const std::string piece = pattern(65'536);
  for (off_t i = 0; i < 32; ++i) put(fd, piece, i * 131'072);
  EXPECT_OK(fsync(fd));
  const auto bytes = stat_of(fd.get()).st_blocks * 512;
  EXPECT_GE(bytes, 2 << 20);
  EXPECT_LE(bytes, (2 << 20) + (256 << 10));
}

TEST_F(Stat, OffersABlockSizeThatIsAPowerOfTwo) {
  make_file("a");
  const auto size = stat_of("a").st_blksize;
  EXPECT_GE(size, 512);
  EXPECT_EQ(0, size & (size - 1));
}

TEST_F(Stat, TellsTimesOfACreationBetweenBeforeAndAfter) {
  make_file("before");
  const struct stat before = stat_of("before");
  let_clock_tick(before);
  make_file("a");
  const struct stat made = stat_of("a");
  let_clock_tick(made);
  make_file("after");
  const struct stat after = stat_of("after");
  for (const timespec& time : {made.st_atim, made.st_mtim, made.st_ctim}) {
    EXPECT_TRUE(earlier(before.st_ctim, time)) << to_string(time);
    EXPECT_TRUE(earlier(time, after.st_ctim)) << to_string(time);
  }
}

TEST_F(Stat, KeepsTheTimeOfBirth) {
  make_file("a");
  struct statx first {
  }, later{};
  ASSERT_OK(statx(AT_FDCWD, "a", 0, STATX_BTIME | STATX_CTIME, &first));
  const Stamps stamps("a");
  put(opened("a", O_WRONLY), "text", 0);
  ASSERT_OK(statx(AT_FDCWD, "a", 0, STATX_BTIME, &later));
  if (!(first.stx_mask & STATX_BTIME)) GTEST_SKIP() << "this file system tells no time of birth";
  EXPECT_EQ(nanoseconds(first.stx_btime), nanoseconds(later.stx_btime));
  EXPECT_LE(first.stx_btime.tv_sec, first.stx_ctime.tv_sec);
}

TEST_F(Stat, SaysWhatIsWrongWithThePath) {
  make_file("file");
  make_symlink("self", "self");
  struct stat found;
  EXPECT_ERRNO(ENOENT, stat("nothing", &found));
  EXPECT_ERRNO(ENOENT, stat("", &found));
  EXPECT_ERRNO(ENOENT, stat("nothing/..", &found));
  EXPECT_ERRNO(ENOTDIR, stat("file/", &found));
  EXPECT_ERRNO(ENOTDIR, stat("file/a", &found));
  EXPECT_ERRNO(ELOOP, stat("self", &found));
  EXPECT_OK(lstat("self", &found));
  EXPECT_ERRNO(ENAMETOOLONG, stat(std::string(256, 'a').c_str(), &found));
  EXPECT_ERRNO(EBADF, fstat(-1, &found));
}

TEST_F(Stat, DoesNotRememberThatANameWasMissing) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_FALSE(exists("a"));
    make_file("a");
    ASSERT_TRUE(exists("a"));
    ASSERT_OK(rename("a", "b"));
    ASSERT_FALSE(exists("a"));
    ASSERT_OK(unlink("b"));
    ASSERT_FALSE(exists("b"));
  }
}

}  // namespace
