// O_DIRECT: aligned transfers past the page cache, coherent with it.
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using DirectIo = Workspace;

constexpr size_t alignment = 4096;
using Buffer = std::unique_ptr<char, decltype(&std::free)>;

Buffer aligned(const std::string& bytes) {
  Buffer buffer(static_cast<char*>(std::aligned_alloc(alignment, bytes.size())), std::free);
  std::memcpy(buffer.get(), bytes.data(), bytes.size());
  return buffer;
}

TEST_F(DirectIo, WritesAndReadsBackAlignedPieces) {
  const Fd fd(open("a", O_CREAT | O_RDWR | O_DIRECT, 0644));
  SKIP_IF_REFUSED("o_direct", fd.get());
  ASSERT_OK(fd.get());
  const std::string data = pattern(256 * alignment);
  const Buffer from = aligned(data);
  EXPECT_GIVES(data.size(), pwrite(fd, from.get(), data.size(), 3 * alignment));
  const Buffer to = aligned(zeros(data.size()));
  EXPECT_GIVES(data.size(), pread(fd, to.get(), data.size(), 3 * alignment));
  EXPECT_TRUE(same_bytes(data, {to.get(), data.size()}));
  EXPECT_TRUE(same_bytes(zeros(3 * alignment) + data, content_of("a")));
}

TEST_F(DirectIo, ReadsShortAtAnEndInsideAPage) {
  make_file("a", pattern(alignment + 100));
  const Fd fd(open("a", O_RDWR | O_DIRECT));
  SKIP_IF_REFUSED("o_direct", fd.get());
  const Buffer to = aligned(zeros(4 * alignment));
  EXPECT_GIVES(alignment + 100, pread(fd, to.get(), 4 * alignment, 0));
  EXPECT_TRUE(same_bytes(pattern(alignment + 100), {to.get(), alignment + 100}));
  EXPECT_GIVES(100, pread(fd, to.get(), alignment, alignment));
  EXPECT_GIVES(0, pread(fd, to.get(), alignment, 2 * alignment));
}

TEST_F(DirectIo, SeesWhatWasWrittenThroughTheCacheAndTheOtherWayRound) {
  make_file("a", pattern(16 * alignment));
  const Fd direct(open("a", O_RDWR | O_DIRECT));
  SKIP_IF_REFUSED("o_direct", direct.get());
  const Fd cached = opened("a", O_RDWR);
  for (uint32_t round = 1; round <= 20; ++round) {
    const std::string one = pattern(alignment, 100 + round), two = pattern(2 * alignment, 200 + round);
    put(cached, one, 5 * alignment);
    const Buffer to = aligned(zeros(alignment));
    ASSERT_GIVES(alignment, pread(direct, to.get(), alignment, 5 * alignment));
    ASSERT_TRUE(same_bytes(one, {to.get(), alignment}));
    const Buffer from = aligned(two);
    ASSERT_GIVES(2 * alignment, pwrite(direct, from.get(), 2 * alignment, 4 * alignment));
    ASSERT_TRUE(same_bytes(two, get(cached, 2 * alignment, 4 * alignment)));
  }
}

TEST_F(DirectIo, GrowsTheFileAndLeavesHoles) {
  const Fd fd(open("a", O_CREAT | O_RDWR | O_DIRECT, 0644));
  SKIP_IF_REFUSED("o_direct", fd.get());
  const Buffer from = aligned(pattern(alignment));
  EXPECT_GIVES(alignment, pwrite(fd, from.get(), alignment, 100 * alignment));
  EXPECT_EQ(static_cast<off_t>(101 * alignment), stat_of(fd.get()).st_size);
  EXPECT_TRUE(same_bytes(zeros(100 * alignment) + pattern(alignment), content_of("a")));
}

TEST_F(DirectIo, AppendsAtTheEnd) {
  make_file("a", pattern(alignment));
  const Fd fd(open("a", O_WRONLY | O_APPEND | O_DIRECT));
  SKIP_IF_REFUSED("o_direct", fd.get());
  const Buffer from = aligned(pattern(alignment, 2));
  EXPECT_GIVES(alignment, write(fd, from.get(), alignment));
  EXPECT_TRUE(same_bytes(pattern(alignment) + pattern(alignment, 2), content_of("a")));
}

}  // namespace
