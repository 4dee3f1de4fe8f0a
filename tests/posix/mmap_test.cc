// mmap(2) of files: coherence with read and write, ends, what stays after the mapping and the descriptor are gone.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstring>

#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Mmap = Workspace;

constexpr size_t page = 4096;

class Mapping {
 public:
  Mapping(int fd, size_t size, int protection = PROT_READ | PROT_WRITE, int flags = MAP_SHARED, off_t offset = 0)
      : size_(size), at_(static_cast<char*>(mmap(nullptr, size, protection, flags, fd, offset))) {
    EXPECT_OK(at_);
  }
  ~Mapping() { munmap(at_, size_); }
  char* at(size_t offset) const { return at_ + offset; }
  std::string bytes(size_t offset, size_t size) const { return {at_ + offset, size}; }
  void put(size_t offset, const std::string& data) const { std::memcpy(at_ + offset, data.data(), data.size()); }
  bool good() const { return at_ != MAP_FAILED; }
  int sync(int flags = MS_SYNC) const { return msync(at_, size_, flags); }

 private:
  size_t size_;
  char* at_;
};

// The signal a child dies of that reads (or writes) this byte; 0 if it lives.
int signal_of_touching(char* byte, bool write) {
  Child child([=] {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (int number : {SIGBUS, SIGSEGV}) signal(number, SIG_DFL);
    volatile char* place = byte;
    if (write) {
      *place = 'x';
    } else {
      (void)*place;
    }
  });
  const int status = child.wait_status();
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST_F(Mmap, ShowsTheFileAndZerosBehindItsEndInTheLastPage) {
  make_file("a", pattern(page + 100));
  const Mapping map(opened("a", O_RDONLY), 2 * page, PROT_READ);
  ASSERT_TRUE(map.good());
  EXPECT_TRUE(same_bytes(pattern(page + 100) + zeros(page - 100), map.bytes(0, 2 * page)));
}

TEST_F(Mmap, IsCoherentWithReadAndWriteWhileShared) {
  make_file("a", zeros(8 * page));
  const Fd fd = opened("a", O_RDWR);
  const Mapping map(fd, 8 * page);
  ASSERT_TRUE(map.good());
  for (uint32_t round = 0; round < 50; ++round) {
    const size_t place = round * 577 % (7 * page);
    const std::string one = pattern(100, round), two = pattern(300, round + 1'000);
    map.put(place, one);
    ASSERT_TRUE(same_bytes(one, get(fd, 100, static_cast<off_t>(place)))) << "read() sees the mapping";
    put(fd, two, static_cast<off_t>(place));
    ASSERT_TRUE(same_bytes(two, map.bytes(place, 300))) << "the mapping sees write()";
  }
}

TEST_F(Mmap, KeepsPrivateChangesFromTheFile) {
  make_file("a", pattern(2 * page));
  const Fd fd = opened("a", O_RDONLY);
  const Mapping map(fd, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  ASSERT_TRUE(map.good());
  map.put(10, "private");
  EXPECT_OK(map.sync());
  EXPECT_TRUE(same_bytes(pattern(2 * page), content_of("a")));
  EXPECT_EQ("private", map.bytes(10, 7));
}

TEST_F(Mmap, LeavesDirtyPagesInTheFileAfterUnmapAndClose) {
  make_file("a", zeros(300 * page));
  std::string wanted = zeros(300 * page);
  {
    Fd fd = opened("a", O_RDWR);
    const Mapping map(fd, 300 * page);
    ASSERT_TRUE(map.good());
    fd.reset();
    for (size_t i = 0; i < 300; i += 3) {
      map.put(i * page + i, "dirty");
      wanted.replace(i * page + i, 5, "dirty");
    }
  }
  EXPECT_TRUE(same_bytes(wanted, content_of("a")));
  as(stranger, [&] { EXPECT_TRUE(same_bytes(wanted, content_of("a"))) << "in another process"; });
}

TEST_F(Mmap, IsSharedBetweenProcesses) {
  make_file("a", zeros(page));
  const Mapping map(opened("a", O_RDWR), page);
  ASSERT_TRUE(map.good());
  Child child([] {
    const Mapping theirs(opened("a", O_RDWR), page);
    theirs.put(0, "from the child");
  });
  child.join();
  EXPECT_EQ("from the child", map.bytes(0, 14));
}

TEST_F(Mmap, MovesModificationAndChangeTimeByTheNextMsync) {
  make_file("a", zeros(page));
  const Fd fd = opened("a", O_RDWR);
  const Mapping map(fd, page);
  ASSERT_TRUE(map.good());
  const Stamps stamps("a");
  map.put(0, "x");
  EXPECT_OK(map.sync());
  EXPECT_EQ("mc", stamps.changed());
}

TEST_F(Mmap, SendsSigbusBehindTheLastPage) {
  make_file("a", pattern(100));
  const Mapping map(opened("a", O_RDWR), 3 * page);
  ASSERT_TRUE(map.good());
  EXPECT_EQ(0, signal_of_touching(map.at(page - 1), false));
  EXPECT_EQ(SIGBUS, signal_of_touching(map.at(page), false));
  EXPECT_EQ(SIGBUS, signal_of_touching(map.at(2 * page), true));
}

TEST_F(Mmap, SendsSigbusWhereTheFileWasCutUnderTheMappingAndWorksAfterItGrew) {
  make_file("a", pattern(4 * page));
  const Mapping map(opened("a", O_RDWR), 4 * page);
  ASSERT_TRUE(map.good());
  EXPECT_EQ(pattern(4 * page).substr(3 * page, 10), map.bytes(3 * page, 10));
  EXPECT_OK(truncate("a", page + 10));
  EXPECT_EQ(0, signal_of_touching(map.at(page), false));
  EXPECT_EQ(SIGBUS, signal_of_touching(map.at(2 * page), false));
  EXPECT_TRUE(same_bytes(zeros(page - 10), map.bytes(page + 10, page - 10))) << "the rest of the cut page";
  EXPECT_OK(truncate("a", 4 * page));
  EXPECT_TRUE(same_bytes(zeros(page), map.bytes(3 * page, page)));
  map.put(3 * page, "again");
  EXPECT_EQ("again", get(opened("a", O_RDONLY), 5, 3 * page));
}

TEST_F(Mmap, DoesNotMoveTheEndOfTheFile) {
  make_file("a", "text");
  {
    const Mapping map(opened("a", O_RDWR), page);
    ASSERT_TRUE(map.good());
    map.put(2, "mapped");
    EXPECT_OK(map.sync());
  }
  EXPECT_EQ("tema", content_of("a"));
}

TEST_F(Mmap, HoldsAFileThatHasNoNameAndNoDescriptorAnyMore) {
  make_file("a", pattern(2 * page));
  Fd fd = opened("a", O_RDWR);
  const Mapping map(fd, 2 * page);
  ASSERT_TRUE(map.good());
  EXPECT_OK(unlink("a"));
  fd.reset();
  EXPECT_TRUE(same_bytes(pattern(2 * page), map.bytes(0, 2 * page)));
  map.put(page, "still");
  EXPECT_OK(map.sync());
  EXPECT_EQ("still", map.bytes(page, 5));
}

TEST_F(Mmap, StartsAtAnyPageOfTheFile) {
  make_file("a", pattern(10 * page));
  const Mapping map(opened("a", O_RDONLY), 2 * page, PROT_READ, MAP_SHARED, 7 * page);
  ASSERT_TRUE(map.good());
  EXPECT_TRUE(same_bytes(pattern(10 * page).substr(7 * page, 2 * page), map.bytes(0, 2 * page)));
}

TEST_F(Mmap, FillsAHoleFarOutOfASparseFile) {
  const off_t place = off_t{1} << 40;
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  EXPECT_OK(ftruncate(fd, place + off_t{2 * page}));
  {
    const Mapping map(fd, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, place);
    ASSERT_TRUE(map.good());
    EXPECT_TRUE(same_bytes(zeros(2 * page), map.bytes(0, 2 * page)));
    map.put(page, "island");
  }
  EXPECT_EQ("island", get(fd, 6, place + off_t{page}));
  EXPECT_EQ(zeros(6), get(fd, 6, place - 3));
}

TEST_F(Mmap, RefusesMoreThanTheDescriptorMayAndWhatCannotBe) {
  make_file("a", pattern(2 * page));
  make_dir("dir");
  const Fd reader = opened("a", O_RDONLY), writer = opened("a", O_WRONLY), dir = opened("dir", O_RDONLY);
  EXPECT_ERRNO(EACCES, mmap(nullptr, page, PROT_WRITE, MAP_SHARED, reader, 0));
  EXPECT_ERRNO(EACCES, mmap(nullptr, page, PROT_READ, MAP_SHARED, writer, 0));
  EXPECT_ERRNO(EACCES, mmap(nullptr, page, PROT_READ, MAP_PRIVATE, writer, 0));
  EXPECT_ERRNO(EINVAL, mmap(nullptr, 0, PROT_READ, MAP_SHARED, reader, 0));
  EXPECT_ERRNO(EINVAL, mmap(nullptr, page, PROT_READ, MAP_SHARED, reader, 100));
  EXPECT_ERRNO(ENODEV, mmap(nullptr, page, PROT_READ, MAP_SHARED, dir, 0));
  EXPECT_ERRNO(EBADF, mmap(nullptr, page, PROT_READ, MAP_SHARED, -1, 0));
}

TEST_F(Mmap, MixesWithAppendingAndTruncating) {
  const Fd fd = opened("a", O_CREAT | O_RDWR | O_APPEND);
  std::string wanted;
  for (uint32_t round = 1; round <= 30; ++round) {
    const std::string piece = pattern(round * 331, round);
    ASSERT_GIVES(piece.size(), write(fd, piece.data(), piece.size()));
    wanted += piece;
    const Mapping map(fd, wanted.size());
    ASSERT_TRUE(map.good());
    ASSERT_TRUE(same_bytes(wanted, map.bytes(0, wanted.size())));
    map.put(wanted.size() - 1, "!");
    wanted.back() = '!';
    if (round % 7 == 0) {
      wanted.resize(wanted.size() / 2);
      ASSERT_OK(ftruncate(fd, static_cast<off_t>(wanted.size())));
    }
  }
  EXPECT_TRUE(same_bytes(wanted, content_of("a")));
}

}  // namespace
