// statfs(2) and statvfs(3): plausible numbers that follow what is written.
#include <poll.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <cstring>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Statfs = Workspace;

struct statvfs space() {
  struct statvfs now {};
  EXPECT_OK(statvfs(".", &now));
  return now;
}
long long free_bytes() {
  const auto now = space();
  return static_cast<long long>(now.f_bfree) * static_cast<long long>(now.f_frsize);
}

TEST_F(Statfs, TellsPlausibleNumbers) {
  const auto now = space();
  EXPECT_EQ(255u, now.f_namemax);
  EXPECT_GE(now.f_frsize, 512u);
  EXPECT_GE(now.f_bsize, 512u);
  EXPECT_EQ(0u, now.f_frsize & (now.f_frsize - 1));
  EXPECT_GT(now.f_blocks, 0u);
  EXPECT_LE(now.f_bfree, now.f_blocks);
  EXPECT_LE(now.f_bavail, now.f_bfree);
  EXPECT_LE(now.f_ffree, now.f_files);
  EXPECT_EQ(0u, now.f_flag & ST_RDONLY);
}

TEST_F(Statfs, TellsTheSameByNameAndByDescriptor) {
  make_file("a");
  struct statfs by_name {
  }, by_fd{};
  ASSERT_OK(statfs("a", &by_name));
  ASSERT_OK(fstatfs(opened("a", O_RDONLY), &by_fd));
  EXPECT_EQ(by_name.f_type, by_fd.f_type);
  EXPECT_EQ(by_name.f_blocks, by_fd.f_blocks);
  EXPECT_EQ(by_name.f_namelen, by_fd.f_namelen);
  EXPECT_EQ(0, memcmp(&by_name.f_fsid, &by_fd.f_fsid, sizeof by_name.f_fsid));
}

// Others may write and delete on the same disk meanwhile, and a cluster may tell its numbers with a delay: looks until
// the numbers follow, several times over.
TEST_F(Statfs, ShowsLessSpaceAfterAFileOf64MiBIsSynced) {
  constexpr long long half = 32 << 20;
  const std::string piece = pattern(4 << 20);
  for (int attempt = 0; attempt < 4; ++attempt) {
    const long long before = free_bytes();
    const Fd fd = opened("a", O_CREAT | O_RDWR | O_TRUNC);
    for (off_t i = 0; i < 16; ++i) put(fd, piece, i * static_cast<off_t>(piece.size()));
    ASSERT_OK(fsync(fd));
    for (int looks = 0; looks < 500; ++looks) {
      if (before - free_bytes() >= half) return;
      poll(nullptr, 0, 10);
    }
  }
  FAIL() << "64 MiB were written and synced, and the free space did not shrink by half of it";
}

TEST_F(Statfs, SaysWhatIsWrongWithThePath) {
  make_file("a");
  struct statfs now;
  EXPECT_ERRNO(ENOENT, statfs("nothing", &now));
  EXPECT_ERRNO(ENOTDIR, statfs("a/b", &now));
  EXPECT_ERRNO(EBADF, fstatfs(-1, &now));
}

TEST_F(Statfs, NeedsNoPermissionOnTheFile) {
  make_file("a", "", 0);
  as(stranger, [] {
    struct statfs now;
    EXPECT_OK(statfs("a", &now));
  });
}

TEST_F(Statfs, TellsTheLongestNameThroughPathconfToo) {
  EXPECT_GIVES(255, pathconf(".", _PC_NAME_MAX));
  EXPECT_GIVES(4096, pathconf(".", _PC_PATH_MAX));
}

}  // namespace
