// readdir(3) and its relatives: completeness, types, positions, and directories that change while they are read.
#include <dirent.h>
#include <sys/syscall.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Readdir = Workspace;

struct Close {
  void operator()(DIR* dir) const { closedir(dir); }
};
using Dir = std::unique_ptr<DIR, Close>;

Dir listing(const char* path) {
  DIR* dir = opendir(path);
  EXPECT_OK(dir);
  return Dir(dir);
}

struct Found {
  std::string name;
  unsigned char type;
  ino_t ino;
};

/// All that is left in the stream, . and .. too.
std::vector<Found> rest(const Dir& dir) {
  std::vector<Found> all;
  errno = 0;
  while (const dirent* entry = readdir(dir.get())) all.push_back({entry->d_name, entry->d_type, entry->d_ino});
  EXPECT_EQ(0, errno) << errno_name(errno);
  return all;
}

std::map<std::string, int> counts(const std::vector<Found>& all) {
  std::map<std::string, int> count;
  for (const Found& one : all) ++count[one.name];
  return count;
}

void make_files(const std::string& dir, int from, int to) {
  for (int i = from; i < to; ++i) {
    const Fd fd(open((dir + "/" + std::to_string(i)).c_str(), O_CREAT | O_EXCL | O_WRONLY, 0644));
    ASSERT_OK(fd.get()) << i;
  }
}

/// Each name from..to-1 once, . and .. once, nothing else.
void expect_exactly(const std::vector<Found>& all, int from, int to) {
  const auto count = counts(all);
  EXPECT_EQ(static_cast<size_t>(to - from) + 2, count.size());
  for (const auto& [name, times] : count) EXPECT_EQ(1, times) << name;
  int missing = 0;
  for (int i = from; i < to; ++i) missing += !count.contains(std::to_string(i));
  EXPECT_EQ(0, missing);
  EXPECT_TRUE(count.contains(".") && count.contains(".."));
}

TEST_F(Readdir, TellsNameInodeAndTypeOfEveryKind) {
  make_dir("d");
  make_file("d/file");
  make_dir("d/dir");
  make_symlink("file", "d/symlink");
  make_fifo("d/fifo");
  EXPECT_OK(mknod("d/socket", S_IFSOCK | 0600, 0));
  EXPECT_OK(mknod("d/char", S_IFCHR | 0600, 259));
  EXPECT_OK(mknod("d/block", S_IFBLK | 0600, 259));
  const std::map<std::string, unsigned char> types{{"file", DT_REG},    {"dir", DT_DIR},  {"symlink", DT_LNK},
                                                   {"fifo", DT_FIFO},   {"char", DT_CHR}, {"block", DT_BLK},
                                                   {"socket", DT_SOCK}, {".", DT_DIR},    {"..", DT_DIR}};
  const auto all = rest(listing("d"));
  EXPECT_EQ(types.size(), all.size());
  for (const Found& one : all) {
    ASSERT_TRUE(types.contains(one.name)) << one.name;
    EXPECT_EQ(types.at(one.name), one.type) << one.name;
    EXPECT_EQ(ino_of("d/" + one.name), one.ino) << one.name;
  }
}

TEST_F(Readdir, ListsAnEmptyDirectoryAsDotAndDotDot) {
  make_dir("d");
  EXPECT_EQ((std::map<std::string, int>{{".", 1}, {"..", 1}}), counts(rest(listing("d"))));
}

TEST_F(Readdir, ListsTenThousandEntriesOnce) {
  make_dir("d");
  make_files("d", 0, 10'000);
  expect_exactly(rest(listing("d")), 0, 10'000);
}

TEST_F(Readdir, ListsAHundredThousandEntriesOnce) {
  make_dir("d");
  make_files("d", 0, 100'000);
  expect_exactly(rest(listing("d")), 0, 100'000);
  struct stat found;
  int wrong = 0;
  for (const Found& one : rest(listing("d"))) wrong += lstat(("d/" + one.name).c_str(), &found) != 0 || found.st_ino != one.ino;
  EXPECT_EQ(0, wrong);
}

TEST_F(Readdir, ListsTheLongestNames) {
  make_dir("d");
  std::set<std::string> names{".", ".."};
  for (int i = 100; i < 400; ++i) {
    names.insert(std::to_string(i) + std::string(252, 'n'));
    make_file("d/" + std::to_string(i) + std::string(252, 'n'));
  }
  std::set<std::string> found;
  for (const Found& one : rest(listing("d"))) found.insert(one.name);
  EXPECT_EQ(names, found);
}

TEST_F(Readdir, ReturnsToEveryPlaceThatWasTold) {
  make_dir("d");
  make_files("d", 0, 1'000);
  const Dir dir = listing("d");
  std::vector<long> places{telldir(dir.get())};
  std::vector<std::string> names;
  while (const dirent* entry = readdir(dir.get())) {
    names.push_back(entry->d_name);
    places.push_back(telldir(dir.get()));
  }
  ASSERT_EQ(1'002u, names.size());
  for (size_t i = 0; i < names.size(); i += 7) {
    const size_t place = i * 389 % names.size();
    seekdir(dir.get(), places[place]);
    const dirent* entry = readdir(dir.get());
    ASSERT_TRUE(entry);
    EXPECT_EQ(names[place], entry->d_name);
  }
  seekdir(dir.get(), places.back());
  EXPECT_FALSE(readdir(dir.get()));
}

TEST_F(Readdir, ReturnsToItsPlaceWhenWhatWasThereIsGone) {
  make_dir("d");
  make_files("d", 0, 500);
  const Dir dir = listing("d");
  std::set<std::string> before;
  for (int i = 0; i < 250; ++i) before.insert(readdir(dir.get())->d_name);
  const long place = telldir(dir.get());
  for (const auto& name : before) unlink(("d/" + name).c_str());
  const auto first = counts(rest(dir));
  seekdir(dir.get(), place);
  const auto second = counts(rest(dir));
  EXPECT_EQ(252u, first.size());
  EXPECT_EQ(first, second);
  for (const auto& [name, times] : first) EXPECT_FALSE(before.contains(name)) << name;
}

TEST_F(Readdir, SeesAfterRewindWhatIsThereThen) {
  make_dir("d");
  make_files("d", 0, 300);
  const Dir dir = listing("d");
  expect_exactly(rest(dir), 0, 300);
  for (int i = 0; i < 100; ++i) EXPECT_OK(unlink(("d/" + std::to_string(i)).c_str()));
  make_files("d", 300, 400);
  rewinddir(dir.get());
  expect_exactly(rest(dir), 100, 400);
  for (int i = 100; i < 400; ++i) EXPECT_OK(unlink(("d/" + std::to_string(i)).c_str()));
  rewinddir(dir.get());
  expect_exactly(rest(dir), 0, 0);
}

TEST_F(Readdir, MissesNothingAndRepeatsNothingWhileOthersCreateAndDelete) {
  make_dir("d");
  make_files("d", 0, 10'000);
  for (int i = 0; i < 2'000; ++i) make_file("d/victim-" + std::to_string(i));
  Gate started;
  Child other([&] {
    started.open();
    for (int i = 0; i < 2'000; ++i) {
      make_file("d/new-" + std::to_string(i));
      EXPECT_OK(unlink(("d/victim-" + std::to_string(i)).c_str()));
    }
  });
  started.wait();
  for (bool last = false; !last;) {
    last = other.ended();
    int there = 0;
    for (const auto& [name, times] : counts(rest(listing("d")))) {
      ASSERT_EQ(1, times) << name;
      there += std::isdigit(static_cast<unsigned char>(name[0])) != 0;
    }
    ASSERT_EQ(10'000, there);
  }
  other.join();
  const auto after = counts(rest(listing("d")));
  EXPECT_EQ(12'002u, after.size());
  for (const auto& [name, times] : after) EXPECT_FALSE(name.starts_with("victim")) << name << " came back";
}

TEST_F(Readdir, ReachesEveryEntryWhileItsReaderDeletesThem) {
  make_dir("d");
  make_files("d", 0, 5'000);
  const Dir dir = listing("d");
  int removed = 0;
  while (const dirent* entry = readdir(dir.get())) {
    if (entry->d_name[0] == '.') continue;
    ASSERT_OK(unlink(("d/" + std::string(entry->d_name)).c_str()));
    ++removed;
  }
  EXPECT_EQ(5'000, removed);
  EXPECT_OK(rmdir("d"));
}

TEST_F(Readdir, ReachesEveryEntryOnceWhileItsReaderMovesThemElsewhere) {
  make_dir("d");
  make_dir("e");
  make_files("d", 0, 3'000);
  const Dir dir = listing("d");
  int moved = 0;
  while (const dirent* entry = readdir(dir.get())) {
    if (entry->d_name[0] == '.') continue;
    ASSERT_OK(rename(("d/" + std::string(entry->d_name)).c_str(), ("e/" + std::string(entry->d_name)).c_str()));
    ++moved;
  }
  EXPECT_EQ(3'000, moved);
  expect_exactly(rest(listing("e")), 0, 3'000);
}

TEST_F(Readdir, KeepsSeveralReadersOfOneDirectoryApart) {
  make_dir("d");
  make_files("d", 0, 200);
  const Dir one = listing("d"), two = listing("d");
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(readdir(one.get()));
  expect_exactly(rest(two), 0, 200);
  EXPECT_EQ(102u, rest(one).size());
}

TEST_F(Readdir, RewindsWithLseekAsWell) {
  make_dir("d");
  make_files("d", 0, 50);
  const Fd fd = opened("d", O_RDONLY | O_DIRECTORY);
  char buffer[32'768];
  const auto read_all = [&] {
    long sum = 0;
    for (long size; (size = syscall(SYS_getdents64, fd.get(), buffer, sizeof buffer)) > 0;) sum += size;
    return sum;
  };
  const long first = read_all();
  EXPECT_GT(first, 0);
  EXPECT_EQ(0, read_all()) << "at the end";
  EXPECT_GIVES(0, lseek(fd, 0, SEEK_SET));
  EXPECT_EQ(first, read_all());
}

TEST_F(Readdir, RefusesBuffersTooSmallForAnEntryAndWhatIsNoDirectory) {
  make_dir("d");
  make_file("a");
  char buffer[4];
  EXPECT_ERRNO(EINVAL, syscall(SYS_getdents64, opened("d", O_RDONLY).get(), buffer, sizeof buffer));
  char large[1'024];
  EXPECT_ERRNO(ENOTDIR, syscall(SYS_getdents64, opened("a", O_RDONLY).get(), large, sizeof large));
  EXPECT_ERRNO(ENOTDIR, opendir("a"));
  EXPECT_ERRNO(ENOENT, opendir("nothing"));
  EXPECT_ERRNO(ENOENT, opendir(""));
}

TEST_F(Readdir, ReadsInPiecesOfAnySize) {
  make_dir("d");
  make_files("d", 0, 500);
  for (const size_t size : {280, 512, 1'000, 4'096, 100'000}) {
    const Fd fd = opened("d", O_RDONLY | O_DIRECTORY);
    std::vector<char> buffer(size);
    std::map<std::string, int> count;
    long got;
    while ((got = syscall(SYS_getdents64, fd.get(), buffer.data(), size)) > 0) {
      for (long at = 0; at < got;) {
        const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
        ++count[entry->d_name];
        at += entry->d_reclen;
      }
    }
    EXPECT_EQ(0, got);
    EXPECT_EQ(502u, count.size()) << "in pieces of " << size;
  }
}

TEST_F(Readdir, SeesAtOnceWhatWasJustMade) {
  make_dir("d");
  for (int i = 0; i < 100; ++i) {
    make_files("d", i, i + 1);
    ASSERT_EQ(static_cast<size_t>(i) + 1, names_in("d").size());
  }
  for (int i = 99; i >= 0; --i) {
    ASSERT_OK(unlink(("d/" + std::to_string(i)).c_str()));
    ASSERT_EQ(static_cast<size_t>(i), names_in("d").size());
  }
}

}  // namespace
