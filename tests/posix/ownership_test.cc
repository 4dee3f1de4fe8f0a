// chmod(2) and chown(2): what they set, and who may.
#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Ownership = Workspace;

void make_file_of(const Identity& who, const char* path, mode_t mode) {
  make_file(path, "text");
  EXPECT_OK(chown(path, who.user, who.group));
  EXPECT_OK(chmod(path, mode));
}

TEST_F(Ownership, LetsChmodSetAllTwelveBitsAndNoOthers) {
  make_file("file");
  make_dir("dir");
  make_fifo("fifo");
  for (const char* name : {"file", "dir", "fifo"}) {
    const mode_t kind = lstat_of(name).st_mode & S_IFMT;
    for (const mode_t mode : {07777, 0, 04000, 02000, 01000, 0751, 0644}) {
      EXPECT_OK(chmod(name, mode));
      EXPECT_EQ(kind | mode, lstat_of(name).st_mode) << name;
    }
  }
  EXPECT_OK(chmod("file", S_IFDIR | 0600));
  EXPECT_TRUE(S_ISREG(lstat_of("file").st_mode));
}

TEST_F(Ownership, LetsFchmodAndFchownWorkThroughAnyDescriptor) {
  make_file("a");
  make_dir("d");
  for (const char* name : {"a", "d"}) {
    const Fd fd = opened(name, O_RDONLY);
    EXPECT_OK(fchmod(fd, 0711));
    EXPECT_EQ(0711u, mode_of(name));
    EXPECT_OK(fchown(fd, 5, 6));
    EXPECT_EQ(5u, stat_of(name).st_uid);
    EXPECT_EQ(6u, stat_of(name).st_gid);
  }
  EXPECT_ERRNO(EBADF, fchmod(-1, 0644));
  EXPECT_ERRNO(EBADF, fchown(-1, 0, 0));
}

TEST_F(Ownership, LeavesWithMinusOneWhatChownShallNotChange) {
  make_file("a");
  EXPECT_OK(chown("a", 11, 22));
  EXPECT_OK(chown("a", static_cast<uid_t>(-1), 33));
  EXPECT_EQ(11u, stat_of("a").st_uid);
  EXPECT_EQ(33u, stat_of("a").st_gid);
  EXPECT_OK(chown("a", 44, static_cast<gid_t>(-1)));
  EXPECT_EQ(44u, stat_of("a").st_uid);
  EXPECT_EQ(33u, stat_of("a").st_gid);
}

TEST_F(Ownership, TakesIdsOfAllSizes) {
  make_file("a");
  for (const uid_t id : {1u, 65'535u, 65'536u, 2'147'483'647u, 2'147'483'648u, 4'294'967'294u}) {
    EXPECT_OK(chown("a", id, id));
    EXPECT_EQ(id, stat_of("a").st_uid);
    EXPECT_EQ(id, stat_of("a").st_gid);
  }
}

TEST_F(Ownership, LetsOnlyTheOwnerChangeTheMode) {
  make_file_of(owner, "a", 0666);
  as(owner, [] {
    EXPECT_OK(chmod("a", 0640));
    EXPECT_OK(chmod("a", 0666));
  });
  as(stranger, [] { EXPECT_ERRNO(EPERM, chmod("a", 0600)); });
  as({stranger.user, owner.group, {}}, [] { EXPECT_ERRNO(EPERM, chmod("a", 0600)); });
  EXPECT_EQ(0666u, mode_of("a"));
}

TEST_F(Ownership, LetsTheOwnerGiveTheFileOnlyToGroupsItIsIn) {
  const gid_t group = 1'234;
  make_file_of(owner, "a", 0644);
  as({owner.user, owner.group, {group}}, [] {
    EXPECT_OK(chown("a", static_cast<uid_t>(-1), group));
    EXPECT_OK(chown("a", owner.user, group));
    EXPECT_OK(chown("a", owner.user, owner.group));
    EXPECT_ERRNO(EPERM, chown("a", static_cast<uid_t>(-1), stranger.group));
    EXPECT_ERRNO(EPERM, chown("a", stranger.user, static_cast<gid_t>(-1)));
    EXPECT_ERRNO(EPERM, chown("a", 0, 0));
  });
  as({stranger.user, stranger.group, {group}}, [] { EXPECT_ERRNO(EPERM, chown("a", static_cast<uid_t>(-1), group)); });
  EXPECT_EQ(owner.group, stat_of("a").st_gid);
}

TEST_F(Ownership, GivesNewThingsToTheEffectiveUserAndGroup) {
  make_dir("d", 0777);
  as({owner.user, owner.group, {7}}, [] {
    make_file("d/file");
    make_dir("d/dir");
    make_symlink("x", "d/symlink");
    make_fifo("d/fifo");
  });
  for (const char* name : {"d/file", "d/dir", "d/symlink", "d/fifo"}) {
    EXPECT_EQ(owner.user, lstat_of(name).st_uid) << name;
    EXPECT_EQ(owner.group, lstat_of(name).st_gid) << name;
  }
}

TEST_F(Ownership, FollowsTheEffectiveUserOfTheMoment) {
  make_dir("d", 0777);
  Child child([] {
    ASSERT_OK(setegid(owner.group));
    ASSERT_OK(seteuid(owner.user));
    make_file("d/theirs");
    ASSERT_OK(seteuid(0));
    make_file("d/ours");
  });
  child.join();
  EXPECT_EQ(owner.user, stat_of("d/theirs").st_uid);
  EXPECT_EQ(0u, stat_of("d/ours").st_uid);
  EXPECT_EQ(owner.group, stat_of("d/ours").st_gid);
}

TEST_F(Ownership, SaysWhatIsWrongWithThePath) {
  make_file("file");
  make_symlink("self", "self");
  EXPECT_ERRNO(ENOENT, chmod("nothing", 0644));
  EXPECT_ERRNO(ENOTDIR, chmod("file/a", 0644));
  EXPECT_ERRNO(ELOOP, chmod("self", 0644));
  EXPECT_ERRNO(ENAMETOOLONG, chmod(std::string(256, 'a').c_str(), 0644));
  EXPECT_ERRNO(ENOENT, chown("nothing", 1, 1));
  EXPECT_ERRNO(ENOTDIR, chown("file/a", 1, 1));
  EXPECT_ERRNO(ELOOP, chown("self", 1, 1));
  EXPECT_OK(lchown("self", 1, 1));
}

}  // namespace
