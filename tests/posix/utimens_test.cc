// utimensat(2) and futimens(2): exact times, and who may set them.
#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Utimens = Workspace;

constexpr timespec now{0, UTIME_NOW}, omit{0, UTIME_OMIT};

int set_times(const char* path, timespec access, timespec modification, int flags = 0) {
  const timespec times[2] = {access, modification};
  return utimensat(AT_FDCWD, path, times, flags);
}

TEST_F(Utimens, SetsBothTimesToTheNanosecond) {
  make_file("a");
  EXPECT_OK(set_times("a", {1'234'567'890, 987'654'321}, {1'111'111'111, 1}));
  EXPECT_EQ("1234567890.987654321", to_string(stat_of("a").st_atim));
  EXPECT_EQ("1111111111.000000001", to_string(stat_of("a").st_mtim));
  const timespec times[2] = {{5, 999'999'999}, {6, 0}};
  EXPECT_OK(futimens(opened("a", O_RDONLY), times));
  EXPECT_EQ("5.999999999", to_string(stat_of("a").st_atim));
  EXPECT_EQ("6.000000000", to_string(stat_of("a").st_mtim));
}

TEST_F(Utimens, SetsTheTimesOfEveryKind) {
  make_dir("dir");
  make_fifo("fifo");
  make_symlink("nowhere", "link");
  for (const char* name : {"dir", "fifo", "link"}) {
    SCOPED_TRACE(name);
    EXPECT_OK(set_times(name, {1'000, 1}, {2'000, 2}, AT_SYMLINK_NOFOLLOW));
    EXPECT_EQ("1000.000000001", to_string(lstat_of(name).st_atim));
    EXPECT_EQ("2000.000000002", to_string(lstat_of(name).st_mtim));
  }
  EXPECT_ERRNO(ENOENT, set_times("link", {1, 0}, {1, 0}));
}

TEST_F(Utimens, MovesTheChangeTimeToNow) {
  make_file("a");
  const Stamps stamps("a");
  EXPECT_OK(set_times("a", long_ago, long_ago));
  EXPECT_EQ("c", stamps.moved());
}

TEST_F(Utimens, KnowsNowAndOmit) {
  make_file("a");
  {
    const Stamps stamps("a");
    EXPECT_OK(set_times("a", now, omit));
    EXPECT_EQ("ac", stamps.moved());
  }
  {
    const Stamps stamps("a");
    EXPECT_OK(set_times("a", omit, now));
    EXPECT_EQ("mc", stamps.moved());
  }
  {
    const Stamps stamps("a");
    EXPECT_OK(set_times("a", now, now));
    EXPECT_EQ("amc", stamps.moved());
  }
  {
    const Stamps stamps("a");
    EXPECT_OK(utimensat(AT_FDCWD, "a", nullptr, 0));
    EXPECT_EQ("amc", stamps.moved());
  }
  {
    const Stamps stamps("a");
    EXPECT_OK(set_times("a", omit, omit));
    EXPECT_EQ("", stamps.moved()) << "nothing at all";
  }
}

TEST_F(Utimens, KeepsTimesBefore1970) {
  make_file("a");
  for (const timespec time :
       {timespec{-1, 0}, timespec{-1, 999'999'999}, timespec{-1'000'000'000, 500}, timespec{-2'147'483'647, 1}}) {
    EXPECT_OK(set_times("a", time, time));
    const timespec kept = stat_of("a").st_mtim;
    if (to_string(kept) != to_string(time) && differs("old_times")) GTEST_SKIP() << "not before 1970";
    EXPECT_EQ(to_string(time), to_string(kept));
    EXPECT_EQ(to_string(time), to_string(stat_of("a").st_atim));
  }
}

TEST_F(Utimens, KeepsTimesBeyond2038And2106) {
  make_file("a");
  for (const time_t second :
       {2'147'483'647L, 2'147'483'648L, 4'294'967'295L, 4'294'967'296L, 7'000'000'000L, 15'000'000'000L}) {
    EXPECT_OK(set_times("a", {second, 1}, {second, 999'999'999}));
    const timespec kept = stat_of("a").st_mtim;
    if (second > 4'294'967'295L && kept.tv_sec != second && differs("late_times")) GTEST_SKIP() << "not beyond 2106";
    EXPECT_EQ(to_string({second, 999'999'999}), to_string(kept));
    EXPECT_EQ(to_string({second, 1}), to_string(stat_of("a").st_atim));
  }
}

TEST_F(Utimens, KeepsTimesOverWritesThatCameBeforeThem) {
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  put(fd, pattern(3'000'000), 0);
  const timespec times[2] = {long_ago, long_ago};
  EXPECT_OK(futimens(fd, times));
  EXPECT_OK(fsync(fd));
  EXPECT_EQ(to_string(long_ago), to_string(stat_of("a").st_mtim)) << "flushing earlier data is no new change";
  put(opened("b", O_CREAT | O_RDWR), pattern(10'000), 0);
  {
    const Fd other = opened("b", O_RDWR);
    put(other, "x", 0);
    EXPECT_OK(futimens(other, times));
  }
  EXPECT_EQ(to_string(long_ago), to_string(stat_of("b").st_mtim)) << "nor is closing";
}

TEST_F(Utimens, RefusesWhatIsNoTime) {
  make_file("a");
  const Stamps stamps("a");
  EXPECT_ERRNO(EINVAL, set_times("a", {1, 1'000'000'000}, {1, 0}));
  EXPECT_ERRNO(EINVAL, set_times("a", {1, 0}, {1, -1}));
  EXPECT_ERRNO(EINVAL, set_times("a", {1, 0}, {1, 0}, 0x8000));
  EXPECT_ERRNO(ENOENT, set_times("nothing", now, now));
  EXPECT_ERRNO(ENOTDIR, set_times("a/b", now, now));
  EXPECT_EQ("", stamps.moved());
}

TEST_F(Utimens, LetsTheOwnerSetAnyTimeEvenOfAReadOnlyFile) {
  make_file("a", "", 0444);
  EXPECT_OK(chown("a", owner.user, owner.group));
  as(owner, [] {
    EXPECT_OK(set_times("a", long_ago, {5, 6}));
    EXPECT_OK(set_times("a", now, omit));
    EXPECT_OK(utimensat(AT_FDCWD, "a", nullptr, 0));
  });
}

TEST_F(Utimens, LetsOthersOnlySetBothToNowAndOnlyIfTheyMayWrite) {
  make_file("writable", "", 0666);
  make_file("readable", "", 0644);
  as(stranger, [] {
    EXPECT_OK(utimensat(AT_FDCWD, "writable", nullptr, 0));
    EXPECT_OK(set_times("writable", now, now));
    EXPECT_ERRNO(EPERM, set_times("writable", long_ago, long_ago));
    EXPECT_ERRNO(EPERM, set_times("writable", now, omit));
    EXPECT_ERRNO(EPERM, set_times("writable", omit, now));
    EXPECT_ERRNO(EPERM, set_times("writable", now, long_ago));
    EXPECT_OK(set_times("writable", omit, omit));
    EXPECT_ERRNO(EACCES, utimensat(AT_FDCWD, "readable", nullptr, 0));
    EXPECT_ERRNO(EACCES, set_times("readable", now, now));
    EXPECT_ERRNO(EPERM, set_times("readable", long_ago, long_ago));
    EXPECT_ERRNO(EPERM, set_times("readable", now, omit));
    EXPECT_OK(set_times("readable", omit, omit));
  });
}

}  // namespace
