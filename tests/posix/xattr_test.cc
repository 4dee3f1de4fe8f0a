// Extended attributes: setxattr(2), getxattr, listxattr, removexattr.
#include <linux/limits.h>
#include <sys/xattr.h>

#include <algorithm>
#include <sstream>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;

int set(const char* path, const std::string& name, const std::string& value, int flags = 0) {
  return setxattr(path, name.c_str(), value.data(), value.size(), flags);
}

std::string value_of(const char* path, const std::string& name) {
  char buffer[XATTR_SIZE_MAX];
  const ssize_t size = lgetxattr(path, name.c_str(), buffer, sizeof buffer);
  EXPECT_OK(size) << name;
  return size < 0 ? "" : std::string(buffer, static_cast<size_t>(size));
}

/// Sorted; without what a security module of the machine adds by itself.
std::vector<std::string> list_of(const char* path) {
  char buffer[XATTR_LIST_MAX];
  const ssize_t size = llistxattr(path, buffer, sizeof buffer);
  EXPECT_OK(size);
  std::istringstream text(std::string(buffer, size < 0 ? 0 : static_cast<size_t>(size)));
  std::vector<std::string> names;
  for (std::string name; std::getline(text, name, '\0');) {
    if (name != "security.selinux") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

using Names = std::vector<std::string>;

class Xattr : public Workspace {
 protected:
  void SetUp() override {
    Workspace::SetUp();
    make_file("a", "text", 0666);
    SKIP_IF_REFUSED("user_xattr", set("a", "user.probe", ""));
    EXPECT_OK(removexattr("a", "user.probe"));
  }
};

TEST_F(Xattr, KeepsValuesOfAllBytesAndOfNone) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_OK(set("a", "user.all", all));
  EXPECT_OK(set("a", "user.none", ""));
  EXPECT_EQ(all, value_of("a", "user.all"));
  EXPECT_EQ("", value_of("a", "user.none"));
  EXPECT_EQ((Names{"user.all", "user.none"}), list_of("a"));
}

TEST_F(Xattr, ReplacesValuesByLongerAndShorterOnes) {
  for (const size_t size : {10, 1'000, 1, 0, 2'000, 500}) {
    EXPECT_OK(set("a", "user.x", pattern(size)));
    EXPECT_TRUE(same_bytes(pattern(size), value_of("a", "user.x")));
  }
}

TEST_F(Xattr, ObeysCreateAndReplace) {
  EXPECT_ERRNO(ENODATA, set("a", "user.x", "1", XATTR_REPLACE));
  EXPECT_OK(set("a", "user.x", "1", XATTR_CREATE));
  EXPECT_ERRNO(EEXIST, set("a", "user.x", "2", XATTR_CREATE));
  EXPECT_EQ("1", value_of("a", "user.x"));
  EXPECT_OK(set("a", "user.x", "3", XATTR_REPLACE));
  EXPECT_EQ("3", value_of("a", "user.x"));
  EXPECT_ERRNO(EINVAL, set("a", "user.x", "4", 0x80));
}

TEST_F(Xattr, IsGoneAfterItsRemoval) {
  EXPECT_OK(set("a", "user.x", "1"));
  EXPECT_OK(removexattr("a", "user.x"));
  EXPECT_ERRNO(ENODATA, getxattr("a", "user.x", nullptr, 0));
  EXPECT_ERRNO(ENODATA, removexattr("a", "user.x"));
  EXPECT_EQ(Names{}, list_of("a"));
}

TEST_F(Xattr, TellsTheSizeAndRefusesBuffersThatAreTooSmall) {
  EXPECT_OK(set("a", "user.x", "12345"));
  char buffer[64];
  EXPECT_GIVES(5, getxattr("a", "user.x", nullptr, 0));
  EXPECT_GIVES(5, getxattr("a", "user.x", buffer, 5));
  EXPECT_ERRNO(ERANGE, getxattr("a", "user.x", buffer, 4));
  const ssize_t size = listxattr("a", nullptr, 0);
  EXPECT_GE(size, 7);
  EXPECT_GIVES(size, listxattr("a", buffer, sizeof buffer));
  EXPECT_ERRNO(ERANGE, listxattr("a", buffer, static_cast<size_t>(size) - 1));
}

TEST_F(Xattr, TakesNamesOfUpTo255Bytes) {
  const std::string longest = "user." + std::string(250, 'n');
  EXPECT_OK(set("a", longest, "1"));
  EXPECT_EQ("1", value_of("a", longest));
  EXPECT_EQ(Names{longest}, list_of("a"));
  EXPECT_ERRNO(ERANGE, set("a", longest + "n", "1"));
  EXPECT_ERRNO(ERANGE, getxattr("a", (longest + "n").c_str(), nullptr, 0));
  EXPECT_ERRNO(ERANGE, set("a", "", "1"));
}

TEST_F(Xattr, RefusesNamesOutsideTheKnownNamespaces) {
  EXPECT_ERRNO(EINVAL, set("a", "user.", "1"));
  EXPECT_ERRNO(EOPNOTSUPP, set("a", "nonsense.x", "1"));
  EXPECT_ERRNO(EOPNOTSUPP, set("a", "plain", "1"));
  EXPECT_ERRNO(EOPNOTSUPP, set("a", "system.nonsense", "1"));
}

TEST_F(Xattr, TellsNamesApartByEveryByte) {
  EXPECT_OK(set("a", "user.x", "lower"));
  EXPECT_OK(set("a", "user.X", "upper"));
  EXPECT_OK(set("a", "user.\xff\n \xc3\xa4", "odd"));
  EXPECT_EQ("lower", value_of("a", "user.x"));
  EXPECT_EQ("upper", value_of("a", "user.X"));
  EXPECT_EQ("odd", value_of("a", "user.\xff\n \xc3\xa4"));
  EXPECT_EQ(3u, list_of("a").size());
}

TEST_F(Xattr, KeepsManyOfThem) {
  Names names;
  for (int i = 100; i < 140; ++i) {
    names.push_back("user.name-" + std::to_string(i));
    EXPECT_OK(set("a", names.back(), pattern(20, static_cast<uint32_t>(i))));
  }
  EXPECT_EQ(names, list_of("a"));
  EXPECT_EQ(pattern(20, 117), value_of("a", "user.name-117"));
  for (const auto& name : names) EXPECT_OK(removexattr("a", name.c_str()));
  EXPECT_EQ(Names{}, list_of("a"));
}

TEST_F(Xattr, TakesValuesOfUpTo64KiBOrSaysThatThereIsNoRoom) {
  const Outcome largest(set("a", "user.x", pattern(XATTR_SIZE_MAX)));
  if (largest.failed) {
    EXPECT_TRUE(largest.error == ENOSPC || largest.error == E2BIG) << errno_name(largest.error);
  } else {
    EXPECT_TRUE(same_bytes(pattern(XATTR_SIZE_MAX), value_of("a", "user.x")));
  }
  EXPECT_ERRNO(E2BIG, set("a", "user.y", pattern(XATTR_SIZE_MAX + 1)));
  EXPECT_ERRNO(ENODATA, getxattr("a", "user.y", nullptr, 0));
}

TEST_F(Xattr, StaysWithTheFileThroughRenameLinkChmodAndWrite) {
  EXPECT_OK(set("a", "user.x", "1"));
  EXPECT_OK(link("a", "b"));
  EXPECT_OK(rename("a", "c"));
  EXPECT_OK(chmod("c", 0600));
  EXPECT_OK(chown("c", 3, 4));
  EXPECT_OK(truncate("c", 1));
  EXPECT_EQ("1", value_of("b", "user.x"));
  EXPECT_EQ("1", value_of("c", "user.x"));
  EXPECT_OK(unlink("b"));
  EXPECT_OK(unlink("c"));
  make_file("a");
  EXPECT_EQ(Names{}, list_of("a")) << "a new file has none";
}

TEST_F(Xattr, IsReachedThroughDescriptors) {
  const Fd fd = opened("a", O_RDONLY);
  EXPECT_OK(fsetxattr(fd, "user.x", "1", 1, 0));
  char buffer[64];
  EXPECT_GIVES(1, fgetxattr(fd, "user.x", buffer, sizeof buffer));
  EXPECT_GIVES(7, flistxattr(fd, buffer, sizeof buffer));
  EXPECT_OK(fremovexattr(fd, "user.x"));
  EXPECT_ERRNO(EBADF, fsetxattr(opened("a", O_PATH), "user.x", "1", 1, 0));
  EXPECT_ERRNO(EBADF, fgetxattr(-1, "user.x", buffer, sizeof buffer));
}

TEST_F(Xattr, BelongsToDirectoriesToo) {
  make_dir("d");
  EXPECT_OK(set("d", "user.x", "1"));
  EXPECT_EQ("1", value_of("d", "user.x"));
  make_file("d/a");
  make_dir("d/e");
  EXPECT_EQ(Names{}, list_of("d/a")) << "and is not inherited";
  EXPECT_EQ(Names{}, list_of("d/e"));
}

TEST_F(Xattr, OfTheUserIsForFilesAndDirectoriesOnly) {
  make_symlink("a", "link");
  make_fifo("fifo");
  EXPECT_OK(set("link", "user.x", "1")) << "followed";
  EXPECT_EQ("1", value_of("a", "user.x"));
  EXPECT_ERRNO(EPERM, lsetxattr("link", "user.x", "1", 1, 0));
  EXPECT_ERRNO(ENODATA, lgetxattr("link", "user.x", nullptr, 0));
  EXPECT_ERRNO(EPERM, set("fifo", "user.x", "1"));
}

TEST_F(Xattr, TrustedIsForRootOnlyAndForEveryKindOfFile) {
  make_symlink("nowhere", "link");
  make_fifo("fifo");
  SKIP_IF_REFUSED("trusted_xattr", set("a", "trusted.x", "1"));
  EXPECT_OK(set("a", "trusted.x", "1"));
  EXPECT_OK(lsetxattr("link", "trusted.x", "2", 1, 0));
  EXPECT_OK(set("fifo", "trusted.x", "3"));
  EXPECT_EQ("2", value_of("link", "trusted.x"));
  EXPECT_EQ("3", value_of("fifo", "trusted.x"));
  EXPECT_EQ(Names{"trusted.x"}, list_of("link"));
  as(stranger, [] {
    EXPECT_ERRNO(ENODATA, getxattr("a", "trusted.x", nullptr, 0));
    EXPECT_ERRNO(EPERM, set("a", "trusted.x", "2"));
    EXPECT_ERRNO(EPERM, removexattr("a", "trusted.x"));
    EXPECT_EQ(Names{}, list_of("a")) << "its name is not told either";
  });
}

TEST_F(Xattr, SecurityIsWrittenByRootAndReadByAll) {
  SKIP_IF_REFUSED("security_xattr", set("a", "security.lace-test", "1"));
  EXPECT_OK(set("a", "security.lace-test", "1"));
  EXPECT_OK(chmod("a", 0));
  as(stranger, [] {
    EXPECT_EQ("1", value_of("a", "security.lace-test"));
    EXPECT_ERRNO(EPERM, set("a", "security.lace-test", "2"));
  });
}

TEST_F(Xattr, OfTheUserNeedsReadPermissionToReadAndWritePermissionToWrite) {
  EXPECT_OK(set("a", "user.x", "1"));
  EXPECT_OK(chmod("a", 0644));
  as(stranger, [] {
    EXPECT_EQ("1", value_of("a", "user.x"));
    EXPECT_ERRNO(EACCES, set("a", "user.x", "2"));
    EXPECT_ERRNO(EACCES, removexattr("a", "user.x"));
  });
  EXPECT_OK(chmod("a", 0622));
  as(stranger, [] {
    EXPECT_ERRNO(EACCES, getxattr("a", "user.x", nullptr, 0));
    EXPECT_OK(set("a", "user.x", "2"));
    EXPECT_EQ(Names{"user.x"}, list_of("a")) << "listing needs no permission on the file";
  });
}

TEST_F(Xattr, OfTheUserOnAStickyDirectoryIsForItsOwner) {
  make_dir("d", 01777);
  EXPECT_OK(set("d", "user.x", "1"));
  as(stranger, [] { EXPECT_ERRNO(EPERM, set("d", "user.x", "2")); });
}

TEST_F(Xattr, SaysWhatIsWrongWithThePath) {
  char buffer[8];
  EXPECT_ERRNO(ENOENT, set("nothing", "user.x", "1"));
  EXPECT_ERRNO(ENOENT, getxattr("nothing", "user.x", buffer, sizeof buffer));
  EXPECT_ERRNO(ENOENT, listxattr("nothing", buffer, sizeof buffer));
  EXPECT_ERRNO(ENOTDIR, removexattr("a/b", "user.x"));
}

}  // namespace
