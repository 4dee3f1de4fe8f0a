// fsync(2), fdatasync(2), syncfs(2) and the O_SYNC flags: what they accept. What they promise over a power cut is a matter
// for tests that can cut the power.
#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Sync = Workspace;

TEST_F(Sync, TakesFilesHoweverTheyAreOpen) {
  make_file("a", "text");
  for (const int flags : {O_RDONLY, O_WRONLY, O_RDWR}) {
    const Fd fd = opened("a", flags);
    EXPECT_OK(fsync(fd));
    EXPECT_OK(fdatasync(fd));
  }
}

TEST_F(Sync, TakesDirectories) {
  make_dir("dir");
  make_file("dir/a");
  const Fd dir = opened("dir", O_RDONLY | O_DIRECTORY);
  EXPECT_OK(fsync(dir));
  EXPECT_OK(fdatasync(dir));
  EXPECT_OK(syncfs(dir));
}

TEST_F(Sync, RefusesWhatHasNothingToSync) {
  make_fifo("fifo");
  const Fd fifo = opened("fifo", O_RDONLY | O_NONBLOCK);
  EXPECT_ERRNO(EINVAL, fsync(fifo));
  EXPECT_ERRNO(EINVAL, fdatasync(fifo));
  EXPECT_ERRNO(EBADF, fsync(-1));
  EXPECT_ERRNO(EBADF, fsync(opened(".", O_PATH)));
}

TEST_F(Sync, ChangesNothingThatCanBeSeen) {
  make_file("a", pattern(10'000));
  const Fd fd = opened("a", O_RDWR);
  put(fd, pattern(5'000, 2), 20'000);
  const struct stat before = stat_of(fd.get());
  const Stamps stamps("a");
  EXPECT_OK(fsync(fd));
  EXPECT_EQ("", stamps.moved());
  EXPECT_EQ(before.st_size, stat_of(fd.get()).st_size);
  EXPECT_TRUE(same_bytes(pattern(10'000) + zeros(10'000) + pattern(5'000, 2), content_of("a")));
}

TEST_F(Sync, WorksForAFileThatHasNoNameAnyMore) {
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  EXPECT_OK(unlink("a"));
  put(fd, "text", 0);
  EXPECT_OK(fsync(fd));
  EXPECT_EQ("text", get(fd, 4, 0));
}

TEST_F(Sync, WritesThroughDescriptorsWithOSyncAndODsync) {
  for (const int flag : {O_SYNC, O_DSYNC}) {
    const Fd fd = opened("a", O_CREAT | O_TRUNC | O_RDWR | flag);
    EXPECT_GIVES(4, write(fd, "text", 4));
    EXPECT_GIVES(3, pwrite(fd, "end", 3, 9'000));
    EXPECT_TRUE(same_bytes("text" + zeros(8'996) + "end", content_of("a")));
  }
}

TEST_F(Sync, CountsTheBlocksOfSyncedDataOnce) {
  make_file("a", pattern(1 << 20));
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(fsync(fd));
  const auto bytes = stat_of(fd.get()).st_blocks * 512;
  EXPECT_GE(bytes, 1 << 20);
  EXPECT_LE(bytes, (1 << 20) + (128 << 10));
  put(fd, pattern(1 << 20, 2), 0);
  EXPECT_OK(fsync(fd));
  EXPECT_LE(stat_of(fd.get()).st_blocks * 512, (1 << 20) + (128 << 10)) << "after it was overwritten";
}

TEST_F(Sync, TakesRangesWithSyncFileRange) {
  make_file("a", pattern(100'000));
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(sync_file_range(fd, 5'000, 50'000, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
  EXPECT_ERRNO(EINVAL, sync_file_range(fd, -1, 1, SYNC_FILE_RANGE_WRITE));
}

}  // namespace
