// Attributes: modes, owners, times, extended attributes and access control lists.
#include "tests/unit/control/namespace_fixture.h"

namespace lace::control {
namespace {

using Set = wire::SetAttributes;

class Attributes : public NamespaceTest {
 protected:
  static std::string acl(std::vector<std::array<uint32_t, 3>> entries) {
    std::string bytes("\2\0\0\0", 4);
    const auto put = [&](uint32_t number, int count) {
      for (int i = 0; i < count; ++i) bytes.push_back(static_cast<char>(number >> 8 * i & 0xff));
    };
    for (const auto& [tag, permissions, id] : entries) {
      put(tag, 2);
      put(permissions, 2);
      put(id, 4);
    }
    return bytes;
  }
  static constexpr uint32_t none = 0xffffffff;
  // user::rwx user:1000:rw- group::r-x mask::rw- other::---
  static std::string extended() { return acl({{1, 7, none}, {2, 6, 1000}, {4, 5, none}, {16, 6, none}, {32, 0, none}}); }
  wire::OperationResult set_xattr(InodeId inode, const std::string& name, const std::string& value, bool create = false,
                                  bool replace = false) {
    return run(wire::SetXattr{inode, name, value, create, replace, tick()});
  }
};

TEST_F(Attributes, UmaskIsAppliedToNewFiles) {
  auto create = file(root_inode, "a", S_IFREG | 0666);
  create.umask = 027;
  EXPECT_EQ(run(create).inode.mode, static_cast<uint32_t>(S_IFREG | 0640));
}

TEST_F(Attributes, SetGidDirectoriesGiveTheirGroup) {
  const InodeId d = make(directory(root_inode, "d"));
  auto own = set(d, Set::set_mode | Set::set_gid);
  own.mode = 02755;
  own.gid = 50;
  run(own);
  auto create = file(d, "f");
  create.gid = 7;
  EXPECT_EQ(run(create).inode.gid, 50U);
  const auto sub = run(directory(d, "s")).inode;
  EXPECT_EQ(sub.gid, 50U);
  EXPECT_EQ(sub.mode, static_cast<uint32_t>(S_IFDIR | 02755));
}

TEST_F(Attributes, OnlyNamedAttributesChange) {
  const InodeId f = make(file(root_inode, "f"));
  const auto before = attributes(f);
  auto request = set(f, Set::set_mode);
  request.mode = 04711;
  request.uid = request.gid = 99;
  const auto after = run(request).inode;
  EXPECT_EQ(after.mode, static_cast<uint32_t>(S_IFREG | 04711));
  EXPECT_EQ(after.uid, before.uid);
  EXPECT_EQ(after.modified, before.modified);
  EXPECT_EQ(after.changed, request.now);
  EXPECT_EQ(after.change, before.change + 1);
}

TEST_F(Attributes, TimesKeepNanosecondsAndAnyYear) {
  const InodeId f = make(file(root_inode, "f"));
  auto request = set(f, Set::set_accessed | Set::set_modified);
  request.accessed = {-62'135'596'800, 999'999'999};  // year 1
  request.modified = {253'402'300'799, 1};            // year 9999
  run(request);
  reopen();
  EXPECT_EQ(attributes(f).accessed, request.accessed);
  EXPECT_EQ(attributes(f).modified, request.modified);
}

TEST_F(Attributes, AnAccessTimeAloneChangesNothingElse) {
  const InodeId f = make(file(root_inode, "f"));
  const auto before = attributes(f);
  auto request = set(f, Set::set_accessed | Set::keep_changed);
  request.accessed = {5, 5};
  const auto after = run(request).inode;
  EXPECT_EQ(after.accessed, request.accessed);
  EXPECT_EQ(after.changed, before.changed);
  EXPECT_EQ(after.change, before.change);
}

TEST_F(Attributes, ClearedPrivilegesAreSetIdBitsAndCapabilities) {
  const InodeId f = make(file(root_inode, "f", S_IFREG | 06775));
  set_xattr(f, "security.capability", "x");
  set_xattr(f, "user.a", "x");
  EXPECT_EQ(run(set(f, Set::clear_privileges)).inode.mode, static_cast<uint32_t>(S_IFREG | 0775));
  EXPECT_EQ(*ns_->list_xattrs(f), std::vector<std::string>{"user.a"});
  const InodeId locking = make(file(root_inode, "g", S_IFREG | 06765));
  EXPECT_EQ(run(set(locking, Set::clear_privileges)).inode.mode, static_cast<uint32_t>(S_IFREG | 02765));
  const InodeId d = make(file(root_inode, "d", S_IFDIR | 02775));
  EXPECT_EQ(run(set(d, Set::clear_privileges)).inode.mode, static_cast<uint32_t>(S_IFDIR | 02775));
}

TEST_F(Attributes, SizesCanBeSetOfFilesOnly) {
  const InodeId d = make(directory(root_inode, "d"));
  EXPECT_EQ(code_of(run(truncate(d, 0))), Code::is_directory);
  const InodeId p = make(file(root_inode, "p", S_IFIFO | 0600));
  EXPECT_EQ(code_of(run(truncate(p, 0))), Code::invalid);
  const InodeId f = make(file(root_inode, "f"));
  EXPECT_EQ(code_of(run(truncate(f, max_file_bytes + 1))), Code::file_too_big);
  const auto grown = run(truncate(f, max_file_bytes)).inode;
  EXPECT_EQ(grown.size, max_file_bytes);
  EXPECT_EQ(grown.stored, 0U);
  EXPECT_EQ(grown.modified, grown.changed);
  EXPECT_EQ(code_of(run(truncate(InodeId{99}, 0))), Code::stale_handle);
}

TEST_F(Attributes, ExtendedAttributesAreSetReadAndRemoved) {
  const InodeId f = make(file(root_inode, "f"));
  EXPECT_EQ(ns_->get_xattr(f, "user.a").error().code, Code::no_data);
  EXPECT_EQ(code_of(set_xattr(f, "user.a", "1", false, true)), Code::no_data);
  EXPECT_TRUE(set_xattr(f, "user.a", "1").inode.has_xattr);
  EXPECT_EQ(code_of(set_xattr(f, "user.a", "2", true, false)), Code::exists);
  EXPECT_EQ(code_of(set_xattr(f, "user.a", "", false, true)), done);
  EXPECT_EQ(*ns_->get_xattr(f, "user.a"), "");
  EXPECT_EQ(code_of(run(wire::RemoveXattr{f, "user.b", tick()})), Code::no_data);
  EXPECT_FALSE(run(wire::RemoveXattr{f, "user.a", tick()}).inode.has_xattr);
  EXPECT_TRUE(ns_->list_xattrs(f)->empty());
}

TEST_F(Attributes, ExtendedAttributesHaveLimits) {
  const InodeId f = make(file(root_inode, "f"));
  EXPECT_EQ(code_of(set_xattr(f, "user." + std::string(251, 'x'), "1")), Code::out_of_range);
  EXPECT_EQ(code_of(set_xattr(f, "user.big", std::string(65'537, 'x'))), Code::out_of_range);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(code_of(set_xattr(f, "user." + std::to_string(i), std::string(65'536, 'x'))), done);
  EXPECT_EQ(code_of(set_xattr(f, "user.one more", "x")), Code::no_space);
  EXPECT_EQ(code_of(set_xattr(f, "user.3", "smaller")), done);
  EXPECT_EQ(ns_->get_xattr(f, "user.4")->size(), 65'536U);
}

TEST_F(Attributes, AnAccessListSetsTheMode) {
  const InodeId f = make(file(root_inode, "f"));
  const auto result = set_xattr(f, "system.posix_acl_access", extended());
  EXPECT_EQ(result.inode.mode, static_cast<uint32_t>(S_IFREG | 0760));
  EXPECT_TRUE(result.inode.has_acl);
  EXPECT_EQ(*ns_->get_xattr(f, "system.posix_acl_access"), extended());
}

TEST_F(Attributes, AListThatSaysWhatTheModeSaysIsNotKept) {
  const InodeId f = make(file(root_inode, "f"));
  set_xattr(f, "system.posix_acl_access", extended());
  const auto result = set_xattr(f, "system.posix_acl_access", acl({{1, 6, none}, {4, 4, none}, {32, 4, none}}));
  EXPECT_EQ(result.inode.mode, static_cast<uint32_t>(S_IFREG | 0644));
  EXPECT_FALSE(result.inode.has_acl);
  EXPECT_EQ(ns_->get_xattr(f, "system.posix_acl_access").error().code, Code::no_data);
}

TEST_F(Attributes, ChangingTheModeChangesTheMask) {
  const InodeId f = make(file(root_inode, "f"));
  set_xattr(f, "system.posix_acl_access", extended());
  auto request = set(f, Set::set_mode);
  request.mode = 0641;
  run(request);
  EXPECT_EQ(*ns_->get_xattr(f, "system.posix_acl_access"),
            acl({{1, 6, none}, {2, 6, 1000}, {4, 5, none}, {16, 4, none}, {32, 1, none}}));
}

TEST_F(Attributes, ADefaultListIsInherited) {
  const InodeId d = make(directory(root_inode, "d"));
  EXPECT_EQ(code_of(set_xattr(d, "system.posix_acl_default", extended())), done);
  auto create = file(d, "f", S_IFREG | 0666);
  create.umask = 077;
  const auto made = run(create).inode;
  EXPECT_EQ(made.mode, static_cast<uint32_t>(S_IFREG | 0660));  // no umask
  EXPECT_TRUE(made.has_acl);
  EXPECT_EQ(*ns_->get_xattr(made.inode, "system.posix_acl_access"),
            acl({{1, 6, none}, {2, 6, 1000}, {4, 5, none}, {16, 6, none}, {32, 0, none}}));
  EXPECT_EQ(ns_->get_xattr(made.inode, "system.posix_acl_default").error().code, Code::no_data);
  const auto sub = run(directory(d, "s")).inode;
  EXPECT_EQ(*ns_->get_xattr(sub.inode, "system.posix_acl_default"), extended());
  auto link = file(d, "l", S_IFLNK | 0777);
  link.target = "x";
  EXPECT_FALSE(run(link).inode.has_acl);
}

TEST_F(Attributes, AMinimalDefaultListGivesAModeOnly) {
  const InodeId d = make(directory(root_inode, "d"));
  set_xattr(d, "system.posix_acl_default", acl({{1, 7, none}, {4, 5, none}, {32, 0, none}}));
  auto create = file(d, "f", S_IFREG | 0666);
  create.umask = 0777;
  const auto made = run(create).inode;
  EXPECT_EQ(made.mode, static_cast<uint32_t>(S_IFREG | 0640));
  EXPECT_FALSE(made.has_acl);
}

TEST_F(Attributes, BadListsAreRefused) {
  const InodeId f = make(file(root_inode, "f"));
  for (const std::string& bad :
       {std::string("\3\0\0\0\0\0\0\0\0\0\0\0", 12), std::string("\2\0\0\0\1\0\0", 7), acl({{1, 7, none}, {4, 5, none}}),
        acl({{4, 5, none}, {1, 7, none}, {32, 0, none}}), acl({{1, 7, none}, {2, 7, 5}, {4, 5, none}, {32, 0, none}}),
        acl({{1, 8, none}, {4, 5, none}, {32, 0, none}}), acl({{1, 7, none}, {4, 5, none}, {64, 0, none}})}) {
    EXPECT_EQ(code_of(set_xattr(f, "system.posix_acl_access", bad)), Code::invalid);
  }
  EXPECT_EQ(code_of(set_xattr(f, "system.posix_acl_default", extended())), Code::access);
}

TEST_F(Attributes, TakingAwayAListThatIsNotThereSucceeds) {
  const InodeId f = make(file(root_inode, "f"));
  EXPECT_EQ(code_of(run(wire::RemoveXattr{f, "system.posix_acl_access", tick()})), done);
  EXPECT_EQ(code_of(set_xattr(f, "system.posix_acl_access", std::string("\2\0\0\0", 4))), done);
  EXPECT_FALSE(attributes(f).has_acl);
}

TEST_F(Attributes, AreGoneWithTheInode) {
  const InodeId f = make(file(root_inode, "f"));
  set_xattr(f, "user.a", "1");
  run(remove(root_inode, "f"));
  EXPECT_EQ(ns_->get_xattr(f, "user.a").error().code, Code::stale_handle);
}

}  // namespace
}  // namespace lace::control
