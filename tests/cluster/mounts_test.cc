// Two mounts of one cluster: what one did, the other sees.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/cluster.h"

namespace lace::test {
namespace {

class TwoMounts : public testing::TestWithParam<const char*> {};

// The scripts in two_mounts/ work on $M and $M2.
TEST_P(TwoMounts, SeeEachOther) {
  Cluster cluster;
  cluster.add_mount();
  EXPECT_SHELL(cluster.environment(), std::string(". $S/two_mounts/") + GetParam() + ".sh");
}

INSTANTIATE_TEST_SUITE_P(All, TwoMounts,
                         testing::Values("close_to_open", "growing_and_shrinking", "names", "attributes", "exclusive_create",
                                         "rename_replaces", "flock_excludes", "sqlite", "appends_do_not_overwrite"),
                         [](const auto& one) { return std::string(one.param); });

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0644)) {
    EXPECT_GE(fd_, 0) << path;
  }
  ~Descriptor() { close(fd_); }
  operator int() const { return fd_; }

 private:
  const int fd_;
};

TEST(OnTwoMounts, AnOpenFileOutlivesItsNameOnTheOther) {
  Cluster cluster;
  const auto& other = cluster.add_mount();
  const std::string path = cluster.mount().path() + "/f", there = other.path() + "/f";
  const Descriptor file(path, O_CREAT | O_RDWR);
  ASSERT_EQ(write(file, "hello", 5), 5);
  ASSERT_EQ(fsync(file), 0);
  ASSERT_EQ(unlink(there.c_str()), 0);
  EXPECT_NE(access(path.c_str(), F_OK), 0);
  ASSERT_EQ(pwrite(file, "J", 1, 0), 1);
  ASSERT_EQ(fsync(file), 0);
  char text[6] = {};
  EXPECT_EQ(pread(file, text, 5, 0), 5);
  EXPECT_STREQ(text, "Jello");
  struct stat found {};
  ASSERT_EQ(fstat(file, &found), 0);
  EXPECT_EQ(found.st_nlink, 0u);
}

TEST(OnTwoMounts, LocksOfAKilledMountAreReleased) {
  Cluster cluster;
  auto& other = cluster.add_mount();
  const Descriptor mine(cluster.mount().path() + "/f", O_CREAT | O_RDWR);
  {
    const Descriptor theirs(other.path() + "/f", O_RDWR);
    ASSERT_EQ(flock(theirs, LOCK_EX), 0);
    ASSERT_NE(flock(mine, LOCK_EX | LOCK_NB), 0);
    other.process().kill();
  }
  const Instant start = SystemClock().now();
  ASSERT_EQ(flock(mine, LOCK_EX), 0);
  EXPECT_LT(SystemClock().now() - start, Millis(25'000)) << "a lost mount blocks others for its lease time at most";
  other.kill();
}

TEST(OnTwoMounts, LocksOfAKilledProcessAreReleasedAtOnce) {
  Cluster cluster;
  cluster.add_mount();
  Background holder("exec 9>$M2/f; flock 9; echo held >$M2/held; exec sleep 1000", cluster.environment());
  const std::string held = cluster.mount().path() + "/held";
  while (access(held.c_str(), F_OK) != 0) ASSERT_TRUE(holder.running());
  const Descriptor mine(cluster.mount().path() + "/f", O_RDWR);
  ASSERT_NE(flock(mine, LOCK_EX | LOCK_NB), 0);
  holder.kill();
  const Instant start = SystemClock().now();
  ASSERT_EQ(flock(mine, LOCK_EX), 0);
  EXPECT_LT(SystemClock().now() - start, Millis(3'000));
}

TEST(AKilledMount, DoesNotKeepTheNextOneWaitingForItsLease) {
  Cluster cluster;
  EXPECT_SHELL(cluster.environment(), "echo kept >$M/f; sync $M/f");
  cluster.mount().kill();
  cluster.mount().start();
  EXPECT_SHELL(cluster.environment(), "[ $(cat $M/f) = kept ]; echo more >>$M/f; sync $M/f");
  const std::string log = cluster.control().log();
  EXPECT_NE(log.find("why=\"process gone\""), log.npos) << log;
  EXPECT_EQ(log.find("why=\"lease over\""), log.npos) << log;
  EXPECT_EQ(cluster.status().sessions.size(), 1U);
}

TEST(AKilledMount, IsForgottenByAControlServerThatWasKilledWithIt) {
  Cluster cluster;
  EXPECT_SHELL(cluster.environment(), "echo kept >$M/f; sync $M/f");
  cluster.kill_all();
  cluster.start_all();
  EXPECT_SHELL(cluster.environment(), "[ $(cat $M/f) = kept ]");
  const std::string log = cluster.control().log();
  EXPECT_NE(log.find("why=\"process gone\""), log.npos) << log;
  EXPECT_EQ(log.find("why=\"lease over\""), log.npos) << log;
}

TEST(OnTwoMounts, RecordLocksExcludeAcross) {
  Cluster cluster;
  const auto& other = cluster.add_mount();
  const Descriptor mine(cluster.mount().path() + "/f", O_CREAT | O_RDWR), theirs(other.path() + "/f", O_RDWR);
  struct flock first {
    F_WRLCK, SEEK_SET, 0, 100, 0
  }, second{F_WRLCK, SEEK_SET, 100, 100, 0};
  // Descriptor locks: both descriptors belong to this process.
  ASSERT_EQ(fcntl(mine, F_OFD_SETLK, &first), 0);
  EXPECT_EQ(fcntl(theirs, F_OFD_SETLK, &second), 0);
  struct flock again = first;
  EXPECT_EQ(fcntl(theirs, F_OFD_SETLK, &again), -1);
  EXPECT_TRUE(errno == EAGAIN || errno == EACCES);
  struct flock release {
    F_UNLCK, SEEK_SET, 0, 0, 0
  };
  ASSERT_EQ(fcntl(mine, F_OFD_SETLK, &release), 0);
  EXPECT_EQ(fcntl(theirs, F_OFD_SETLKW, &again), 0);
}

}  // namespace
}  // namespace lace::test
