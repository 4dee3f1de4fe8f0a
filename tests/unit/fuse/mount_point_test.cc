#include "fs/fuse/mount_point.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lace::fs::fuse {
namespace {

using testing::HasSubstr;

class MountPointTest : public testing::Test {
 protected:
  MountPointTest() {
    std::string name = (std::filesystem::temp_directory_path() / "lace-mount-point-XXXXXX").string();
    directory = ::mkdtemp(name.data());
  }
  ~MountPointTest() override { std::filesystem::remove_all(directory); }
  std::string wrong(const std::string& path) {
    const auto checked = check_mount_point(path, false);
    return checked ? "" : checked.error().what;
  }
  std::string directory;
};

TEST(Mountinfo, IsTakenApart) {
  const auto entries = parse_mountinfo(
      "22 1 8:1 / / rw,relatime shared:1 master:2 - ext4 /dev/root rw\n"
      "57 22 0:57 / /mnt/with\\040space rw,nosuid - fuse.lace lace rw,user_id=0\n");
  ASSERT_EQ(2u, entries.size());
  EXPECT_EQ("ext4", entries[0].type);
  EXPECT_EQ("/mnt/with space", entries[1].mount_point);
  EXPECT_EQ("fuse.lace", entries[1].type);
  EXPECT_EQ("0:57", entries[1].device);
}

TEST_F(MountPointTest, IsAnEmptyDirectory) {
  std::filesystem::create_symlink(directory, directory + "-link");
  const auto checked = check_mount_point(directory + "-link/../" + std::filesystem::path(directory).filename().string(), false);
  std::filesystem::remove(directory + "-link");
  ASSERT_TRUE(checked) << checked.error().what;
  EXPECT_EQ(std::filesystem::canonical(directory), *checked);
}

TEST_F(MountPointTest, ThatIsMissingIsToBeMade) { EXPECT_THAT(wrong(directory + "/none"), HasSubstr("mkdir")); }

TEST_F(MountPointTest, IsNoFile) {
  std::ofstream(directory + "/file") << "x";
  EXPECT_THAT(wrong(directory + "/file"), HasSubstr("not a directory"));
}

TEST_F(MountPointTest, WithContentNeedsAWord) {
  std::ofstream(directory + "/file") << "x";
  EXPECT_THAT(wrong(directory), HasSubstr("nonempty"));
  EXPECT_TRUE(check_mount_point(directory, true));
}

TEST(MountPoint, IsNoMountPoint) {
  const auto checked = check_mount_point("/proc", true);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().what, HasSubstr("umount /proc"));
}

}  // namespace
}  // namespace lace::fs::fuse
