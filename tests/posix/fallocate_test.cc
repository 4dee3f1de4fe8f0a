// fallocate(2): what it allocates, what it leaves alone, to the byte.
#include <linux/falloc.h>

#include <algorithm>

#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;

constexpr int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
constexpr size_t size = 1 << 20;

class Fallocate : public Workspace {
 protected:
  void SetUp() override {
    Workspace::SetUp();
    fd_ = opened("a", O_CREAT | O_RDWR);
  }
  void fill() {
    content_ = pattern(size);
    put(fd_, content_, 0);
  }
  /// Zeros the range in what is expected, within the size.
  void expect_zeros(off_t start, off_t length) {
    const auto from = std::min(static_cast<size_t>(start), content_.size());
    const auto to = std::min(static_cast<size_t>(start + length), content_.size());
    content_.replace(from, to - from, to - from, '\0');
  }
  long long allocated() {
    EXPECT_OK(fsync(fd_));
    return stat_of(fd_.get()).st_blocks * 512LL;
  }

  Fd fd_;
  std::string content_;
};

// Ranges with edges on, before and behind the edges of pages; within a page; across the end of the file.
const std::vector<std::pair<off_t, off_t>> ranges{{0, 4096},         {4096, 8192},       {1, 1},        {100, 3'000},
                                                  {4095, 2},         {5'000, 9'000},     {0, 1 << 20},  {65'536, 131'072},
                                                  {300'001, 99'999}, {1'040'000, 8'576}, {70'000, 4096}};

TEST_F(Fallocate, GrowsTheFileWithSpaceThatReadsAsZeros) {
  put(fd_, "text", 0);
  SKIP_IF_REFUSED("fallocate", fallocate(fd_, 0, 1'000, 100'000));
  EXPECT_EQ(101'000, stat_of(fd_.get()).st_size);
  EXPECT_TRUE(allocated() >= 100'000 || differs("reservation"));
  EXPECT_TRUE(same_bytes("text" + zeros(100'996), content_of("a")));
}

TEST_F(Fallocate, LeavesDataInItsRangeAlone) {
  fill();
  SKIP_IF_REFUSED("fallocate", fallocate(fd_, 0, 1'000, 2 << 20));
  EXPECT_TRUE(same_bytes(content_ + zeros((1 << 20) + 1'000), content_of("a")));
}

TEST_F(Fallocate, LeavesTheSizeAloneWithKeepSize) {
  put(fd_, "text", 0);
  SKIP_IF_REFUSED("fallocate_keep_size", fallocate(fd_, FALLOC_FL_KEEP_SIZE, 0, size));
  EXPECT_EQ(4, stat_of(fd_.get()).st_size);
  EXPECT_TRUE(allocated() >= static_cast<long long>(size) || differs("reservation"));
  EXPECT_EQ("text", content_of("a"));
  EXPECT_OK(ftruncate(fd_, 10'000));
  EXPECT_TRUE(same_bytes("text" + zeros(9'996), content_of("a")));
}

TEST_F(Fallocate, PunchesHolesThatReadAsZerosAndTouchNothingElse) {
  for (const auto& [start, length] : ranges) {
    for (const bool synced : {false, true}) {
      SCOPED_TRACE(std::to_string(length) + " bytes at " + std::to_string(start) + (synced ? ", synced" : ""));
      fill();
      if (synced) {
        ASSERT_OK(fsync(fd_));
      }
      SKIP_IF_REFUSED("punch_hole", fallocate(fd_, punch, start, length));
      expect_zeros(start, length);
      ASSERT_TRUE(same_bytes(content_, get(fd_, 2 * size, 0)));
      ASSERT_TRUE(same_bytes(content_, content_of("a")));
    }
  }
}

TEST_F(Fallocate, GivesTheSpaceOfPunchedPagesBack) {
  fill();
  EXPECT_GE(allocated(), static_cast<long long>(size));
  SKIP_IF_REFUSED("punch_hole", fallocate(fd_, punch, 65'536, 524'288));
  EXPECT_LE(allocated(), static_cast<long long>(size) - 524'288 + 32'768);
}

TEST_F(Fallocate, PunchesBehindTheEndWithoutMovingIt) {
  fill();
  SKIP_IF_REFUSED("punch_hole", fallocate(fd_, punch, size - 10, 1 << 20));
  expect_zeros(size - 10, 10);
  EXPECT_OK(fallocate(fd_, punch, 5 << 20, 4096));
  EXPECT_TRUE(same_bytes(content_, content_of("a")));
}

TEST_F(Fallocate, ZeroesRangesAndTouchesNothingElse) {
  for (const auto& [start, length] : ranges) {
    SCOPED_TRACE(std::to_string(length) + " bytes at " + std::to_string(start));
    fill();
    SKIP_IF_REFUSED("zero_range", fallocate(fd_, FALLOC_FL_ZERO_RANGE, start, length));
    expect_zeros(start, length);
    ASSERT_TRUE(same_bytes(content_, content_of("a")));
  }
}

TEST_F(Fallocate, GrowsTheFileWithZeroRangeUnlessKeepSizeIsGiven) {
  fill();
  SKIP_IF_REFUSED("zero_range", fallocate(fd_, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, size - 5, 1'000));
  expect_zeros(size - 5, 5);
  EXPECT_TRUE(same_bytes(content_, content_of("a")));
  EXPECT_OK(fallocate(fd_, FALLOC_FL_ZERO_RANGE, size - 5, 1'005));
  EXPECT_TRUE(same_bytes(content_ + zeros(1'000), content_of("a")));
}

TEST_F(Fallocate, LetsWritesLandInWhatWasPunchedOrZeroed) {
  fill();
  SKIP_IF_REFUSED("punch_hole", fallocate(fd_, punch, 10'000, 100'000));
  expect_zeros(10'000, 100'000);
  put(fd_, "island", 50'000);
  content_.replace(50'000, 6, "island");
  EXPECT_TRUE(same_bytes(content_, content_of("a")));
  EXPECT_OK(fallocate(fd_, punch, 50'002, 2));
  content_.replace(50'002, 2, 2, '\0');
  EXPECT_TRUE(same_bytes(content_, content_of("a")));
}

TEST_F(Fallocate, MovesModificationAndChangeTime) {
  fill();
  {
    const Stamps stamps("a");
    SKIP_IF_REFUSED("fallocate", fallocate(fd_, 0, 0, 2 << 20));
    EXPECT_EQ("mc", stamps.moved()) << "growing";
  }
  {
    const Stamps stamps("a");
    SKIP_IF_REFUSED("punch_hole", fallocate(fd_, punch, 0, 4096));
    EXPECT_EQ("mc", stamps.moved()) << "punching";
  }
}

TEST_F(Fallocate, IsRefusedWhereItMakesNoSense) {
  fill();
  SKIP_IF_REFUSED("fallocate", fallocate(fd_, 0, 0, 1));
  EXPECT_ERRNO(EINVAL, fallocate(fd_, 0, 0, 0));
  EXPECT_ERRNO(EINVAL, fallocate(fd_, 0, -1, 10));
  EXPECT_ERRNO(EINVAL, fallocate(fd_, 0, 0, -1));
  EXPECT_ERRNO(EOPNOTSUPP, fallocate(fd_, FALLOC_FL_PUNCH_HOLE, 0, 10)) << "only together with KEEP_SIZE";
  EXPECT_ERRNO(EBADF, fallocate(opened("a", O_RDONLY), 0, 0, 10));
  EXPECT_ERRNO(EBADF, fallocate(-1, 0, 0, 10));
  EXPECT_ERRNO(EFBIG, fallocate(fd_, 0, INT64_MAX - 10, 100));
  make_fifo("fifo");
  EXPECT_ERRNO(ESPIPE, fallocate(opened("fifo", O_RDWR), 0, 0, 10));
  EXPECT_TRUE(same_bytes(content_, content_of("a")));
}

TEST_F(Fallocate, WorksThroughPosixFallocate) {
  EXPECT_EQ(0, posix_fallocate(fd_, 100, 50'000));
  EXPECT_EQ(50'100, stat_of(fd_.get()).st_size);
  EXPECT_EQ(0, posix_fallocate(fd_, 0, 10));
  EXPECT_EQ(50'100, stat_of(fd_.get()).st_size) << "it never shrinks";
}

TEST_F(Fallocate, KeepsHolesThroughManyRandomPieces) {
  fill();
  uint64_t state = 7;
  const auto random = [&](uint64_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;  // Knuth's MMIX generator
    return (state >> 20) % limit;
  };
  for (int i = 0; i < 200; ++i) {
    const auto start = static_cast<off_t>(random(size)), length = static_cast<off_t>(1 + random(30'000));
    if (i % 3 == 2) {
      const std::string piece =
          pattern(std::min(static_cast<size_t>(length), size - static_cast<size_t>(start)), static_cast<uint32_t>(i));
      put(fd_, piece, start);
      content_.replace(static_cast<size_t>(start), piece.size(), piece);
    } else {
      SKIP_IF_REFUSED("punch_hole", fallocate(fd_, punch, start, length));
      expect_zeros(start, length);
    }
    ASSERT_TRUE(i % 20 != 0 || same_bytes(content_, content_of("a"))) << "after step " << i;
  }
  EXPECT_TRUE(same_bytes(content_, content_of("a")));
}

}  // namespace
