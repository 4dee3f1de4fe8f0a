// read(2), write(2) and their relatives: offsets, holes, ends, limits.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <climits>
#include <csignal>

#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Io = Workspace;

constexpr off_t tebibyte = off_t{1} << 40;

TEST_F(Io, GivesBackWhatWasWritten) {
  const std::string data = pattern(3'000'001);
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  EXPECT_GIVES(data.size(), write(fd, data.data(), data.size()));
  EXPECT_TRUE(same_bytes(data, get(fd, data.size() + 10, 0)));
  EXPECT_TRUE(same_bytes(data, content_of("a"))) << "through another descriptor, while the first is open";
}

TEST_F(Io, WritesAllOfALargeBuffer) {
  const std::string data = pattern(24'000'007);
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  EXPECT_GIVES(data.size(), write(fd, data.data(), data.size()));
  EXPECT_EQ(static_cast<off_t>(data.size()), stat_of(fd.get()).st_size);
  std::string back(data.size(), '\0');
  EXPECT_GIVES(data.size(), pread(fd, back.data(), back.size(), 0));
  EXPECT_TRUE(same_bytes(data, back));
}

TEST_F(Io, ReadsShortAtTheEndAndNothingBehindIt) {
  make_file("a", "12345");
  const Fd fd = opened("a", O_RDWR);
  char buffer[16];
  EXPECT_GIVES(2, pread(fd, buffer, sizeof buffer, 3));
  EXPECT_GIVES(0, pread(fd, buffer, sizeof buffer, 5));
  EXPECT_GIVES(0, pread(fd, buffer, sizeof buffer, 5'000'000));
  EXPECT_OK(lseek(fd, 100, SEEK_SET));
  EXPECT_GIVES(0, read(fd, buffer, sizeof buffer));
  EXPECT_GIVES(100, lseek(fd, 0, SEEK_CUR));
}

TEST_F(Io, MovesTheOffsetWithReadAndWriteButNotWithPreadAndPwrite) {
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  EXPECT_GIVES(6, write(fd, "abcdef", 6));
  EXPECT_GIVES(6, lseek(fd, 0, SEEK_CUR));
  EXPECT_GIVES(3, pwrite(fd, "XYZ", 3, 1));
  EXPECT_GIVES(6, lseek(fd, 0, SEEK_CUR));
  char buffer[2];
  EXPECT_GIVES(2, pread(fd, buffer, 2, 0));
  EXPECT_GIVES(6, lseek(fd, 0, SEEK_CUR));
  EXPECT_OK(lseek(fd, 0, SEEK_SET));
  EXPECT_GIVES(2, read(fd, buffer, 2));
  EXPECT_GIVES(2, lseek(fd, 0, SEEK_CUR));
  EXPECT_EQ("aXYZef", content_of("a"));
}

TEST_F(Io, SeeksRelativeToTheEndAndRefusesNegativePlaces) {
  make_file("a", "12345");
  const Fd fd = opened("a", O_RDWR);
  EXPECT_GIVES(3, lseek(fd, -2, SEEK_END));
  EXPECT_GIVES(15, lseek(fd, 10, SEEK_END));
  EXPECT_ERRNO(EINVAL, lseek(fd, -6, SEEK_END));
  EXPECT_ERRNO(EINVAL, lseek(fd, -1, SEEK_SET));
  EXPECT_ERRNO(EINVAL, lseek(fd, 0, 77));
  EXPECT_GIVES(15, lseek(fd, 0, SEEK_CUR));
  char byte;
  EXPECT_ERRNO(EINVAL, pread(fd, &byte, 1, -1));
  EXPECT_ERRNO(EINVAL, pwrite(fd, &byte, 1, -1));
}

TEST_F(Io, ReadsHolesAsZeros) {
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  put(fd, "end", 1'000'000);
  EXPECT_EQ(1'000'003, stat_of(fd.get()).st_size);
  EXPECT_TRUE(same_bytes(zeros(1'000'000) + "end", content_of("a")));
  put(fd, "mid", 500'000);
  EXPECT_TRUE(same_bytes(zeros(500'000) + "mid" + zeros(499'997) + "end", content_of("a")));
}

// Every edge of a write against every edge of a page, before and after the file was closed in between.
TEST_F(Io, KeepsTheRestOfAPageThatIsPartlyOverwritten) {
  for (const off_t start : {0, 1, 511, 4095, 4096, 4097, 8191}) {
    for (const size_t length : {1, 2, 4095, 4096, 4097, 9000}) {
      SCOPED_TRACE(std::to_string(length) + " bytes at " + std::to_string(start));
      std::string wanted = pattern(20'000, 3);
      make_file("a", wanted);
      const std::string piece = pattern(length, 4);
      put(opened("a", O_WRONLY), piece, start);
      wanted.replace(static_cast<size_t>(start), length, piece);
      EXPECT_TRUE(same_bytes(wanted, content_of("a")));
    }
  }
}

TEST_F(Io, DoesNothingForZeroBytes) {
  make_file("a", "text");
  const Fd fd = opened("a", O_RDWR);
  const Stamps stamps("a");
  EXPECT_GIVES(0, write(fd, "", 0));
  EXPECT_GIVES(0, pwrite(fd, "", 0, 1'000));
  EXPECT_GIVES(0, read(fd, nullptr, 0));
  EXPECT_EQ("", stamps.changed());
  EXPECT_EQ(4, stat_of("a").st_size);
}

TEST_F(Io, RefusesMemoryThatIsNotThereAndChangesNothing) {
  make_file("a", "text");
  const Fd fd = opened("a", O_RDWR);
  void* const nowhere = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_OK(nowhere);
  EXPECT_ERRNO(EFAULT, write(fd, nowhere, 100));
  EXPECT_ERRNO(EFAULT, read(fd, nowhere, 4));
  munmap(nowhere, 4096);
  EXPECT_EQ("text", content_of("a"));
}

TEST_F(Io, GathersAndScattersVectors) {
  std::string written;
  std::vector<std::string> parts;
  std::vector<iovec> vectors;
  for (size_t i = 0; i < 300; ++i) parts.push_back(pattern(i * 7 % 1'000, static_cast<uint32_t>(i)));
  for (auto& part : parts) {
    vectors.push_back({part.data(), part.size()});
    written += part;
  }
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  EXPECT_GIVES(written.size(), pwritev(fd, vectors.data(), 300, 5));
  EXPECT_TRUE(same_bytes(zeros(5) + written, content_of("a")));
  for (auto& part : parts) part.assign(part.size(), '?');
  EXPECT_GIVES(written.size(), preadv(fd, vectors.data(), 300, 5));
  std::string read_back;
  for (const auto& part : parts) read_back += part;
  EXPECT_TRUE(same_bytes(written, read_back));
  EXPECT_ERRNO(EINVAL, preadv(fd, vectors.data(), IOV_MAX + 1, 0));
}

TEST_F(Io, ShowsAWriteAtOnceThroughEveryNameAndDescriptor) {
  make_file("a", "....");
  EXPECT_OK(link("a", "b"));
  const Fd one = opened("a", O_RDWR);
  const Fd two = opened("b", O_RDONLY);
  for (int i = 0; i < 100; ++i) {
    const std::string now = std::to_string(1'000 + i);
    put(one, now, 0);
    ASSERT_EQ(now, get(two, 4, 0));
  }
}

TEST_F(Io, AppendsWithPwriteTooWhereOAppendIsSet) {
  make_file("a", "12345");
  const Fd fd = opened("a", O_WRONLY | O_APPEND);
  EXPECT_GIVES(1, pwrite(fd, "6", 1, 0));
  EXPECT_EQ("123456", content_of("a"));
}

TEST_F(Io, TakesOAppendAwayAndGivesItBackWithFcntl) {
  make_file("a", "12345");
  const Fd fd = opened("a", O_WRONLY | O_APPEND);
  EXPECT_OK(fcntl(fd, F_SETFL, 0));
  EXPECT_GIVES(1, pwrite(fd, "x", 1, 0));
  EXPECT_OK(fcntl(fd, F_SETFL, O_APPEND));
  EXPECT_GIVES(1, write(fd, "y", 1));
  EXPECT_EQ("x2345y", content_of("a"));
}

TEST_F(Io, KeepsSingleBytesAtEveryPowerOfTwoUpTo16TiB) {
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  for (off_t place = 4096; place <= 8 * tebibyte; place *= 2) {
    ASSERT_GIVES(1, pwrite(fd, "p", 1, place));
    ASSERT_EQ(place + 1, stat_of(fd.get()).st_size);
  }
  EXPECT_OK(fsync(fd));
  for (off_t place = 4096; place <= 8 * tebibyte; place *= 2) {
    EXPECT_EQ(zeros(3) + "p", get(fd, 4, place - 3)) << "at " << place;
  }
  EXPECT_LT(stat_of(fd.get()).st_blocks * 512, 8 << 20) << "32 bytes do not need the space of 8 TiB";
}

TEST_F(Io, ReachesTheLastPagesBelow16TiB) {
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  const off_t place = 16 * tebibyte - 4096 - 100;
  const Outcome outcome(pwrite(fd, "last", 4, place));
  if (refused("large_file", outcome)) GTEST_SKIP() << "files are smaller here";
  ASSERT_GIVES(4, outcome.value);
  EXPECT_EQ(place + 4, stat_of(fd.get()).st_size);
  EXPECT_EQ("last", get(fd, 10, place));
  EXPECT_OK(ftruncate(fd, 10));
  EXPECT_EQ(zeros(10), content_of("a"));
}

TEST_F(Io, SaysEfbigWhereFilesEndOrKeepsTheBytes) {
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  const off_t place = off_t{1} << 62;
  const Outcome outcome(pwrite(fd, "x", 1, place));
  if (outcome.failed) {
    EXPECT_EQ("EFBIG", errno_name(outcome.error));
    EXPECT_EQ(0, stat_of(fd.get()).st_size);
  } else {
    EXPECT_EQ(place + 1, stat_of(fd.get()).st_size);
  }
}

TEST_F(Io, StopsAtTheFileSizeLimitOfTheProcess) {
  Child child([] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10'000, 10'000};
    ASSERT_OK(setrlimit(RLIMIT_FSIZE, &limit));
    const Fd fd = opened("a", O_CREAT | O_RDWR);
    const std::string data = pattern(8'000);
    EXPECT_GIVES(8'000, write(fd, data.data(), data.size()));
    EXPECT_GIVES(2'000, write(fd, data.data(), data.size())) << "what fits is written";
    EXPECT_ERRNO(EFBIG, write(fd, data.data(), data.size()));
    EXPECT_ERRNO(EFBIG, ftruncate(fd, 10'001));
    EXPECT_EQ(10'000, stat_of(fd.get()).st_size);
  });
  child.join();
}

TEST_F(Io, SendsSigxfszAtTheFileSizeLimit) {
  Child child([] {
    const rlimit limit{100, 100}, no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    ASSERT_OK(setrlimit(RLIMIT_FSIZE, &limit));
    (void)!pwrite(opened("a", O_CREAT | O_RDWR), "x", 1, 100);
  });
  const int status = child.wait_status();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
}

}  // namespace
