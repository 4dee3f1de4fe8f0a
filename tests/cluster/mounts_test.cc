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
                                         "rename_replaces", "flock_excludes", "sqlite", "appends_do_not_overwrite",
                                         "own_directories", "one_directory", "renames_across", "seen_while_written",
                                         "memory_mapped", "several_names", "removed_directories"),
                         [](const auto& one) { return std::string(one.param); });

// ---------------------------------------------------------------- leases

uint64_t exclusive_leases(Cluster& cluster, const std::string& mount_point) {
  for (const wire::SessionInfo& session : cluster.status().sessions) {
    if (session.mount_point == mount_point) return session.exclusive;
  }
  return 0;
}

TEST(OnTwoMounts, EachHasTheDirectoryInWhichItWorks) {
  Cluster cluster;
  const auto& other = cluster.add_mount();
  EXPECT_SHELL(cluster.environment(), "mkdir $M/a $M/b; touch $M/a/f $M/a/g $M2/b/f $M2/b/g");
  EXPECT_GT(exclusive_leases(cluster, cluster.mount().path()), 0U);
  EXPECT_GT(exclusive_leases(cluster, other.path()), 0U);
  EXPECT_SHELL(cluster.environment(),
               "lace status --control $C --json | grep -q exclusive_leases; [ -e $M/b/g ]; [ -e $M2/a/g ]");
}

TEST(OnTwoMounts, WhatOneMadeAloneAndDidNotTellYetTheOtherSees) {
  Cluster cluster;
  cluster.add_mount();
  EXPECT_SHELL(cluster.environment(), R"sh(
    mkdir $M/d
    for i in $(seq 1 100); do
      mkdir $M/d/$i; echo $i >$M/d/$i/f; [ "$(cat $M2/d/$i/f)" = $i ]
      rm -r $M2/d/$i; [ ! -e $M/d/$i ]
    done)sh");
}

TEST(OnTwoMounts, OneThatStandsStillKeepsTheOtherWaitingForItsLeaseAtMost) {
  Cluster cluster;
  auto& other = cluster.add_mount();
  EXPECT_SHELL(cluster.environment(), "mkdir $M2/d; echo kept >$M2/d/f; sync $M2/d/f; touch $M2/d/g");
  other.process().stop();
  const Instant start = SystemClock().now();
  EXPECT_SHELL(cluster.environment(), "[ $(cat $M/d/f) = kept ]; touch $M/d/h; rm $M/d/f");
  EXPECT_LT(SystemClock().now() - start, Millis(25'000));
  other.process().resume();
  cluster.expect_errors("client.");  // what it had not told is lost, and it says so
  EXPECT_SHELL(cluster.environment(), "until [ -e $M2/d/h ]; do :; done; [ ! -e $M2/d/f ]; touch $M2/d/i; [ -e $M/d/i ]");
}

TEST(OnTwoMounts, OneThatIsKilledKeepsTheOtherWaitingHardlyAtAll) {
  Cluster cluster;
  auto& other = cluster.add_mount();
  EXPECT_SHELL(cluster.environment(), "mkdir $M2/d; echo kept >$M2/d/f; sync $M2/d/f; touch $M2/d/g");
  other.process().kill();
  const Instant start = SystemClock().now();
  EXPECT_SHELL(cluster.environment(), "[ $(cat $M/d/f) = kept ]; touch $M/d/h; rm $M/d/f");
  EXPECT_LT(SystemClock().now() - start, Millis(6'000));
  other.kill();
}

TEST(OnTwoMounts, LeasesOutliveTheControlServer) {
  Cluster cluster;
  cluster.add_mount();
  Background one("mkdir $M/a; for i in $(seq 1 400); do mkdir $M/a/$i; echo $i >$M/a/$i/f; done", cluster.environment());
  Background two("mkdir $M2/b; for i in $(seq 1 400); do mkdir $M2/b/$i; echo $i >$M2/b/$i/f; done", cluster.environment());
  const std::string begun = cluster.mount().path() + "/a/20/f";
  while (access(begun.c_str(), F_OK) != 0) ASSERT_TRUE(one.running() || access(begun.c_str(), F_OK) == 0);
  cluster.control().kill();
  cluster.control().start();
  EXPECT_TRUE(one.wait().ok());
  EXPECT_TRUE(two.wait().ok());
  EXPECT_SHELL(cluster.environment(), R"sh(
    for i in $(seq 1 400); do [ "$(cat $M2/a/$i/f)" = $i ]; [ "$(cat $M/b/$i/f)" = $i ]; done)sh");
}

TEST(OnThreeMounts, AllSeeWhatOneDoes) {
  Cluster cluster;
  cluster.add_mount();
  cluster.add_mount();
  EXPECT_SHELL(cluster.environment(), R"sh(
    mkdir $M/d
    mounts=($M $M2 $M3)
    for i in $(seq 1 120); do
      one=${mounts[$(( i % 3 ))]}; next=${mounts[$(( (i + 1) % 3 ))]}; last=${mounts[$(( (i + 2) % 3 ))]}
      [ ! -e $next/d/$i ]
      echo $i >$one/d/$i
      [ $(cat $next/d/$i) = $i ]
      mv $last/d/$i $last/d/m$i
      [ ! -e $one/d/$i ]
      truncate -s 1 $one/d/m$i
      [ $(stat -c %s $next/d/m$i) = 1 ]
      rm $next/d/m$i
      [ -z "$(ls $last/d)" ]
    done)sh");
}

TEST(AMountWithSync, HasEveryChangeOnStableStorageWhenItIsAnswered) {
  Cluster cluster({.mount_options = {"sync"}});
  EXPECT_SHELL(cluster.environment(), "mkdir $M/d; echo kept >$M/d/f; mv $M/d/f $M/d/g");
  cluster.kill_all();
  cluster.start_all();
  EXPECT_SHELL(cluster.environment(), "[ $(cat $M/d/g) = kept ]");
}

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
