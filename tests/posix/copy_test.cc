// copy_file_range(2), sendfile(2) and splice(2).
#include <sys/sendfile.h>

#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Copy = Workspace;

/// Copies until nothing is left, as every user of the call must.
size_t copy_all(int from, off_t from_offset, int to, off_t to_offset, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t step = copy_file_range(from, &from_offset, to, &to_offset, size - done, 0);
    EXPECT_OK(step);
    if (step <= 0) break;
    done += static_cast<size_t>(step);
  }
  return done;
}

TEST_F(Copy, OfARangeCopiesItAndNothingElse) {
  const std::string source = pattern(3'000'000), target = pattern(3'000'000, 2);
  make_file("from", source);
  make_file("to", target);
  const Fd from = opened("from", O_RDONLY), to = opened("to", O_RDWR);
  struct {
    size_t from, to, size;
  } const ranges[] = {{0, 0, 4096}, {1, 10'000, 5'000}, {123'456, 100'001, 1'000'000}, {2'999'999, 7, 1}, {4096, 8192, 65'536}};
  std::string wanted = target;
  for (const auto& [a, b, size] : ranges) {
    EXPECT_EQ(size, copy_all(from, static_cast<off_t>(a), to, static_cast<off_t>(b), size));
    wanted.replace(b, size, source.substr(a, size));
    EXPECT_TRUE(same_bytes(wanted, content_of("to"))) << size << " bytes";
  }
  EXPECT_TRUE(same_bytes(source, content_of("from")));
}

TEST_F(Copy, OfARangeSeesWhatIsNotFlushedAndIsSeenAtOnce) {
  const Fd from = opened("from", O_CREAT | O_RDWR), to = opened("to", O_CREAT | O_RDWR), reader = opened("to", O_RDONLY);
  for (uint32_t i = 0; i < 20; ++i) {
    const std::string piece = pattern(10'000, i);
    put(from, piece, 0);
    ASSERT_EQ(10'000u, copy_all(from, 0, to, 0, 10'000));
    ASSERT_TRUE(same_bytes(piece, get(reader, 20'000, 0)));
  }
}

TEST_F(Copy, OfARangeStopsAtTheEndOfTheSource) {
  make_file("from", "12345");
  const Fd from = opened("from", O_RDONLY), to = opened("to", O_CREAT | O_RDWR);
  off_t place = 3;
  EXPECT_GIVES(2, copy_file_range(from, &place, to, nullptr, 100, 0));
  EXPECT_EQ(5, place);
  EXPECT_GIVES(0, copy_file_range(from, &place, to, nullptr, 100, 0));
  EXPECT_GIVES(2, lseek(to, 0, SEEK_CUR)) << "without an offset it moves the descriptor's";
  EXPECT_EQ("45", content_of("to"));
}

TEST_F(Copy, OfARangeGrowsTheTargetAndLeavesHolesAsZeros) {
  make_file("from", "text");
  const Fd from = opened("from", O_RDONLY), to = opened("to", O_CREAT | O_RDWR);
  EXPECT_EQ(4u, copy_all(from, 0, to, 100'000, 4));
  EXPECT_TRUE(same_bytes(zeros(100'000) + "text", content_of("to")));
  const Fd sparse = opened("sparse", O_CREAT | O_RDWR), copy = opened("copy", O_CREAT | O_RDWR);
  EXPECT_OK(ftruncate(sparse, 1 << 20));
  put(sparse, "mid", 500'000);
  EXPECT_EQ(1u << 20, copy_all(sparse, 0, copy, 0, 1 << 20));
  EXPECT_TRUE(same_bytes(content_of("sparse"), content_of("copy")));
}

TEST_F(Copy, OfARangeWorksInsideOneFileUnlessItOverlaps) {
  std::string content = pattern(100'000);
  make_file("a", content);
  const Fd fd = opened("a", O_RDWR);
  EXPECT_EQ(20'000u, copy_all(fd, 0, fd, 50'000, 20'000));
  content.replace(50'000, 20'000, content.substr(0, 20'000));
  EXPECT_TRUE(same_bytes(content, content_of("a")));
  off_t from = 0, to = 100;
  EXPECT_ERRNO(EINVAL, copy_file_range(fd, &from, fd, &to, 1'000, 0));
}

TEST_F(Copy, OfARangeMovesTheTimesOfTheTargetOnly) {
  make_file("from", "text");
  make_file("to", "....");
  const Fd from = opened("from", O_RDONLY), to = opened("to", O_WRONLY);
  const Stamps source("from"), target("to");
  EXPECT_EQ(4u, copy_all(from, 0, to, 0, 4));
  EXPECT_EQ("", source.changed());
  EXPECT_EQ("mc", target.moved());
}

TEST_F(Copy, OfARangeIsRefusedWhereItMakesNoSense) {
  make_file("a", "text");
  make_dir("d");
  const Fd reader = opened("a", O_RDONLY), writer = opened("b", O_CREAT | O_WRONLY), dir = opened("d", O_RDONLY);
  const Fd appender = opened("b", O_WRONLY | O_APPEND);
  EXPECT_ERRNO(EBADF, copy_file_range(writer, nullptr, writer, nullptr, 1, 0));
  EXPECT_ERRNO(EBADF, copy_file_range(reader, nullptr, reader, nullptr, 1, 0));
  EXPECT_ERRNO(EBADF, copy_file_range(reader, nullptr, appender, nullptr, 1, 0));
  EXPECT_ERRNO(EISDIR, copy_file_range(dir, nullptr, writer, nullptr, 1, 0));
  EXPECT_ERRNO(EINVAL, copy_file_range(reader, nullptr, writer, nullptr, 1, 1));
  EXPECT_GIVES(0, copy_file_range(reader, nullptr, writer, nullptr, 0, 0));
}

TEST_F(Copy, ThroughSendfileGivesTheBytesToAFileAndToAPipe) {
  make_file("from", pattern(200'000));
  const Fd from = opened("from", O_RDONLY), to = opened("to", O_CREAT | O_RDWR);
  off_t place = 1'000;
  while (place < 200'000) {
    const ssize_t step = sendfile(to, from, &place, 200'000);
    ASSERT_OK(step);
    ASSERT_GT(step, 0);
  }
  EXPECT_TRUE(same_bytes(pattern(200'000).substr(1'000), content_of("to")));
  EXPECT_GIVES(0, lseek(from, 0, SEEK_CUR)) << "an offset of its own leaves the descriptor's alone";
  int ends[2];
  ASSERT_OK(pipe(ends));
  EXPECT_GIVES(5'000, sendfile(ends[1], from, nullptr, 5'000));
  EXPECT_GIVES(5'000, lseek(from, 0, SEEK_CUR));
  std::string piped(5'000, '\0');
  EXPECT_GIVES(5'000, read(ends[0], piped.data(), piped.size()));
  EXPECT_TRUE(same_bytes(pattern(200'000).substr(0, 5'000), piped));
  close(ends[0]);
  close(ends[1]);
}

TEST_F(Copy, ThroughSplicedPipesKeepsTheBytes) {
  make_file("from", pattern(50'000));
  const Fd from = opened("from", O_RDONLY), to = opened("to", O_CREAT | O_RDWR);
  int ends[2];
  ASSERT_OK(pipe(ends));
  ssize_t step;
  while ((step = splice(from, nullptr, ends[1], nullptr, 16'384, 0)) > 0) {
    for (ssize_t left = step; left > 0;) {
      const ssize_t out = splice(ends[0], nullptr, to, nullptr, static_cast<size_t>(left), 0);
      ASSERT_OK(out);
      ASSERT_GT(out, 0);
      left -= out;
    }
  }
  EXPECT_OK(step);
  EXPECT_TRUE(same_bytes(pattern(50'000), content_of("to")));
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
