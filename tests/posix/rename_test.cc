// rename(2) and renameat2(2).
#include <functional>
#include <map>

#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Rename = Workspace;

int rename_flags(const char* from, const char* to, unsigned flags) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, flags); }

struct Kind {
  const char* name;
  std::function<void(const std::string&)> make;
  bool directory;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"file", [](const std::string& path) { make_file(path, "text"); }, false},
      {"empty file", [](const std::string& path) { make_file(path); }, false},
      {"symlink", [](const std::string& path) { make_symlink("nowhere", path); }, false},
      {"fifo", [](const std::string& path) { make_fifo(path); }, false},
      {"empty directory", [](const std::string& path) { make_dir(path); }, true},
      {"full directory", [](const std::string& path) { make_dir(path), make_file(path + "/a"); }, true},
  };
  return all;
}

int clear(const std::string& path) {
  unlink((path + "/a").c_str());
  return unlink(path.c_str()) != 0 ? rmdir(path.c_str()) : 0;
}

TEST_F(Rename, MovesEveryKindToAFreeName) {
  make_dir("d");
  for (const Kind& kind : kinds()) {
    SCOPED_TRACE(kind.name);
    kind.make("a");
    const ino_t ino = ino_of("a");
    EXPECT_OK(rename("a", "d/b"));
    EXPECT_FALSE(exists("a"));
    EXPECT_EQ(ino, ino_of("d/b"));
    clear("d/b");
  }
}

TEST_F(Rename, ReplacesWhatIsThereIfKindsAgreeAndRefusesIfNot) {
  for (const Kind& from : kinds()) {
    for (const Kind& to : kinds()) {
      SCOPED_TRACE(std::string(from.name) + " onto " + to.name);
      from.make("a");
      to.make("b");
      const ino_t moved = ino_of("a"), replaced = ino_of("b");
      const bool full = to.name == std::string("full directory");
      if (from.directory && !to.directory) {
        EXPECT_ERRNO(ENOTDIR, rename("a", "b"));
      } else if (!from.directory && to.directory) {
        EXPECT_ERRNO(either(EISDIR, full ? ENOTEMPTY : EISDIR), rename("a", "b"));
      } else if (full) {
        EXPECT_ERRNO(either(ENOTEMPTY, EEXIST), rename("a", "b"));
      } else {
        EXPECT_OK(rename("a", "b"));
        EXPECT_FALSE(exists("a"));
        EXPECT_EQ(moved, ino_of("b"));
        clear("b");
        continue;
      }
      EXPECT_EQ(moved, ino_of("a"));
      EXPECT_EQ(replaced, ino_of("b"));
      clear("a");
      clear("b");
    }
  }
}

TEST_F(Rename, LetsAnOpenTargetLiveOnWithoutAName) {
  make_file("old", "old");
  make_file("new", "new");
  const Fd fd = opened("old", O_RDWR);
  EXPECT_OK(rename("new", "old"));
  EXPECT_EQ("old", get(fd, 10, 0));
  EXPECT_EQ(0u, stat_of(fd.get()).st_nlink);
  EXPECT_EQ("new", content_of("old"));
}

TEST_F(Rename, TakesOneLinkFromAReplacedFile) {
  make_file("a", "a");
  make_file("b", "b");
  EXPECT_OK(link("b", "other"));
  const Stamps stamps("other");
  EXPECT_OK(rename("a", "b"));
  EXPECT_EQ(1u, links_of("other"));
  EXPECT_EQ("c", stamps.moved());
  EXPECT_EQ("b", content_of("other"));
}

TEST_F(Rename, DoesNothingBetweenTwoNamesOfOneFile) {
  make_file("a", "text");
  make_dir("d");
  EXPECT_OK(link("a", "b"));
  EXPECT_OK(link("a", "d/c"));
  EXPECT_OK(rename("a", "b"));
  EXPECT_OK(rename("b", "d/c"));
  EXPECT_OK(rename("a", "a"));
  EXPECT_EQ(3u, links_of("a"));
  EXPECT_TRUE(exists("b") && exists("d/c"));
}

TEST_F(Rename, DoesNothingFromADirectoryToItself) {
  make_dir("d");
  make_file("d/a");
  EXPECT_OK(rename("d", "d"));
  EXPECT_OK(rename("d/", "d"));
  EXPECT_TRUE(exists("d/a"));
}

TEST_F(Rename, RefusesToMoveADirectoryIntoItself) {
  make_dir("d");
  make_dir("d/e");
  make_dir("d/e/f");
  EXPECT_ERRNO(EINVAL, rename("d", "d/x"));
  EXPECT_ERRNO(EINVAL, rename("d", "d/e/x"));
  EXPECT_ERRNO(EINVAL, rename("d", "d/e/f/x"));
  EXPECT_ERRNO(EINVAL, rename("d", "d/e"));
  EXPECT_ERRNO(either(ENOTEMPTY, EEXIST), rename("d/e/f", "d"));
  EXPECT_ERRNO(either(ENOTEMPTY, EEXIST), rename("d/e", "d"));
  EXPECT_TRUE(exists("d/e/f"));
}

TEST_F(Rename, RefusesDotAndDotDot) {
  make_dir("d");
  make_dir("d/e");
  EXPECT_ERRNO(either(EBUSY, EINVAL), rename("d/.", "x"));
  EXPECT_ERRNO(either(EBUSY, EINVAL), rename("d/e/..", "x"));
  EXPECT_ERRNO(either(EBUSY, EINVAL), rename("d/e", "d/."));
  EXPECT_ERRNO(either(EBUSY, EINVAL), rename("d/e", "d/.."));
}

TEST_F(Rename, ChangesDotDotAndTheLinkCountsOfTheParents) {
  make_dir("from");
  make_dir("to");
  make_dir("from/d");
  make_file("to/a", "beside");
  const bool counted = links_of("from") == 3 || !differs("directory_links");
  EXPECT_OK(rename("from/d", "to/d"));
  EXPECT_EQ(ino_of("to"), ino_of("to/d/.."));
  EXPECT_EQ("beside", content_of("to/d/../a"));
  if (counted) {
    EXPECT_EQ(2u, links_of("from"));
    EXPECT_EQ(3u, links_of("to"));
  }
  make_dir("from/d");
  EXPECT_OK(rename("from/d", "to/d"));
  EXPECT_TRUE(links_of("to") == 3 || !counted) << "after it replaced an empty directory";
}

TEST_F(Rename, LeavesWhoIsInsideInside) {
  make_dir("d");
  make_dir("d/e");
  make_file("d/e/a", "text");
  const Fd fd = opened("d/e/a", O_RDONLY);
  EXPECT_OK(chdir("d/e"));
  EXPECT_OK(rename("../../d", "../../moved"));
  EXPECT_EQ("text", content_of("a"));
  EXPECT_EQ("text", get(fd, 10, 0));
  make_file("b");
  EXPECT_TRUE(exists(home() + "/moved/e/b"));
  char cwd[4096];
  ASSERT_OK(getcwd(cwd, sizeof cwd));
  EXPECT_EQ(home() + "/moved/e", cwd);
}

TEST_F(Rename, LeavesAReplacedEmptyDirectoryDead) {
  make_dir("a");
  make_dir("b");
  const Fd dead = opened("b", O_RDONLY | O_DIRECTORY);
  EXPECT_OK(rename("a", "b"));
  EXPECT_EQ(0u, stat_of(dead.get()).st_nlink);
  EXPECT_ERRNO(ENOENT, openat(dead, "x", O_CREAT | O_RDWR, 0644));
}

TEST_F(Rename, SaysWhatIsWrongWithThePaths) {
  make_file("a");
  make_dir("d");
  make_symlink("self", "self");
  const std::string too_long(256, 'x');
  EXPECT_ERRNO(ENOENT, rename("nothing", "b"));
  EXPECT_ERRNO(ENOENT, rename("a", "nothing/b"));
  EXPECT_ERRNO(ENOENT, rename("", "b"));
  EXPECT_ERRNO(ENOENT, rename("a", ""));
  EXPECT_ERRNO(ENOTDIR, rename("a/b", "b"));
  EXPECT_ERRNO(ENOTDIR, rename("a", "a/b"));
  EXPECT_ERRNO(ENOTDIR, rename("d", "a/b"));
  EXPECT_ERRNO(ENOTDIR, rename("a/", "b"));
  EXPECT_ERRNO(ENOTDIR, rename("a", "b/"));
  EXPECT_ERRNO(ELOOP, rename("self/a", "b"));
  EXPECT_ERRNO(ELOOP, rename("a", "self/b"));
  EXPECT_ERRNO(ENAMETOOLONG, rename("a", too_long.c_str()));
  EXPECT_ERRNO(ENAMETOOLONG, rename(too_long.c_str(), "b"));
  EXPECT_ERRNO(EXDEV, rename("/proc/version", "b"));
  EXPECT_OK(rename("d/", "e/"));
  EXPECT_EQ((std::vector<std::string>{"a", "e", "self"}), names_in("."));
}

TEST_F(Rename, KeepsContentAndAttributes) {
  make_file("a", pattern(100'000), 0604);
  EXPECT_OK(chown("a", owner.user, owner.group));
  const Stamps stamps("a");
  EXPECT_OK(rename("a", "b"));
  EXPECT_EQ(0604u, mode_of("b"));
  EXPECT_EQ(owner.user, stat_of("b").st_uid);
  EXPECT_EQ(to_string(long_ago), to_string(stat_of("b").st_mtim));
  EXPECT_TRUE(same_bytes(pattern(100'000), content_of("b")));
}

TEST_F(Rename, KeepsWritesThatComeAfterItThroughAnOpenDescriptor) {
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  put(fd, pattern(5'000), 0);
  EXPECT_OK(rename("a", "b"));
  put(fd, pattern(5'000, 2), 5'000);
  EXPECT_TRUE(same_bytes(pattern(5'000) + pattern(5'000, 2), content_of("b")));
}

TEST_F(Rename, ReplacesNothingWithNoreplace) {
  make_file("a", "a");
  for (const Kind& kind : kinds()) {
    SCOPED_TRACE(kind.name);
    kind.make("b");
    const ino_t there = ino_of("b");
    SKIP_IF_REFUSED("rename_noreplace", rename_flags("a", "b", RENAME_NOREPLACE));
    EXPECT_ERRNO(EEXIST, rename_flags("a", "b", RENAME_NOREPLACE));
    EXPECT_EQ(there, ino_of("b"));
    clear("b");
  }
  EXPECT_ERRNO(EEXIST, rename_flags("a", "a", RENAME_NOREPLACE));
  EXPECT_OK(rename_flags("a", "b", RENAME_NOREPLACE));
  EXPECT_EQ("a", content_of("b"));
  EXPECT_ERRNO(ENOENT, rename_flags("a", "c", RENAME_NOREPLACE));
}

TEST_F(Rename, SwapsAnyTwoKindsWithExchange) {
  make_dir("d");
  for (const Kind& one : kinds()) {
    for (const Kind& other : kinds()) {
      SCOPED_TRACE(std::string(one.name) + " and " + other.name);
      one.make("a");
      other.make("d/b");
      const ino_t a = ino_of("a"), b = ino_of("d/b");
      SKIP_IF_REFUSED("rename_exchange", rename_flags("a", "d/b", RENAME_EXCHANGE));
      EXPECT_EQ(b, ino_of("a"));
      EXPECT_EQ(a, ino_of("d/b"));
      clear("a");
      clear("d/b");
    }
  }
}

TEST_F(Rename, MovesDotDotAndLinkCountsWithExchange) {
  make_dir("d");
  make_dir("d/sub");
  make_dir("d/sub/inner");
  make_file("a", "text");
  const nlink_t top = links_of("."), below = links_of("d");
  const bool counted = below == 3 || !differs("directory_links");
  SKIP_IF_REFUSED("rename_exchange", rename_flags("a", "d/sub", RENAME_EXCHANGE));
  EXPECT_EQ("text", content_of("d/sub"));
  EXPECT_EQ(ino_of("."), ino_of("a/.."));
  EXPECT_TRUE(exists("a/inner"));
  if (!counted) return;
  EXPECT_EQ(top + 1, links_of("."));
  EXPECT_EQ(below - 1, links_of("d"));
}

TEST_F(Rename, RefusesExchangesThatCannotBe) {
  make_file("a");
  make_dir("d");
  make_dir("d/e");
  SKIP_IF_REFUSED("rename_exchange", rename_flags("a", "a", RENAME_EXCHANGE));
  EXPECT_ERRNO(ENOENT, rename_flags("a", "nothing", RENAME_EXCHANGE));
  EXPECT_ERRNO(ENOENT, rename_flags("nothing", "a", RENAME_EXCHANGE));
  EXPECT_ERRNO(EINVAL, rename_flags("d", "d/e", RENAME_EXCHANGE));
  EXPECT_ERRNO(EINVAL, rename_flags("d/e", "d", RENAME_EXCHANGE));
  EXPECT_ERRNO(EINVAL, rename_flags("a", "d", RENAME_EXCHANGE | RENAME_NOREPLACE));
  EXPECT_ERRNO(EINVAL, rename_flags("a", "d", 0x100));
}

TEST_F(Rename, RotatesDirectoriesThroughEachOther) {
  make_dir("a");
  make_dir("b");
  for (int i = 0; i < 20; ++i) {
    ASSERT_OK(rename("a", "b/a"));
    ASSERT_ERRNO(EINVAL, rename("b", "b/a/b"));
    ASSERT_OK(rename("b/a", "a"));
    ASSERT_OK(rename("b", "a/b"));
    ASSERT_OK(rename("a/b", "b"));
  }
  EXPECT_EQ(ino_of("."), ino_of("a/.."));
}

}  // namespace
