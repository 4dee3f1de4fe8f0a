// Two mounts of one cluster: what one did, the other sees.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/cluster.h"

namespace lace::test {
namespace {

struct Story {
  const char* name;
  const char* script;  // $M and $M2 are two mounts
};
std::ostream& operator<<(std::ostream& out, const Story& story) { return out << story.name; }

constexpr Story stories[] = {
    {"close_to_open", R"(
      for i in $(seq 1 200); do echo "$i $RANDOM" >$M/f; cmp $M/f $M2/f; echo "$i $RANDOM" >$M2/f; cmp $M/f $M2/f; done)"},
    {"growing_and_shrinking", R"(
      for size in 1 5000 3 100000 0 7 3000000 4096 1; do head -c $size /dev/urandom >$T/x; cp $T/x $M/f; cmp $T/x $M2/f
        truncate -s $(( size / 2 )) $M2/f; truncate -s $(( size / 2 )) $T/x; cmp $T/x $M/f; done)"},
    {"names", R"(
      mkdir $M/d; [ -d $M2/d ]; touch $M2/d/a; [ -e $M/d/a ]; mv $M/d/a $M/d/b; [ ! -e $M2/d/a ]; [ -e $M2/d/b ]; rm $M2/d/b; [ ! -e $M/d/b ]
      ls $M/d | cmp - /dev/null; for i in $(seq 1 100); do touch $M/d/$i; [ -e $M2/d/$i ]; done; [ $(ls $M2/d | wc -l) = 100 ]
      ln -s x $M/d/s; [ $(readlink $M2/d/s) = x ]; rm -r $M2/d; [ ! -e $M/d ])"},
    {"attributes", R"(
      echo x >$M/f; for mode in 600 644 755 4711; do chmod $mode $M/f; [ $(stat -c %a $M2/f) = $mode ]; done
      touch -d @1000000000.123456789 $M2/f; [ $(stat -c %.9Y $M/f) = 1000000000.123456789 ]
      setfattr -n user.a -v 1 $M/f; getfattr --only-values -n user.a $M2/f | grep -qx 1; setfattr -x user.a $M2/f; ! getfattr -n user.a $M/f 2>/dev/null
      chown 123:456 $M/f; [ $(stat -c %u:%g $M2/f) = 123:456 ])"},
    {"appends_do_not_overwrite", R"(
      append() { for i in $(seq 1 100); do printf '%s %03d padded to be a line\n' $1 $i >>$2; done; }
      append a $M/log & one=$!; append b $M2/log & two=$!; wait $one; wait $two
      [ $(wc -l <$M/log) = 200 ]; [ $(sort -u $M2/log | wc -l) = 200 ]; cmp $M/log $M2/log)"},
    {"exclusive_create", R"(
      take() { local n=0; for i in $(seq 1 200); do (set -C; : >$1/lock$i) 2>/dev/null && n=$((n + 1)); done; echo $n >$T/$2; }
      take $M a & one=$!; take $M2 b & two=$!; wait $one; wait $two; [ $(( $(cat $T/a) + $(cat $T/b) )) = 200 ])"},
    {"rename_replaces_for_both", R"(
      for i in $(seq 1 100); do echo $i >$M/new; mv $M/new $M/f; [ "$(cat $M2/f)" = $i ]; done)"},
    {"flock_excludes", R"(
      : >$M/lock; echo 0 >$M/count
      add() { for i in $(seq 1 60); do flock $1/lock bash -c "echo \$(( \$(cat $1/count) + 1 )) >$1/count"; done; }
      add $M & one=$!; add $M2 & two=$!; wait $one; wait $two; [ "$(cat $M/count)" = 120 ])"},
    {"sqlite", R"(
      sqlite3 $M/t.db 'create table t(w,n);'
      writer() { for n in $(seq 1 50); do sqlite3 -cmd '.timeout 30000' $2/t.db "insert into t values($1,$n);"; done; }
      writer 1 $M & one=$!; writer 2 $M2 & two=$!; wait $one; wait $two
      [ "$(sqlite3 $M/t.db 'select count(*) from t')" = 100 ]; [ "$(sqlite3 $M2/t.db 'pragma integrity_check')" = ok ])"},
  };

  class TwoMounts : public testing::TestWithParam<Story> {};

  TEST_P(TwoMounts, SeeEachOther) {
    Cluster cluster;
    cluster.add_mount();
    EXPECT_SHELL(cluster.environment(), GetParam().script);
  }

  INSTANTIATE_TEST_SUITE_P(All, TwoMounts, testing::ValuesIn(stories),
                           [](const auto& info) { return std::string(info.param.name); });

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

  TEST(TwoMounts, AnOpenFileOutlivesItsNameOnTheOther) {
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

  TEST(TwoMounts, LocksOfAKilledMountAreReleased) {
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

  TEST(TwoMounts, LocksOfAKilledProcessAreReleasedAtOnce) {
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

  TEST(TwoMounts, RecordLocksExcludeAcross) {
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
