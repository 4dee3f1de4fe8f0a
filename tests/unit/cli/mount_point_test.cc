#include "fs/cli/mount_point.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lace::cli {
namespace {

using testing::HasSubstr;

class MountPointTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(top_); }
  void TearDown() override { std::filesystem::remove_all(top_); }
  std::string top_ = testing::TempDir() + "lace mount point " + std::to_string(getpid());
};

TEST_F(MountPointTest, MustBeAnEmptyDirectory) {
  EXPECT_TRUE(check_mount_point(top_, false));
  EXPECT_THAT(check_mount_point(top_ + "/none", false).error().what, HasSubstr("mkdir -p"));
  std::ofstream(top_ + "/file") << "x";
  EXPECT_EQ(check_mount_point(top_ + "/file", false).error().code, Code::not_directory);
  EXPECT_EQ(check_mount_point(top_, false).error().code, Code::not_empty);
  EXPECT_TRUE(check_mount_point(top_, true));
}

TEST_F(MountPointTest, MustNotHaveAMountAlready) {
  if (geteuid() != 0 || mount("tmpfs", top_.c_str(), "tmpfs", 0, "") != 0) GTEST_SKIP() << "needs to mount a tmpfs";
  const auto busy = check_mount_point(top_, false);
  const auto mounted = mount_at(top_);
  const auto done = unmount(top_, false);
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code, Code::busy);
  ASSERT_TRUE(mounted);
  EXPECT_EQ(mounted->type, "tmpfs");
  EXPECT_TRUE(done);
  EXPECT_FALSE(mount_at(top_));
}

TEST_F(MountPointTest, IsNamedByItsRealPath) {
  std::filesystem::create_directory_symlink(top_, top_ + ".link");
  EXPECT_EQ(real_path(top_ + ".link/"), top_);
  EXPECT_EQ(real_path(top_ + ".link/new"), top_ + "/new");
  EXPECT_EQ(real_path(top_ + "/./x/.."), top_);
  std::filesystem::remove(top_ + ".link");
}

TEST_F(MountPointTest, KnowsWhoUsesIt) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(top_);
  const pid_t child = fork();
  if (child == 0) pause(), _exit(0);
  std::filesystem::current_path(before);
  EXPECT_THAT(users_of(top_), testing::Contains(HasSubstr("(pid " + std::to_string(child) + ")")));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace lace::cli
