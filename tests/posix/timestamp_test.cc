// Which calls move which times, of the file and of its directory. Stamps::moved() gives the letters of the times that
// moved to now: a access, m modification, c change (of attributes).
#include <dirent.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <functional>

#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Timestamp = Workspace;

/// What a call moved of the directory d.
std::string parent_moved(const std::function<void()>& call) {
  const Stamps stamps("d");
  call();
  return stamps.changed();
}

TEST_F(Timestamp, OfTheDirectoryMovesWithEveryNewName) {
  make_dir("d");
  make_file("a");
  EXPECT_EQ("mc", parent_moved([] { make_file("d/file"); })) << "open with O_CREAT";
  EXPECT_EQ("mc", parent_moved([] { EXPECT_OK(mkdir("d/dir", 0755)); })) << "mkdir";
  EXPECT_EQ("mc", parent_moved([] { EXPECT_OK(symlink("x", "d/symlink")); })) << "symlink";
  EXPECT_EQ("mc", parent_moved([] { EXPECT_OK(mkfifo("d/fifo", 0644)); })) << "mknod";
  EXPECT_EQ("mc", parent_moved([] { EXPECT_OK(link("a", "d/link")); })) << "link";
  EXPECT_EQ("mc", parent_moved([] { EXPECT_OK(rename("a", "d/moved")); })) << "rename into it";
}

TEST_F(Timestamp, OfTheDirectoryMovesWithEveryNameThatGoes) {
  make_dir("d");
  make_dir("d/dir");
  make_file("d/a");
  make_file("d/b");
  make_symlink("x", "d/symlink");
  EXPECT_EQ("mc", parent_moved([] { EXPECT_OK(unlink("d/a")); })) << "unlink";
  EXPECT_EQ("mc", parent_moved([] { EXPECT_OK(unlink("d/symlink")); })) << "unlink of a symlink";
  EXPECT_EQ("mc", parent_moved([] { EXPECT_OK(rmdir("d/dir")); })) << "rmdir";
  EXPECT_EQ("mc", parent_moved([] { EXPECT_OK(rename("d/b", "d/c")); })) << "rename inside it";
  EXPECT_EQ("mc", parent_moved([] { EXPECT_OK(rename("d/c", "c")); })) << "rename out of it";
}

TEST_F(Timestamp, OfBothDirectoriesMovesWithARename) {
  make_dir("d");
  make_dir("e");
  make_file("d/a");
  make_file("e/b");
  const Stamps from("d"), to("e");
  EXPECT_OK(rename("d/a", "e/b"));
  EXPECT_EQ("mc", from.changed());
  EXPECT_EQ("mc", to.changed());
}

TEST_F(Timestamp, OfTheDirectoryStaysWhenOnlyTheFileChanges) {
  make_dir("d");
  make_file("d/a", "text");
  EXPECT_EQ("", parent_moved([] { put(opened("d/a", O_RDWR), "more", 2); })) << "write";
  EXPECT_EQ("", parent_moved([] { EXPECT_OK(opened("d/a", O_RDWR | O_CREAT | O_TRUNC).get()); })) << "O_TRUNC";
  EXPECT_EQ("", parent_moved([] { EXPECT_OK(truncate("d/a", 100)); })) << "truncate";
  EXPECT_EQ("", parent_moved([] { EXPECT_OK(chmod("d/a", 0600)); })) << "chmod";
  EXPECT_EQ("", parent_moved([] { EXPECT_OK(chown("d/a", 1, 1)); })) << "chown";
  EXPECT_EQ("", parent_moved([] { EXPECT_OK(link("d/a", "b")); })) << "link to another directory";
}

TEST_F(Timestamp, StaysWhenACallFails) {
  make_dir("d");
  make_dir("d/full");
  make_file("d/full/a");
  make_file("d/file", "text");
  const Stamps directory("d"), file("d/file");
  EXPECT_ERRNO(EEXIST, mkdir("d/file", 0755));
  EXPECT_ERRNO(EEXIST, open("d/file", O_CREAT | O_EXCL | O_RDWR, 0644));
  EXPECT_ERRNO(ENOENT, unlink("d/nothing"));
  EXPECT_ERRNO(either(ENOTEMPTY, EEXIST), rmdir("d/full"));
  EXPECT_ERRNO(ENOTDIR, rmdir("d/file"));
  EXPECT_ERRNO(EEXIST, link("d/file", "d/full"));
  EXPECT_ERRNO(EISDIR, rename("d/file", "d/full"));
  as(stranger, [] {
    EXPECT_ERRNO(EACCES, unlink("d/file"));
    EXPECT_ERRNO(EPERM, chmod("d/file", 0777));
    EXPECT_ERRNO(EACCES, truncate("d/file", 0));
  });
  EXPECT_EQ("", directory.changed());
  EXPECT_EQ("", file.moved());
}

TEST_F(Timestamp, OfANewFileIsNowInAllThree) {
  make_file("clock");
  const struct stat past = stat_of("clock");
  let_clock_tick(past);
  make_file("file");
  make_dir("dir");
  make_symlink("x", "symlink");
  make_fifo("fifo");
  for (const char* name : {"file", "dir", "symlink", "fifo"}) {
    const struct stat made = lstat_of(name);
    for (const timespec& time : {made.st_atim, made.st_mtim, made.st_ctim}) {
      EXPECT_TRUE(earlier(past.st_ctim, time)) << name << " " << to_string(time);
    }
  }
}

TEST_F(Timestamp, OfTheFileMovesWithWhatIsWritten) {
  make_file("a", "text");
  const Fd fd = opened("a", O_RDWR);
  {
    const Stamps stamps("a");
    EXPECT_GIVES(1, pwrite(fd, "x", 1, 0));
    EXPECT_EQ("mc", stamps.moved()) << "at once, seen by name";
  }
  {
    const Stamps stamps(fd);
    EXPECT_GIVES(1, pwrite(fd, "x", 1, 10'000));
    EXPECT_EQ("mc", stamps.moved()) << "at once, seen by descriptor";
  }
  {
    const Stamps stamps("a");
    EXPECT_OK(fsync(fd));
    EXPECT_EQ("", stamps.moved()) << "fsync";
  }
}

TEST_F(Timestamp, OfWritingIsWhenItWasWrittenNotWhenItWasFlushed) {
  Fd fd = opened("a", O_CREAT | O_RDWR);
  put(fd, pattern(100'000), 0);
  const struct stat written = stat_of("a");
  let_clock_tick(written);
  EXPECT_OK(fsync(fd));
  EXPECT_EQ(to_string(written.st_mtim), to_string(stat_of("a").st_mtim)) << "fsync";
  fd.reset();
  EXPECT_EQ(to_string(written.st_mtim), to_string(stat_of("a").st_mtim)) << "close";
  EXPECT_EQ(to_string(written.st_ctim), to_string(stat_of("a").st_ctim)) << "close";
}

/// The change time of "a" as the file system knows it, whatever the kernel remembers.
std::string asked_change_time() {
  struct statx found {};
  EXPECT_OK(statx(AT_FDCWD, "a", AT_STATX_FORCE_SYNC, STATX_CTIME, &found));
  return to_string({static_cast<time_t>(found.stx_ctime.tv_sec), static_cast<long>(found.stx_ctime.tv_nsec)});
}

TEST_F(Timestamp, OfChangeNeverGoesBackWhateverIsFlushedLater) {
  const std::vector<std::pair<const char*, std::function<void(int)>>> calls{
      {"write", [](int fd) { put(fd, "x", 0); }},
      {"fchmod", [](int fd) { EXPECT_OK(fchmod(fd, 0640)); }},
      {"fchown", [](int fd) { EXPECT_OK(fchown(fd, 5, 5)); }},
      {"futimens",
       [](int fd) {
         EXPECT_OK(futimens(fd, std::vector<timespec>{long_ago, long_ago}.data()));
       }},
      {"link and unlink", [](int) { EXPECT_TRUE(link("a", "b") == 0 && unlink("b") == 0); }},
      {"ftruncate", [](int fd) { EXPECT_OK(ftruncate(fd, 5)); }},
  };
  Fd fd = opened("a", O_CREAT | O_RDWR);
  for (const auto& [first, one] : calls) {
    for (const auto& [second, other] : calls) {
      SCOPED_TRACE(std::string(first) + ", then " + second);
      one(fd);
      let_clock_tick(stat_of(fd.get()));
      other(fd);
      const std::string changed = asked_change_time();
      EXPECT_OK(fsync(fd));
      EXPECT_EQ(changed, asked_change_time()) << "after fsync";
      fd = opened("a", O_RDWR);
      EXPECT_EQ(changed, asked_change_time()) << "after close";
    }
  }
}

TEST_F(Timestamp, OfTheFileMovesItsChangeTimeWithItsAttributes) {
  make_file("a", "text");
  const std::vector<std::pair<const char*, std::function<void()>>> calls{
      {"chmod", [] { EXPECT_OK(chmod("a", 0600)); }},
      {"chmod to what it is", [] { EXPECT_OK(chmod("a", 0600)); }},
      {"chown", [] { EXPECT_OK(chown("a", 1, 2)); }},
      {"link", [] { EXPECT_OK(link("a", "b")); }},
      {"unlink of another name", [] { EXPECT_OK(unlink("b")); }},
  };
  for (const auto& [name, call] : calls) {
    const Stamps stamps("a");
    call();
    EXPECT_EQ("c", stamps.moved()) << name;
  }
}

TEST_F(Timestamp, OfTheFileMovesItsChangeTimeWithItsXattrs) {
  make_file("a", "text");
  SKIP_IF_REFUSED("user_xattr", setxattr("a", "user.x", "1", 1, 0));
  const Stamps set("a");
  EXPECT_OK(setxattr("a", "user.x", "2", 1, 0));
  EXPECT_EQ("c", set.moved());
  const Stamps removed("a");
  EXPECT_OK(removexattr("a", "user.x"));
  EXPECT_EQ("c", removed.moved());
}

TEST_F(Timestamp, OfARenamedFileMovesAtMostItsChangeTime) {
  make_file("a", "text");
  make_dir("d");
  const Stamps stamps("a");
  EXPECT_OK(rename("a", "d/b"));
  EXPECT_OK(rename("d/b", "a"));
  EXPECT_TRUE(stamps.moved() == "" || stamps.moved() == "c") << stamps.moved();
}

TEST_F(Timestamp, OfAMovedDirectoryKeepsItsModificationTime) {
  make_dir("d");
  make_dir("e");
  make_file("d/a");
  const Stamps stamps("d");
  EXPECT_OK(rename("d", "e/d"));
  EXPECT_OK(rename("e/d", "d"));
  const std::string moved = stamps.changed();
  EXPECT_TRUE(moved == "" || moved == "c" || moved == "mc") << moved;
}

TEST_F(Timestamp, OfAccessMovesWithReadingAsRelatimeHasItAndNothingElseDoes) {
  make_file("a", "text");
  make_dir("d");
  make_file("d/a");
  make_symlink("a", "link");
  struct statvfs mount {};
  ASSERT_OK(statvfs(".", &mount));
  const Stamps file("a"), directory("d"), symlink_itself("link");
  EXPECT_EQ("text", content_of("a"));
  EXPECT_EQ(1u, names_in("d").size());
  char target[4];
  EXPECT_GIVES(1, readlink("link", target, sizeof target));
  for (const Stamps* one : {&file, &directory, &symlink_itself}) EXPECT_EQ("", one->changed());
  if (mount.f_flag & ST_NOATIME) {
    EXPECT_EQ("", file.moved()) << "mounted noatime";
  } else {
    EXPECT_TRUE(file.moved() == "a" || differs("atime_on_read")) << "it was older than a day";
  }
}

TEST_F(Timestamp, StaysWhenAFileIsOnlyOpenedOrLookedAt) {
  make_file("a", "text");
  make_dir("d");
  const Stamps file("a"), directory("d");
  EXPECT_OK(opened("a", O_RDONLY).get());
  EXPECT_OK(opened("a", O_RDWR).get());
  EXPECT_OK(opened("a", O_WRONLY | O_APPEND | O_CREAT).get());
  EXPECT_OK(opened("d", O_RDONLY).get());
  stat_of("a");
  EXPECT_OK(access("a", R_OK | W_OK));
  EXPECT_EQ("", file.moved());
  EXPECT_EQ("", directory.moved());
}

}  // namespace
