// Set-user-id, set-group-id and sticky: when they go away, what they make of a directory.
#include <sys/xattr.h>

#include <functional>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using SetId = Workspace;
using Sticky = Workspace;

constexpr gid_t team = 1'234;

void make_file_of(const Identity& who, const char* path, mode_t mode) {
  make_file(path, "text");
  EXPECT_OK(chown(path, who.user, who.group));
  EXPECT_OK(chmod(path, mode));
}

TEST_F(SetId, BitsGoWhenAFileGetsAnotherOwner) {
  make_file("a");
  EXPECT_OK(chmod("a", 06755));
  EXPECT_OK(chown("a", owner.user, owner.group));
  EXPECT_EQ(0755u, mode_of("a"));
  EXPECT_OK(chmod("a", 06755));
  as({owner.user, owner.group, {team}}, [] { EXPECT_OK(chown("a", static_cast<uid_t>(-1), team)); });
  EXPECT_EQ(0755u, mode_of("a"));
}

TEST_F(SetId, BitsOfADirectoryStayWhenItGetsAnotherOwner) {
  make_dir("d");
  EXPECT_OK(chmod("d", 03775));
  EXPECT_OK(chown("d", owner.user, owner.group));
  EXPECT_EQ(03775u, mode_of("d"));
}

TEST_F(SetId, GroupBitIsDroppedFromAChmodByAnOwnerOutsideTheGroup) {
  make_file_of({owner.user, team, {}}, "a", 0755);
  as(owner, [] { EXPECT_OK(chmod("a", 02755)); });
  EXPECT_EQ(0755u, mode_of("a"));
  as({owner.user, owner.group, {team}}, [] { EXPECT_OK(chmod("a", 06755)); });
  EXPECT_EQ(06755u, mode_of("a"));
}

TEST_F(SetId, BitsGoWhenAnybodyButRootChangesTheContent) {
  const std::vector<std::pair<const char*, std::function<void()>>> changes{
      {"write", [] { put(opened("a", O_WRONLY), "x", 0); }},
      {"append", [] { EXPECT_GIVES(1, write(opened("a", O_WRONLY | O_APPEND), "x", 1)); }},
      {"truncate", [] { EXPECT_OK(truncate("a", 1)); }},
      {"ftruncate", [] { EXPECT_OK(ftruncate(opened("a", O_WRONLY), 1)); }},
      {"open with O_TRUNC", [] { EXPECT_OK(opened("a", O_WRONLY | O_TRUNC).get()); }},
  };
  for (const auto& [name, change] : changes) {
    make_file_of(owner, "a", 06777);
    as(stranger, change);
    EXPECT_EQ(0777u, mode_of("a")) << name << " by a stranger";
    make_file_of(owner, "a", 06777);
    as(owner, change);
    EXPECT_EQ(0777u, mode_of("a")) << name << " by the owner";
  }
}

TEST_F(SetId, BitsStayWhenRootWrites) {
  make_file_of(owner, "a", 06777);
  put(opened("a", O_WRONLY), "x", 0);
  EXPECT_EQ(06777u, mode_of("a"));
}

TEST_F(SetId, BitsStayWhenTheFileIsOnlyRead) {
  make_file_of(owner, "a", 06777);
  as(stranger, [] { EXPECT_EQ("text", content_of("a")); });
  as(owner, [] { EXPECT_OK(opened("a", O_RDWR).get()); });
  EXPECT_EQ(06777u, mode_of("a"));
}

// struct vfs_cap_data, revision 2: cap_net_raw permitted and effective. Little endian.
const std::string capability("\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20);

TEST_F(SetId, FileCapabilitiesGoWhenTheContentOrTheOwnerChanges) {
  const std::vector<std::pair<const char*, std::function<void()>>> changes{
      {"write", [] { put(opened("a", O_WRONLY), "x", 0); }},
      {"append", [] { EXPECT_GIVES(1, write(opened("a", O_WRONLY | O_APPEND), "x", 1)); }},
      {"truncate", [] { EXPECT_OK(truncate("a", 1)); }},
      {"open with O_TRUNC", [] { EXPECT_OK(opened("a", O_WRONLY | O_TRUNC).get()); }},
      {"chown", [] { EXPECT_OK(chown("a", owner.user, owner.group)); }},
  };
  for (const auto& [name, change] : changes) {
    make_file("a", "text", 0755);
    const Outcome set(setxattr("a", "security.capability", capability.data(), capability.size(), 0));
    if (refused("security_xattr", set)) GTEST_SKIP() << "no security attributes";
    ASSERT_FALSE(set.failed) << errno_name(set.error);
    change();
    EXPECT_ERRNO(ENODATA, getxattr("a", "security.capability", nullptr, 0)) << name;
    EXPECT_OK(unlink("a"));
  }
}

TEST_F(SetId, DirectoryGivesItsGroupToWhatIsMadeInIt) {
  make_dir("d");
  EXPECT_OK(chown("d", 0, team));
  EXPECT_OK(chmod("d", 02777));
  as(stranger, [] {
    make_file("d/file");
    EXPECT_OK(mkdir("d/dir", 0755));
    make_symlink("x", "d/symlink");
    make_fifo("d/fifo");
    make_file("d/dir/deep");
  });
  for (const char* name : {"d/file", "d/dir", "d/symlink", "d/fifo", "d/dir/deep"}) {
    EXPECT_EQ(team, lstat_of(name).st_gid) << name;
    EXPECT_EQ(stranger.user, lstat_of(name).st_uid) << name;
  }
  EXPECT_EQ(02755u, mode_of("d/dir")) << "and to directories the bit too";
  EXPECT_EQ(0644u, mode_of("d/file"));
}

TEST_F(SetId, ExecutablesMadeInAForeignGroupsDirectoryLoseTheBit) {
  make_dir("d");
  EXPECT_OK(chown("d", 0, team));
  EXPECT_OK(chmod("d", 02777));
  as(stranger, [] { EXPECT_OK(Fd(open("d/a", O_CREAT | O_WRONLY, 02755)).get()); });
  EXPECT_EQ(0755u, mode_of("d/a"));
  as({stranger.user, stranger.group, {team}}, [] { EXPECT_OK(Fd(open("d/b", O_CREAT | O_WRONLY, 02755)).get()); });
  EXPECT_EQ(02755u, mode_of("d/b"));
}

TEST_F(Sticky, DirectoryKeepsOthersFilesFromBeingRemovedOrMoved) {
  make_dir("d", 01777);
  make_dir("free", 0777);
  make_file_of(owner, "d/a", 0666);
  make_dir("d/dir");
  EXPECT_OK(chown("d/dir", owner.user, owner.group));
  as(stranger, [] {
    make_file("d/mine");
    make_dir("d/my-dir");
    EXPECT_ERRNO(EPERM, unlink("d/a"));
    EXPECT_ERRNO(EPERM, rmdir("d/dir"));
    EXPECT_ERRNO(EPERM, rename("d/a", "d/b"));
    EXPECT_ERRNO(EPERM, rename("d/a", "free/a"));
    EXPECT_ERRNO(EPERM, rename("d/mine", "d/a")) << "nor replaced";
    EXPECT_ERRNO(EPERM, rename("d/my-dir", "d/dir"));
    EXPECT_OK(rename("d/mine", "d/renamed"));
    EXPECT_OK(unlink("d/renamed"));
    EXPECT_OK(rmdir("d/my-dir"));
    put(opened("d/a", O_WRONLY), "may be written", 0);
  });
  EXPECT_TRUE(exists("d/a") && exists("d/dir"));
}

TEST_F(Sticky, DirectoryObeysItsOwnerTheFilesOwnerAndRoot) {
  make_dir("d");
  EXPECT_OK(chown("d", owner.user, owner.group));
  EXPECT_OK(chmod("d", 01777));
  for (const char* name : {"d/a", "d/b", "d/c"}) make_file_of(stranger, name, 0600);
  as(owner, [] { EXPECT_OK(unlink("d/a")) << "the directory's owner"; });
  as(stranger, [] { EXPECT_OK(unlink("d/b")) << "the file's owner"; });
  EXPECT_OK(unlink("d/c")) << "root";
}

TEST_F(Sticky, DirectoryAlsoGuardsExchange) {
  make_dir("d", 01777);
  make_file_of(owner, "d/theirs", 0666);
  make_file_of(stranger, "d/mine", 0666);
  as(stranger, [] {
    const Outcome swap(renameat2(AT_FDCWD, "d/mine", AT_FDCWD, "d/theirs", RENAME_EXCHANGE));
    EXPECT_TRUE(swap.failed && (swap.error == EPERM || refused("rename_exchange", swap))) << errno_name(swap.error);
  });
}

}  // namespace
