// truncate(2) and ftruncate(2).
#include <climits>

#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Truncate = Workspace;

TEST_F(Truncate, GrowsWithZeros) {
  make_file("a", "text");
  EXPECT_OK(truncate("a", 100'000));
  EXPECT_TRUE(same_bytes("text" + zeros(99'996), content_of("a")));
}

TEST_F(Truncate, ShrinksAndForgetsWhatWasBehind) {
  const std::string data = pattern(100'000);
  for (const size_t size : {0, 1, 4095, 4096, 4097, 50'000, 65'536, 99'999}) {
    for (const bool synced : {false, true}) {
      SCOPED_TRACE(std::to_string(size) + (synced ? " after fsync" : ""));
      make_file("a", data);
      const Fd fd = opened("a", O_RDWR);
      if (synced) {
        EXPECT_OK(fsync(fd));
      }
      EXPECT_OK(ftruncate(fd, static_cast<off_t>(size)));
      EXPECT_EQ(static_cast<off_t>(size), stat_of(fd.get()).st_size);
      EXPECT_TRUE(same_bytes(data.substr(0, size), content_of("a")));
      EXPECT_OK(ftruncate(fd, 100'000));
      EXPECT_TRUE(same_bytes(data.substr(0, size) + zeros(100'000 - size), content_of("a"))) << "grown again";
    }
  }
}

TEST_F(Truncate, LeavesZerosBetweenAShrunkEndAndALaterWrite) {
  make_file("a", pattern(10'000));
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(ftruncate(fd, 5'000));
  put(fd, "new", 9'000);
  EXPECT_TRUE(same_bytes(pattern(10'000).substr(0, 5'000) + zeros(4'000) + "new", content_of("a")));
}

TEST_F(Truncate, MovesModificationAndChangeTimeWhenTheSizeChanges) {
  make_file("a", pattern(100));
  for (const off_t size : {50, 500, 0, 1}) {
    const Stamps stamps("a");
    EXPECT_OK(truncate("a", size));
    EXPECT_EQ("mc", stamps.moved()) << "to " << size;
    const Fd fd = opened("a", O_RDWR);
    const Stamps again("a");
    EXPECT_OK(ftruncate(fd, size + 7));
    EXPECT_EQ("mc", again.moved()) << "ftruncate to " << size + 7;
  }
}

TEST_F(Truncate, GivesTheSpaceBack) {
  make_file("a", pattern(4 << 20));
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(fsync(fd));
  EXPECT_GE(stat_of(fd.get()).st_blocks * 512, 4 << 20);
  EXPECT_OK(ftruncate(fd, 1 << 20));
  EXPECT_OK(fsync(fd));
  EXPECT_LE(stat_of(fd.get()).st_blocks * 512, (1 << 20) + (128 << 10));
  EXPECT_OK(ftruncate(fd, 0));
  EXPECT_LE(stat_of(fd.get()).st_blocks * 512, 4096);
}

TEST_F(Truncate, MakesAFileOf8TiBOutOfNothing) {
  make_file("a", "text");
  EXPECT_OK(truncate("a", off_t{8} << 40));
  EXPECT_EQ(off_t{8} << 40, size_of("a"));
  EXPECT_LE(stat_of("a").st_blocks * 512, 64 << 10);
  EXPECT_EQ(zeros(10), get(opened("a", O_RDONLY), 100, (off_t{8} << 40) - 10));
  EXPECT_OK(truncate("a", 4));
  EXPECT_EQ("text", content_of("a"));
}

TEST_F(Truncate, SaysEfbigWhereFilesEndOrTakesTheSize) {
  make_file("a", "text");
  const Outcome outcome(truncate("a", off_t{1} << 62));
  EXPECT_EQ(outcome.failed ? "EFBIG" : "", outcome.failed ? errno_name(outcome.error) : "");
  EXPECT_EQ(outcome.failed ? 4 : off_t{1} << 62, size_of("a"));
}

TEST_F(Truncate, RefusesWhatHasNoSize) {
  make_dir("dir");
  make_fifo("fifo");
  make_file("a", "text");
  EXPECT_ERRNO(EISDIR, truncate("dir", 0));
  EXPECT_ERRNO(EINVAL, truncate("fifo", 0));
  EXPECT_ERRNO(EINVAL, truncate("a", -1));
  EXPECT_ERRNO(ENOENT, truncate("nothing", 0));
  EXPECT_ERRNO(ENOTDIR, truncate("a/b", 0));
  EXPECT_ERRNO(EINVAL, ftruncate(opened("dir", O_RDONLY), 0));
  EXPECT_ERRNO(EINVAL, ftruncate(opened("a", O_RDONLY), 0));
  EXPECT_ERRNO(EBADF, ftruncate(-1, 0));
  EXPECT_EQ("text", content_of("a"));
}

TEST_F(Truncate, FollowsSymlinks) {
  make_file("a", "text");
  make_symlink("a", "link");
  EXPECT_OK(truncate("link", 2));
  EXPECT_EQ("te", content_of("a"));
}

TEST_F(Truncate, NeedsTheRightToWriteWhenAskedNotWhenOpened) {
  make_file("a", "text", 0444);
  EXPECT_OK(chown("a", owner.user, owner.group));
  as(owner, [] { EXPECT_ERRNO(EACCES, truncate("a", 0)); });
  as(stranger, [] { EXPECT_ERRNO(EACCES, truncate("a", 0)); });
  EXPECT_OK(chmod("a", 0644));
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(chmod("a", 0));
  as(stranger, [&] { EXPECT_OK(ftruncate(fd, 2)) << "the descriptor has the right"; });
  EXPECT_EQ("te", content_of("a"));
}

TEST_F(Truncate, IsSeenAtOnceByReadersAndAppenders) {
  make_file("a", pattern(10'000));
  const Fd reader = opened("a", O_RDONLY);
  const Fd appender = opened("a", O_WRONLY | O_APPEND);
  EXPECT_EQ(10'000u, get(reader, 20'000, 0).size());
  EXPECT_OK(truncate("a", 10));
  EXPECT_EQ("", get(reader, 100, 5'000));
  EXPECT_GIVES(3, write(appender, "end", 3));
  EXPECT_TRUE(same_bytes(pattern(10'000).substr(0, 10) + "end", content_of("a")));
}

}  // namespace
