// POSIX access control lists (POSIX.1e draft 17, as Linux has it), through the raw attributes that libacl uses as well.
#include <dirent.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/xattr.h>

#include <cstring>

#include "tests/posix/lib/stamps.h"
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;

constexpr const char* access_acl = "system.posix_acl_access";
constexpr const char* default_acl = "system.posix_acl_default";
constexpr gid_t team = 1'234;

/// One entry in the order the kernel wants: owner, users, owning group, groups, mask, others.
struct Entry {
  uint16_t tag;
  uint16_t permissions;
  uint32_t id = static_cast<uint32_t>(ACL_UNDEFINED_ID);
};
constexpr Entry the_owner(uint16_t permissions) { return {ACL_USER_OBJ, permissions}; }
constexpr Entry user(uid_t id, uint16_t permissions) { return {ACL_USER, permissions, id}; }
constexpr Entry the_group(uint16_t permissions) { return {ACL_GROUP_OBJ, permissions}; }
constexpr Entry group(gid_t id, uint16_t permissions) { return {ACL_GROUP, permissions, id}; }
constexpr Entry mask(uint16_t permissions) { return {ACL_MASK, permissions}; }
constexpr Entry others(uint16_t permissions) { return {ACL_OTHER, permissions}; }

/// The value of the attribute: a 32 bit version, then 8 bytes an entry, little endian (as this machine).
std::string acl(std::initializer_list<Entry> entries, uint32_t version = POSIX_ACL_XATTR_VERSION) {
  std::string bytes(sizeof version, '\0');
  std::memcpy(bytes.data(), &version, sizeof version);
  for (const Entry& entry : entries) {
    const posix_acl_xattr_entry raw{entry.tag, entry.permissions, entry.id};
    bytes.append(reinterpret_cast<const char*>(&raw), sizeof raw);
  }
  return bytes;
}

int set_acl(const char* path, const std::string& value, const char* which = access_acl) {
  return setxattr(path, which, value.data(), value.size(), 0);
}

/// "none", or the entries as text: "u:6 u65534:4 g:4 m:6 o:0".
std::string acl_of(const char* path, const char* which = access_acl) {
  char buffer[4096];
  const ssize_t size = getxattr(path, which, buffer, sizeof buffer);
  if (size < 0 && errno == ENODATA) return "none";
  if (size < 0) return errno_name(errno);
  std::string text;
  for (size_t at = 4; at < static_cast<size_t>(size); at += sizeof(posix_acl_xattr_entry)) {
    posix_acl_xattr_entry raw;
    std::memcpy(&raw, buffer + at, sizeof raw);
    text += text.empty() ? "" : " ";
    text += raw.e_tag == ACL_USER_OBJ || raw.e_tag == ACL_USER     ? "u"
            : raw.e_tag == ACL_GROUP_OBJ || raw.e_tag == ACL_GROUP ? "g"
            : raw.e_tag == ACL_MASK                                ? "m"
                                                                   : "o";
    if (raw.e_tag == ACL_USER || raw.e_tag == ACL_GROUP) text += std::to_string(raw.e_id);
    text += ":" + std::to_string(raw.e_perm);
  }
  return text;
}

class Acl : public Workspace {
 protected:
  void SetUp() override {
    Workspace::SetUp();
    make_file("a", "text", 0640);
    SKIP_IF_REFUSED("acl", set_acl("a", acl({the_owner(6), the_group(4), others(0)})));
  }
  /// What a user may do with "a": "r", "w", "rw" or "".
  std::string may(const Identity& who) {
    char letters[3] = {'-', '-', '\0'};
    int ends[2];
    EXPECT_OK(pipe(ends));
    as(who, [&] {
      char found[2] = {Fd(open("a", O_RDONLY)) >= 0 ? 'r' : '-', Fd(open("a", O_WRONLY)) >= 0 ? 'w' : '-'};
      EXPECT_EQ(found[0] == 'r', access("a", R_OK) == 0);
      EXPECT_EQ(found[1] == 'w', access("a", W_OK) == 0);
      EXPECT_GIVES(2, write(ends[1], found, 2));
    });
    EXPECT_GIVES(2, read(ends[0], letters, 2));
    close(ends[0]);
    close(ends[1]);
    return letters;
  }
};

TEST_F(Acl, OfThreeEntriesIsTheModeAndNothingElse) {
  EXPECT_OK(set_acl("a", acl({the_owner(7), the_group(5), others(1)})));
  EXPECT_EQ(0751u, mode_of("a"));
  EXPECT_EQ("none", acl_of("a"));
}

TEST_F(Acl, ShowsItsMaskAsTheGroupBitsOfTheMode) {
  EXPECT_OK(set_acl("a", acl({the_owner(6), user(stranger.user, 6), the_group(4), group(team, 7), mask(6), others(0)})));
  EXPECT_EQ(0660u, mode_of("a"));
  EXPECT_EQ("u:6 u65534:6 g:4 g1234:7 m:6 o:0", acl_of("a"));
}

TEST_F(Acl, HasItsMaskChangedByChmodAndNotItsGroup) {
  EXPECT_OK(set_acl("a", acl({the_owner(6), user(stranger.user, 6), the_group(4), mask(6), others(0)})));
  EXPECT_OK(chmod("a", 0705));
  EXPECT_EQ("u:7 u65534:6 g:4 m:0 o:5", acl_of("a"));
  EXPECT_OK(chmod("a", 0770));
  EXPECT_EQ("u:7 u65534:6 g:4 m:7 o:0", acl_of("a"));
  EXPECT_EQ(0770u, mode_of("a"));
}

TEST_F(Acl, KeepsTheSetIdBitsOfTheMode) {
  EXPECT_OK(chmod("a", 06750));
  EXPECT_OK(set_acl("a", acl({the_owner(7), user(stranger.user, 5), the_group(5), mask(5), others(0)})));
  EXPECT_EQ(06750u, mode_of("a"));
}

TEST_F(Acl, DecidesForNamedUsersWithinTheMask) {
  EXPECT_OK(chown("a", owner.user, owner.group));
  EXPECT_OK(set_acl("a", acl({the_owner(0), user(stranger.user, 6), the_group(0), mask(7), others(0)})));
  EXPECT_EQ("rw", may(stranger));
  EXPECT_EQ("--", may(owner)) << "the owner's entry is not masked, but it is empty";
  EXPECT_EQ("--", may({1'000, 1'000, {}}));
  EXPECT_OK(set_acl("a", acl({the_owner(6), user(stranger.user, 6), the_group(0), mask(4), others(7)})));
  EXPECT_EQ("r-", may(stranger)) << "the mask takes writing away";
  EXPECT_EQ("rw", may(owner));
  EXPECT_EQ("rw", may({1'000, 1'000, {}})) << "others are not masked";
}

TEST_F(Acl, DecidesForGroupsByWhicheverGrants) {
  EXPECT_OK(chown("a", owner.user, owner.group));
  EXPECT_OK(set_acl("a", acl({the_owner(6), the_group(4), group(team, 2), mask(7), others(7)})));
  const uid_t someone = 1'000;
  EXPECT_EQ("r-", may({someone, owner.group, {}}));
  EXPECT_EQ("-w", may({someone, team, {}}));
  EXPECT_EQ("-w", may({someone, 1'000, {team}}));
  EXPECT_EQ("rw", may({someone, 1'000, {}})) << "others";
  as({someone, owner.group, {team}}, [] {
    EXPECT_OK(opened("a", O_RDONLY).get());
    EXPECT_OK(opened("a", O_WRONLY).get());
    EXPECT_ERRNO(EACCES, open("a", O_RDWR)) << "no single entry grants both";
  });
}

TEST_F(Acl, PutsANamedUserBeforeItsGroups) {
  EXPECT_OK(chown("a", owner.user, owner.group));
  EXPECT_OK(set_acl("a", acl({the_owner(6), user(stranger.user, 0), the_group(7), group(team, 7), mask(7), others(7)})));
  EXPECT_EQ("--", may({stranger.user, owner.group, {team}}));
}

TEST_F(Acl, OpensTheWayThroughDirectories) {
  make_dir("d", 0700);
  make_file("d/a", "text", 0644);
  EXPECT_OK(set_acl("d", acl({the_owner(7), user(stranger.user, 1), the_group(0), mask(1), others(0)})));
  as(stranger, [] {
    EXPECT_EQ("text", content_of("d/a"));
    EXPECT_ERRNO(EACCES, opendir("d"));
  });
  as(owner, [] { EXPECT_ERRNO(EACCES, open("d/a", O_RDONLY)); });
}

TEST_F(Acl, OfDefaultKindIsInheritedByFilesAndNarrowedByTheirMode) {
  make_dir("d", 0777);
  EXPECT_OK(set_acl("d", acl({the_owner(7), user(stranger.user, 7), the_group(5), mask(7), others(4)}), default_acl));
  EXPECT_EQ(0777u, mode_of("d")) << "a default list is not for the directory itself";
  umask(077);
  EXPECT_OK(Fd(open("d/file", O_CREAT | O_RDWR, 0666)).get());
  EXPECT_EQ("u:6 u65534:7 g:5 m:6 o:4", acl_of("d/file")) << "and the umask does not count";
  EXPECT_EQ(0664u, mode_of("d/file"));
  EXPECT_OK(Fd(open("d/narrow", O_CREAT | O_RDWR, 0600)).get());
  EXPECT_EQ("u:6 u65534:7 g:5 m:0 o:0", acl_of("d/narrow"));
  EXPECT_OK(mkfifo("d/fifo", 0666));
  EXPECT_EQ("u:6 u65534:7 g:5 m:6 o:4", acl_of("d/fifo"));
  EXPECT_OK(symlink("x", "d/link"));
  EXPECT_EQ(0777u, mode_of("d/link"));
}

TEST_F(Acl, OfDefaultKindIsInheritedByDirectoriesTwice) {
  make_dir("d", 0777);
  EXPECT_OK(set_acl("d", acl({the_owner(7), user(stranger.user, 5), the_group(5), mask(5), others(0)}), default_acl));
  EXPECT_OK(mkdir("d/e", 0777));
  EXPECT_EQ("u:7 u65534:5 g:5 m:5 o:0", acl_of("d/e"));
  EXPECT_EQ("u:7 u65534:5 g:5 m:5 o:0", acl_of("d/e", default_acl));
  EXPECT_EQ(0750u, mode_of("d/e"));
  EXPECT_OK(mkdir("d/e/f", 0700));
  EXPECT_EQ("u:7 u65534:5 g:5 m:0 o:0", acl_of("d/e/f"));
  EXPECT_EQ("u:7 u65534:5 g:5 m:5 o:0", acl_of("d/e/f", default_acl)) << "as it was, not narrowed";
}

TEST_F(Acl, OfDefaultKindWithThreeEntriesOnlyReplacesTheUmask) {
  make_dir("d", 0777);
  EXPECT_OK(set_acl("d", acl({the_owner(7), the_group(5), others(0)}), default_acl));
  umask(0777);
  EXPECT_OK(Fd(open("d/a", O_CREAT | O_RDWR, 0666)).get());
  EXPECT_EQ(0640u, mode_of("d/a"));
  EXPECT_EQ("none", acl_of("d/a"));
  EXPECT_EQ("u:7 g:5 o:0", acl_of("d", default_acl));
}

TEST_F(Acl, OfDefaultKindIsForDirectoriesOnly) {
  EXPECT_ERRNO(EACCES, set_acl("a", acl({the_owner(7), the_group(5), others(0)}), default_acl));
  EXPECT_EQ("none", acl_of("a", default_acl));
}

TEST_F(Acl, IsGoneAfterItsRemoval) {
  EXPECT_OK(set_acl("a", acl({the_owner(6), user(stranger.user, 6), the_group(4), mask(6), others(0)})));
  EXPECT_OK(removexattr("a", access_acl));
  EXPECT_EQ("none", acl_of("a"));
  make_dir("d");
  EXPECT_OK(set_acl("d", acl({the_owner(7), the_group(5), others(0)}), default_acl));
  EXPECT_OK(removexattr("d", default_acl));
  EXPECT_EQ("none", acl_of("d", default_acl));
  umask(022);
  make_file("d/a");
  EXPECT_EQ(0644u, mode_of("d/a"));
}

TEST_F(Acl, IsRefusedWhenItMakesNoSense) {
  const Entry one = user(stranger.user, 6);
  EXPECT_ERRNO(EINVAL, set_acl("a", acl({the_owner(6), one, the_group(4), others(0)}))) << "no mask";
  EXPECT_ERRNO(EINVAL, set_acl("a", acl({the_owner(6), the_group(4)}))) << "no others";
  EXPECT_ERRNO(EINVAL, set_acl("a", acl({the_owner(6), the_owner(6), the_group(4), others(0)}))) << "two owners";
  EXPECT_ERRNO(EINVAL, set_acl("a", acl({the_group(4), the_owner(6), others(0)}))) << "out of order";
  EXPECT_ERRNO(EINVAL, set_acl("a", acl({the_owner(9), the_group(4), others(0)}))) << "no such permission";
  EXPECT_ERRNO(EINVAL, set_acl("a", acl({the_owner(6), the_group(4), others(0)}) + "x")) << "odd size";
  EXPECT_ERRNO(EOPNOTSUPP, set_acl("a", acl({the_owner(6), the_group(4), others(0)}, 1))) << "unknown version";
  EXPECT_EQ(0640u, mode_of("a"));
  EXPECT_EQ("none", acl_of("a"));
}

TEST_F(Acl, IsSetByTheOwnerOnlyAndReadByAll) {
  EXPECT_OK(chown("a", owner.user, owner.group));
  const std::string list = acl({the_owner(6), user(stranger.user, 6), the_group(4), mask(6), others(0)});
  as(stranger, [&] { EXPECT_ERRNO(EPERM, set_acl("a", list)); });
  as(owner, [&] { EXPECT_OK(set_acl("a", list)); });
  as({1'000, 1'000, {}}, [] { EXPECT_EQ("u:6 u65534:6 g:4 m:6 o:0", acl_of("a")); });
  as(stranger, [] { EXPECT_ERRNO(EPERM, removexattr("a", access_acl)); });
}

TEST_F(Acl, StaysWithTheFileAndMovesItsChangeTime) {
  const Stamps stamps("a");
  EXPECT_OK(set_acl("a", acl({the_owner(6), user(stranger.user, 6), the_group(4), mask(6), others(0)})));
  EXPECT_EQ("c", stamps.moved());
  EXPECT_OK(rename("a", "b"));
  EXPECT_OK(link("b", "a"));
  EXPECT_OK(truncate("a", 1));
  EXPECT_EQ("u:6 u65534:6 g:4 m:6 o:0", acl_of("a"));
}

TEST_F(Acl, IsListedAmongTheAttributes) {
  EXPECT_OK(set_acl("a", acl({the_owner(6), user(stranger.user, 6), the_group(4), mask(6), others(0)})));
  char names[1024];
  const ssize_t size = listxattr("a", names, sizeof names);
  ASSERT_OK(size);
  EXPECT_NE(std::string::npos, std::string(names, static_cast<size_t>(size)).find(access_acl));
  char buffer[8];
  EXPECT_GIVES(4 + 5 * 8, getxattr("a", access_acl, nullptr, 0));
  EXPECT_ERRNO(ERANGE, getxattr("a", access_acl, buffer, sizeof buffer));
}

TEST_F(Acl, HoldsManyEntries) {
  std::string list = acl({the_owner(6)});
  std::string wanted = "u:6";
  for (uint32_t id = 2'000; id < 2'030; ++id) {
    list += acl({user(id, 4)}).substr(4);
    wanted += " u" + std::to_string(id) + ":4";
  }
  list += acl({the_group(4), mask(4), others(0)}).substr(4);
  EXPECT_OK(set_acl("a", list));
  EXPECT_EQ(wanted + " g:4 m:4 o:0", acl_of("a"));
  EXPECT_EQ("r-", may({2'029, 1, {}}));
  EXPECT_EQ("--", may({2'030, 1, {}}));
}

}  // namespace
