// SEEK_DATA and SEEK_HOLE: what they call a hole reads as zeros, and what was written is never skipped, flushed or not.
#include <linux/falloc.h>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;

constexpr off_t mebibyte = 1 << 20;

class SeekHole : public Workspace {
 protected:
  void SetUp() override {
    Workspace::SetUp();
    fd_ = opened("a", O_CREAT | O_RDWR);
  }
  /// The data ranges as the file system tells them.
  std::vector<std::pair<off_t, off_t>> data() {
    std::vector<std::pair<off_t, off_t>> all;
    off_t at = 0;
    while ((at = lseek(fd_, at, SEEK_DATA)) >= 0) {
      const off_t end = lseek(fd_, at, SEEK_HOLE);
      EXPECT_GT(end, at);
      if (end <= at) break;
      all.emplace_back(at, end);
      at = end;
    }
    EXPECT_EQ("ENXIO", errno_name(errno)) << "there is no data any more";
    return all;
  }
  /// Are all bytes of the range told as data?
  bool told(off_t start, off_t length) {
    for (const auto& [from, to] : data()) {
      if (from <= start && start + length <= to) return true;
    }
    return false;
  }
  off_t told_bytes() {
    off_t sum = 0;
    for (const auto& [from, to] : data()) sum += to - from;
    return sum;
  }

  Fd fd_;
};

TEST_F(SeekHole, EndsEveryFileWithAHole) {
  put(fd_, pattern(10'000), 0);
  EXPECT_GIVES(0, lseek(fd_, 0, SEEK_DATA));
  EXPECT_GIVES(9'999, lseek(fd_, 9'999, SEEK_DATA));
  EXPECT_GIVES(10'000, lseek(fd_, 0, SEEK_HOLE));
  EXPECT_GIVES(10'000, lseek(fd_, 9'999, SEEK_HOLE));
}

TEST_F(SeekHole, SaysEnxioAtAndBehindTheEnd) {
  put(fd_, "text", 0);
  for (const off_t place : {off_t{4}, off_t{5}, mebibyte}) {
    EXPECT_ERRNO(ENXIO, lseek(fd_, place, SEEK_DATA));
    EXPECT_ERRNO(ENXIO, lseek(fd_, place, SEEK_HOLE));
  }
  EXPECT_ERRNO(ENXIO, lseek(fd_, -1, SEEK_DATA));
  const Fd empty = opened("empty", O_CREAT | O_RDWR);
  EXPECT_ERRNO(ENXIO, lseek(empty, 0, SEEK_DATA));
  EXPECT_ERRNO(ENXIO, lseek(empty, 0, SEEK_HOLE));
}

TEST_F(SeekHole, MovesTheOffset) {
  put(fd_, pattern(10'000), 0);
  EXPECT_GIVES(10'000, lseek(fd_, 0, SEEK_HOLE));
  EXPECT_GIVES(10'000, lseek(fd_, 0, SEEK_CUR));
}

TEST_F(SeekHole, NeverSkipsDataThatIsNotFlushedYet) {
  EXPECT_OK(ftruncate(fd_, 100 * mebibyte));
  for (const off_t place : {off_t{5'000}, 3 * mebibyte + 1, 50 * mebibyte, 100 * mebibyte - 1}) {
    put(fd_, "x", place);
    EXPECT_TRUE(told(place, 1)) << place;
    Child other([=] { EXPECT_GIVES(place, lseek(opened("a", O_RDONLY), place, SEEK_DATA)); });
    other.join();
  }
}

TEST_F(SeekHole, TellsIslandsInASparseFile) {
  const off_t distance = 10 * mebibyte;
  for (off_t i = 0; i < 10; ++i) put(fd_, pattern(4096), i * distance);
  EXPECT_OK(ftruncate(fd_, 10 * distance));
  for (const bool synced : {false, true}) {
    SCOPED_TRACE(synced ? "synced" : "just written");
    if (synced) {
      EXPECT_OK(fsync(fd_));
    }
    if (data().size() == 1 && differs("seek_hole")) GTEST_SKIP() << "one piece of data";
    for (off_t i = 0; i < 10; ++i) EXPECT_TRUE(told(i * distance, 4096)) << i;
    EXPECT_LE(told_bytes(), 10 * mebibyte) << "most of it is hole";
    EXPECT_GIVES(10 * distance, lseek(fd_, 9 * distance + mebibyte, SEEK_HOLE) < 0 ? -1 : lseek(fd_, 0, SEEK_END));
  }
}

TEST_F(SeekHole, TellsAFileOfNothingButHole) {
  EXPECT_OK(ftruncate(fd_, mebibyte));
  const off_t first = lseek(fd_, 0, SEEK_HOLE);
  if (first != 0 && differs("seek_hole")) GTEST_SKIP() << "all data";
  EXPECT_EQ(0, first);
  EXPECT_ERRNO(ENXIO, lseek(fd_, 0, SEEK_DATA));
  EXPECT_GIVES(mebibyte / 2, lseek(fd_, mebibyte / 2, SEEK_HOLE));
}

TEST_F(SeekHole, TellsAPunchedHole) {
  put(fd_, pattern(4 << 20), 0);
  EXPECT_OK(fsync(fd_));
  SKIP_IF_REFUSED("punch_hole", fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, mebibyte, 2 * mebibyte));
  if (data().size() == 1 && differs("seek_hole")) GTEST_SKIP() << "one piece of data";
  EXPECT_GIVES(mebibyte, lseek(fd_, 0, SEEK_HOLE));
  EXPECT_GIVES(3 * mebibyte, lseek(fd_, mebibyte, SEEK_DATA));
  EXPECT_GIVES(4 * mebibyte, lseek(fd_, 3 * mebibyte, SEEK_HOLE));
  EXPECT_GIVES(2 * mebibyte, lseek(fd_, 2 * mebibyte, SEEK_HOLE)) << "inside it";
}

TEST_F(SeekHole, TellsNothingWhereTheFileWasCutAndGrewAgain) {
  put(fd_, pattern(4 << 20), 0);
  EXPECT_OK(fsync(fd_));
  EXPECT_OK(ftruncate(fd_, mebibyte));
  EXPECT_OK(ftruncate(fd_, 4 * mebibyte));
  if (told(0, 4 * mebibyte) && differs("seek_hole")) GTEST_SKIP() << "all data";
  EXPECT_GIVES(mebibyte, lseek(fd_, 0, SEEK_HOLE));
  EXPECT_ERRNO(ENXIO, lseek(fd_, 2 * mebibyte, SEEK_DATA));
}

// What copies and archivers do: data where told, zeros elsewhere, must give the file.
TEST_F(SeekHole, LetsTheFileBeRebuiltFromItsDataRanges) {
  std::string content = zeros(8 << 20);
  for (uint32_t i = 0; i < 60; ++i) {
    const std::string piece = pattern(1 + i * 977 % 20'000, i);
    const size_t place = i * 7'654'321ull % (content.size() - piece.size());
    put(fd_, piece, static_cast<off_t>(place));
    content.replace(place, piece.size(), piece);
    if (i == 30) {
      EXPECT_OK(fsync(fd_));
    }
  }
  EXPECT_OK(ftruncate(fd_, 8 << 20));
  std::string rebuilt = zeros(8 << 20);
  for (const auto& [from, to] : data()) {
    const std::string piece = get(fd_, static_cast<size_t>(to - from), from);
    rebuilt.replace(static_cast<size_t>(from), piece.size(), piece);
  }
  EXPECT_TRUE(same_bytes(content, rebuilt));
}

}  // namespace
