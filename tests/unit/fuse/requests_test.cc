// What the kernel asks for, and what it is answered.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>
#include <map>
#include <set>

#include <gmock/gmock.h>

#include "tests/unit/fuse/mounted.h"

namespace lace::fs::fuse {
namespace {

constexpr CacheTimes cached{Millis{10'000}, Millis{10'000}};

class RequestsTest : public MountedTest {
 protected:
  void make_files(const std::string& in, int count) {
    ASSERT_EQ(0, ::mkdir(path(in).c_str(), 0755));
    const InodeId directory_inode = inode_of(in);
    for (int i = 0; i < count; ++i) {
      const auto made = file_system.make(context, directory_inode, "f" + std::to_string(i), S_IFREG | 0644, 0);
      ASSERT_TRUE(made);
      file_system.forget(made->inode, 1);  // the kernel has not seen it
    }
  }
};

void on_signal(int) {}

// For children: SIGUSR1 interrupts system calls.
void catch_signal() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigaction(SIGUSR1, &action, nullptr);
}

// ---------------------------------------------------------------- directories

TEST_F(RequestsTest, ListTenThousandEntriesOnceWhileSomeAreRemoved) {
  for (const CacheTimes times : {CacheTimes{}, cached}) {
    file_system.set_cache_times(times);
    if (!mounted) mount();
    const std::string in = times.entry.count() > 0 ? "cached" : "strict";
    make_files(in, 10'000);
    DIR* listing = ::opendir(path(in).c_str());
    std::map<std::string, int> seen;
    int removed = 0;
    while (const dirent* entry = ::readdir(listing)) {
      ++seen[entry->d_name];
      // Every second step another one of the last thousand goes.
      if (seen.size() % 2 == 0 && removed < 1000) {
        EXPECT_EQ(0, ::unlink(path(in + "/f" + std::to_string(9'000 + removed++)).c_str()));
      }
    }
    ::closedir(listing);
    for (int i = 0; i < 9'000; ++i) EXPECT_EQ(1, seen["f" + std::to_string(i)]) << in << i;
    for (const auto& [name, times_seen] : seen) EXPECT_LE(times_seen, 1) << in << name;
    EXPECT_EQ(1, seen["."]);
    EXPECT_EQ(1, seen[".."]);
  }
}

TEST_F(RequestsTest, GoOnWithAListingFromEveryOffset) {
  mount();
  make_files("d", 2'500);
  DIR* listing = ::opendir(path("d").c_str());
  std::vector<std::pair<long, std::string>> places;  // the offset in front of each name
  for (long at = ::telldir(listing); const dirent* entry = ::readdir(listing); at = ::telldir(listing)) {
    places.emplace_back(at, entry->d_name);
  }
  ASSERT_EQ(2'502u, places.size());
  EXPECT_EQ(".", places[0].second);
  EXPECT_EQ("..", places[1].second);
  EXPECT_EQ(1, places[1].first);
  EXPECT_EQ(2, places[2].first);
  for (size_t i = 0; i < places.size(); i += 97) {
    ::seekdir(listing, places[i].first);
    const dirent* entry = ::readdir(listing);
    ASSERT_TRUE(entry) << i;
    EXPECT_EQ(places[i].second, entry->d_name);
  }
  ::closedir(listing);
}

TEST_F(RequestsTest, ShowNewEntriesAfterRewinddir) {
  mount();
  make_files("d", 3);
  DIR* listing = ::opendir(path("d").c_str());
  while (::readdir(listing)) {
  }
  write_file("d/new", "");
  ::rewinddir(listing);
  std::set<std::string> seen;
  while (const dirent* entry = ::readdir(listing)) seen.insert(entry->d_name);
  EXPECT_THAT(seen, testing::Contains("new"));
  ::closedir(listing);
}

TEST_F(RequestsTest, NeverShowAnOlderSizeThanWasWritten) {
  file_system.set_cache_times(cached);
  mount();
  make_files("d", 500);
  DIR* listing = ::opendir(path("d").c_str());
  ASSERT_TRUE(::readdir(listing));  // the kernel has a first piece, the mount has all
  write_file("d/f400", "grown");
  while (::readdir(listing)) {
  }
  ::closedir(listing);
  EXPECT_EQ("grown", read_file("d/f400"));
}

// ---------------------------------------------------------------- what the kernel knows

TEST_F(RequestsTest, CountLookupsExactlyAsTheKernelForgetsThem) {
  file_system.set_cache_times(cached);
  mount();
  make_files("d", 300);
  DIR* listing = ::opendir(path("d").c_str());
  while (const dirent* entry = ::readdir(listing)) {
    struct stat found {};
    EXPECT_EQ(0, ::fstatat(::dirfd(listing), entry->d_name, &found, 0));
  }
  ::closedir(listing);
  EXPECT_EQ(0, ::link(path("d/f1").c_str(), path("d/second").c_str()));
  EXPECT_EQ(0, ::symlink("x", path("d/symlink").c_str()));
  EXPECT_EQ(0, ::mkdir(path("d/below").c_str(), 0700));
  write_file("d/made", "1");
  EXPECT_GE(file_system.all_lookups().size(), 300u);
  std::filesystem::remove_all(path("d"));
  EXPECT_TRUE(file_system.wait_until_forgotten(long_time)) << file_system.all_lookups().size() << " left";
}

TEST_F(RequestsTest, KeepPagesUntilTheyAreDropped) {
  file_system.set_cache_times(cached);
  mount();
  write_file("a", "old");
  const InodeId inode = inode_of("a");
  EXPECT_EQ("old", read_file("a"));
  // Another mount writes.
  const auto opened = file_system.open(context, inode, O_RDWR);
  ASSERT_TRUE(file_system.write(context, opened->handle, 0, "new"));
  EXPECT_EQ("old", read_file("a"));
  const KernelCache cache = file_system.kernel_cache();
  cache.drop_pages(inode);
  cache.settle(Millis::max());
  EXPECT_EQ("new", read_file("a"));
}

TEST_F(RequestsTest, KeepNamesUntilTheyAreDropped) {
  file_system.set_cache_times(cached);
  mount();
  write_file("a", "1");
  ASSERT_TRUE(file_system.rename(context, root_inode, "a", root_inode, "b", false, false));
  EXPECT_EQ(0, ::access(path("a").c_str(), F_OK));
  const KernelCache cache = file_system.kernel_cache();
  cache.drop_entry(root_inode, "a");
  cache.settle(Millis::max());
  EXPECT_EQ(-1, ::access(path("a").c_str(), F_OK));
}

TEST_F(RequestsTest, AskEachTimeWhereNothingMayBeKept) {
  mount();
  write_file("a", "1");
  const auto opened = file_system.open(context, inode_of("a"), O_RDWR);
  ASSERT_TRUE(file_system.write(context, opened->handle, 0, "23"));
  EXPECT_EQ("23", read_file("a"));
  ASSERT_TRUE(file_system.rename(context, root_inode, "a", root_inode, "b", false, false));
  EXPECT_EQ(-1, ::access(path("a").c_str(), F_OK));
}

// ---------------------------------------------------------------- signals and threads

TEST_F(RequestsTest, InterruptAWaitForALock) {
  mount();
  write_file("a", "1");
  const int held = ::open(path("a").c_str(), O_RDWR);
  ASSERT_EQ(0, ::flock(held, LOCK_EX));
  Child child([this] {
    catch_signal();
    const int fd = ::open(path("a").c_str(), O_RDWR);
    return ::flock(fd, LOCK_EX) == 0 ? 0 : errno;
  });
  ASSERT_TRUE(file_system.wait_for_waiting_locks(1, long_time));
  child.signal(SIGUSR1);
  EXPECT_EQ(EINTR, child.wait());
  EXPECT_EQ(0u, file_system.waiting_locks());
  ::close(held);
}

TEST_F(RequestsTest, GrantALockToTheOneThatWaits) {
  mount();
  write_file("a", "1");
  const int held = ::open(path("a").c_str(), O_RDWR);
  struct flock range {};
  range.l_type = F_WRLCK;
  ASSERT_EQ(0, ::fcntl(held, F_SETLK, &range));
  Child child([&] {
    const int fd = ::open(path("a").c_str(), O_RDWR);
    return ::fcntl(fd, F_SETLKW, &range) == 0 ? 0 : errno;
  });
  ASSERT_TRUE(file_system.wait_for_waiting_locks(1, long_time));
  ::close(held);  // releases it
  EXPECT_EQ(0, child.wait());
}

TEST_F(RequestsTest, LetManyWaitForALockWithoutAThreadForEach) {
  mount({}, 2);
  write_file("a", "1");
  const int held = ::open(path("a").c_str(), O_RDWR);
  ASSERT_EQ(0, ::flock(held, LOCK_EX));
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < 20; ++i) {
    children.push_back(std::make_unique<Child>([this] {
      const int fd = ::open(path("a").c_str(), O_RDWR);
      return ::flock(fd, LOCK_EX) == 0 ? 0 : errno;
    }));
  }
  ASSERT_TRUE(file_system.wait_for_waiting_locks(20, long_time));
  write_file("b", "others go on");
  ::close(held);
  for (const auto& child : children) EXPECT_EQ(0, child->wait());
}

TEST_F(RequestsTest, LetALockGoBeforeTheNextIsRefused) {
  mount();
  write_file("a", "1");
  for (int i = 0; i < 200; ++i) {
    const int fd = ::open(path("a").c_str(), O_RDWR);
    ASSERT_EQ(0, ::flock(fd, LOCK_EX | LOCK_NB)) << i;
    ::close(fd);
  }
}

TEST_F(RequestsTest, ReleaseALockOfADescriptionWithItsLastClose) {
  mount();
  write_file("a", "1");
  struct flock range {};
  range.l_type = F_WRLCK;
  const int one = ::open(path("a").c_str(), O_RDWR), two = ::open(path("a").c_str(), O_RDWR);
  ASSERT_EQ(0, ::fcntl(one, F_OFD_SETLK, &range));
  EXPECT_EQ(-1, ::fcntl(two, F_OFD_SETLK, &range));
  ::close(one);
  EXPECT_EQ(0, ::fcntl(two, F_OFD_SETLK, &range));
  ::close(two);
}

TEST_F(RequestsTest, EndWithTheProcessThatWaitsForThem) {
  mount();
  write_file("a", "1");
  file_system.make_reads_stick(inode_of("a"));
  Child child([this] {
    const int fd = ::open(path("a").c_str(), O_RDONLY | O_DIRECT);
    char bytes[4096];
    return static_cast<int>(::read(fd, bytes, sizeof bytes));
  });
  ASSERT_TRUE(file_system.wait_for_reads(1, long_time));
  child.signal(SIGTERM);
  EXPECT_EQ(-SIGTERM, child.wait());
}

TEST_F(RequestsTest, EndWithEintrWhenTheyAreStuckAndASignalIsCaught) {
  mount();
  write_file("a", "1");
  file_system.make_reads_stick(inode_of("a"));
  Child child([this] {
    catch_signal();
    const int fd = ::open(path("a").c_str(), O_RDONLY | O_DIRECT);
    char bytes[4096];
    return ::read(fd, bytes, sizeof bytes) < 0 ? errno : 0;
  });
  ASSERT_TRUE(file_system.wait_for_reads(1, long_time));
  child.signal(SIGUSR1);
  EXPECT_EQ(EINTR, child.wait());
}

TEST_F(RequestsTest, GoOnThoughManyOthersAreStuck) {
  mount();
  write_file("a", "1");
  file_system.make_reads_stick(inode_of("a"));
  std::vector<std::unique_ptr<Child>> stuck;
  for (int i = 0; i < 40; ++i) {
    stuck.push_back(std::make_unique<Child>([this] {
      const int fd = ::open(path("a").c_str(), O_RDONLY | O_DIRECT);
      char bytes[4096];
      return static_cast<int>(::read(fd, bytes, sizeof bytes));
    }));
  }
  ASSERT_TRUE(file_system.wait_for_reads(40, long_time));
  write_file("b", "others go on");
  EXPECT_EQ("others go on", read_file("b"));
}

// ---------------------------------------------------------------- attributes, files

TEST_F(RequestsTest, SayHowLongAnAttributeIsAndRefuseTooLittleRoom) {
  mount();
  write_file("a", "1");
  const std::string file = path("a");
  char value[10];
  ASSERT_EQ(0, ::setxattr(file.c_str(), "user.name", "value", 5, XATTR_CREATE));
  EXPECT_EQ(5, ::getxattr(file.c_str(), "user.name", nullptr, 0));
  EXPECT_EQ(-1, ::getxattr(file.c_str(), "user.name", value, 4));
  EXPECT_EQ(ERANGE, errno);
  EXPECT_EQ(5, ::getxattr(file.c_str(), "user.name", value, 5));
  EXPECT_EQ(10, ::listxattr(file.c_str(), nullptr, 0));
  EXPECT_EQ(-1, ::listxattr(file.c_str(), value, 9));
  EXPECT_EQ(ERANGE, errno);
  EXPECT_EQ(-1, ::getxattr(file.c_str(), "user.none", value, sizeof value));
  EXPECT_EQ(ENODATA, errno);
  EXPECT_EQ(-1, ::setxattr(file.c_str(), "system.none", "1", 1, 0));
  EXPECT_EQ(EOPNOTSUPP, errno);
  EXPECT_EQ(-1, ::setxattr(file.c_str(), "user.", "1", 1, 0));
  EXPECT_EQ(EINVAL, errno);
}

TEST_F(RequestsTest, AppendOnlyWhileTheDescriptorSaysSo) {
  mount();
  write_file("a", "12345");
  const int fd = ::open(path("a").c_str(), O_WRONLY | O_APPEND);
  ASSERT_EQ(1, ::pwrite(fd, "y", 1, 0));
  ASSERT_EQ(0, ::fcntl(fd, F_SETFL, 0));
  ASSERT_EQ(1, ::pwrite(fd, "x", 1, 0));
  ::close(fd);
  EXPECT_EQ("x2345y", read_file("a"));
}

TEST_F(RequestsTest, RefuseWhatRenameCannotDo) {
  mount();
  write_file("a", "1");
  write_file("b", "2");
  EXPECT_EQ(-1, ::renameat2(AT_FDCWD, path("a").c_str(), AT_FDCWD, path("b").c_str(), RENAME_NOREPLACE));
  EXPECT_EQ(EEXIST, errno);
  EXPECT_EQ(-1, ::renameat2(AT_FDCWD, path("a").c_str(), AT_FDCWD, path("c").c_str(), RENAME_WHITEOUT));
  EXPECT_EQ(EINVAL, errno);
  EXPECT_EQ(0, ::renameat2(AT_FDCWD, path("a").c_str(), AT_FDCWD, path("b").c_str(), RENAME_EXCHANGE));
  EXPECT_EQ("2", read_file("a"));
}

}  // namespace
}  // namespace lace::fs::fuse
