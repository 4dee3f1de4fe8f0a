// Who may do what by the permission bits: search on the way, write on directories, the three classes, groups.
#include <dirent.h>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Access = Workspace;

constexpr gid_t team = 1'234;

void give(const char* path, uid_t user, gid_t group, mode_t mode) {
  EXPECT_OK(chown(path, user, group));
  EXPECT_OK(chmod(path, mode));
}

/// "rw" if both reading and writing are allowed to the one who asks, by open and by access.
std::string may(const char* path) {
  std::string letters;
  const bool read = Fd(open(path, O_RDONLY)) >= 0, write = Fd(open(path, O_WRONLY)) >= 0;
  EXPECT_EQ(read && write, Fd(open(path, O_RDWR)) >= 0);
  EXPECT_EQ(read, access(path, R_OK) == 0);
  EXPECT_EQ(write, access(path, W_OK) == 0);
  if (read) letters += 'r';
  if (write) letters += 'w';
  if (access(path, X_OK) == 0) letters += 'x';
  return letters;
}

std::string letters_of(mode_t bits) {
  std::string letters;
  if (bits & 4) letters += 'r';
  if (bits & 2) letters += 'w';
  if (bits & 1) letters += 'x';
  return letters;
}

TEST_F(Access, GoesByTheFirstClassThatFitsAndByNoOther) {
  make_file("a", "text");
  for (mode_t bits = 0; bits < 8; ++bits) {
    const mode_t others = 7 & ~bits;
    SCOPED_TRACE(testing::Message() << "bits " << bits);
    give("a", owner.user, owner.group, bits << 6 | others << 3 | others);
    as({owner.user, owner.group, {owner.group}}, [&] { EXPECT_EQ(letters_of(bits), may("a")) << "owner"; });
    give("a", owner.user, team, others << 6 | bits << 3 | others);
    as({stranger.user, team, {}}, [&] { EXPECT_EQ(letters_of(bits), may("a")) << "group"; });
    as({stranger.user, stranger.group, {5, team, 6}}, [&] { EXPECT_EQ(letters_of(bits), may("a")) << "further group"; });
    give("a", owner.user, team, others << 6 | others << 3 | bits);
    as(stranger, [&] { EXPECT_EQ(letters_of(bits), may("a")) << "others"; });
  }
}

TEST_F(Access, KnowsManySupplementaryGroups) {
  make_file("a", "text");
  give("a", owner.user, team, 0040);
  Identity busy{stranger.user, stranger.group, {}};
  for (gid_t group = 2'000; group < 2'100; ++group) busy.groups.push_back(group);
  as(busy, [] { EXPECT_EQ("", may("a")); });
  busy.groups.push_back(team);
  as(busy, [] { EXPECT_EQ("r", may("a")); });
}

TEST_F(Access, IsUnlimitedForRootButForExecuting) {
  make_file("a", "text");
  give("a", owner.user, owner.group, 0);
  EXPECT_EQ("rw", may("a"));
  EXPECT_OK(chmod("a", 0001));
  EXPECT_EQ("rwx", may("a"));
  make_dir("d", 0);
  make_file("d/a");
  EXPECT_EQ(1u, names_in("d").size());
}

TEST_F(Access, NeedsSearchPermissionOnEveryDirectoryOfThePath) {
  make_dir("d");
  make_dir("d/e");
  make_file("d/e/a", "text", 0666);
  make_symlink("d/e/a", "link");
  for (const char* closed : {"d", "d/e"}) {
    SCOPED_TRACE(closed);
    EXPECT_OK(chmod(closed, 0766));
    as(stranger, [] {
      struct stat found;
      char buffer[8];
      EXPECT_ERRNO(EACCES, stat("d/e/a", &found));
      EXPECT_ERRNO(EACCES, stat("d/e/nothing", &found)) << "nor is it told what is not there";
      EXPECT_ERRNO(EACCES, open("d/e/a", O_RDONLY));
      EXPECT_ERRNO(EACCES, open("link", O_RDONLY));
      EXPECT_ERRNO(EACCES, open("d/e/new", O_CREAT | O_RDWR, 0644));
      EXPECT_ERRNO(EACCES, access("d/e/a", F_OK));
      EXPECT_ERRNO(EACCES, truncate("d/e/a", 0));
      EXPECT_ERRNO(EACCES, chmod("d/e/a", 0644));
      EXPECT_ERRNO(EACCES, readlink("d/e/a", buffer, sizeof buffer));
      EXPECT_ERRNO(EACCES, mkdir("d/e/f", 0755));
      EXPECT_ERRNO(EACCES, unlink("d/e/a"));
      EXPECT_ERRNO(EACCES, link("d/e/a", "d/e/b"));
      EXPECT_ERRNO(EACCES, rename("d/e/a", "d/e/b"));
      EXPECT_ERRNO(EACCES, utimensat(AT_FDCWD, "d/e/a", nullptr, 0));
      EXPECT_ERRNO(EACCES, chdir("d/e/."));
    });
    EXPECT_OK(chmod(closed, 0755));
  }
  as(stranger, [] { EXPECT_EQ("text", content_of("d/e/a")); });
}

TEST_F(Access, TellsListingADirectoryFromSearchingIt) {
  make_dir("listed", 0744);
  make_file("listed/a", "text");
  make_dir("searched", 0711);
  make_file("searched/a", "text");
  as(stranger, [] {
    EXPECT_EQ(std::vector<std::string>{"a"}, names_in("listed"));
    EXPECT_ERRNO(EACCES, open("listed/a", O_RDONLY));
    EXPECT_ERRNO(EACCES, chdir("listed"));
    EXPECT_ERRNO(EACCES, opendir("searched"));
    EXPECT_EQ("text", content_of("searched/a"));
    EXPECT_OK(chdir("searched"));
  });
}

TEST_F(Access, NeedsWriteAndSearchPermissionOnADirectoryToChangeItsNames) {
  make_dir("free", 0777);
  make_file("free/a");
  for (const mode_t mode : {0755, 0776, 0775}) {
    make_dir("d", 0777);
    make_file("d/a", "text", 0666);
    make_dir("d/dir", 0777);
    EXPECT_OK(chmod("d", mode));
    as(stranger, [] {
      EXPECT_ERRNO(EACCES, open("d/new", O_CREAT | O_RDWR, 0644));
      EXPECT_ERRNO(EACCES, mkdir("d/new", 0755));
      EXPECT_ERRNO(EACCES, mkfifo("d/new", 0644));
      EXPECT_ERRNO(EACCES, symlink("x", "d/new"));
      EXPECT_ERRNO(EACCES, unlink("d/a"));
      EXPECT_ERRNO(EACCES, rmdir("d/dir"));
      EXPECT_ERRNO(EACCES, rename("d/a", "d/b"));
      EXPECT_ERRNO(EACCES, rename("d/a", "free/b"));
      EXPECT_ERRNO(EACCES, rename("free/a", "d/b"));
    });
    EXPECT_OK(chmod("d", 0777));
    EXPECT_OK(unlink("d/a"));
    EXPECT_OK(rmdir("d/dir"));
    EXPECT_OK(rmdir("d"));
  }
}

TEST_F(Access, NeedsNoPermissionOnAFileToRemoveIt) {
  make_dir("d", 0777);
  make_file("d/a", "text", 0);
  as(stranger, [] {
    EXPECT_OK(rename("d/a", "d/b"));
    EXPECT_OK(unlink("d/b"));
  });
}

TEST_F(Access, NeedsWritePermissionOnADirectoryToGiveItAnotherParent) {
  make_dir("from", 0777);
  make_dir("to", 0777);
  make_dir("from/d", 0755);
  as(stranger, [] {
    EXPECT_OK(rename("from/d", "from/e")) << "its .. stays";
    EXPECT_ERRNO(EACCES, rename("from/e", "to/e")) << "its .. would change";
  });
}

TEST_F(Access, OpensAnExistingFileInADirectoryThatCannotBeWritten) {
  make_dir("d", 0755);
  make_file("d/a", "text", 0666);
  as(stranger, [] {
    EXPECT_OK(opened("d/a", O_RDWR | O_CREAT).get());
    EXPECT_ERRNO(EEXIST, open("d/a", O_RDWR | O_CREAT | O_EXCL, 0644)) << "it is there, before all else";
  });
}

TEST_F(Access, NeedsWritePermissionToEmptyAFile) {
  make_file("a", "text", 0644);
  as(stranger, [] { EXPECT_ERRNO(EACCES, open("a", O_RDONLY | O_TRUNC)); });
  EXPECT_EQ("text", content_of("a"));
}

TEST_F(Access, StaysWithADescriptorWhateverHappensToTheFile) {
  make_file("a", "text", 0666);
  as(stranger, [] {
    const Fd fd = opened("a", O_RDWR);
    Child root([] { EXPECT_OK(truncate("a", 4)); });
    root.join();
    EXPECT_EQ("text", get(fd, 4, 0));
  });
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(chmod("a", 0));
  as(stranger, [&] {
    EXPECT_ERRNO(EACCES, open("a", O_RDONLY));
    EXPECT_EQ("text", get(fd, 4, 0));
    put(fd, "more", 0);
  });
}

TEST_F(Access, IsTakenAwayByTheVeryNextChmod) {
  make_file("a", "text", 0644);
  for (int i = 0; i < 10; ++i) {
    EXPECT_OK(chmod("a", 0644));
    as(stranger, [] { EXPECT_OK(opened("a", O_RDONLY).get()); });
    EXPECT_OK(chmod("a", 0600));
    as(stranger, [] { EXPECT_ERRNO(EACCES, open("a", O_RDONLY)); });
  }
}

TEST_F(Access, IsToldByAccessForTheRealUserAndByFaccessatForTheEffectiveOne) {
  make_file("a", "text");
  give("a", owner.user, owner.group, 0600);
  Child child([] {
    ASSERT_OK(setresgid(stranger.group, owner.group, 0));
    ASSERT_OK(setresuid(stranger.user, owner.user, 0));
    EXPECT_ERRNO(EACCES, access("a", R_OK));
    EXPECT_OK(faccessat(AT_FDCWD, "a", R_OK | W_OK, AT_EACCESS));
    EXPECT_OK(access("a", F_OK));
  });
  child.join();
  EXPECT_ERRNO(ENOENT, access("nothing", F_OK));
  EXPECT_ERRNO(ENOTDIR, access("a/b", F_OK));
  EXPECT_ERRNO(EINVAL, access("a", 0100));
}

TEST_F(Access, IsEnforcedForListing) {
  make_dir("d", 0700);
  as(stranger, [] {
    EXPECT_ERRNO(EACCES, opendir("d"));
    EXPECT_ERRNO(EACCES, chdir("d"));
  });
  EXPECT_OK(chown("d", stranger.user, stranger.group));
  as(stranger, [] { EXPECT_TRUE(names_in("d").empty()); });
}

}  // namespace
