#include "common/config/data_directory.h"

#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lace::config {
namespace {

using testing::HasSubstr;

class DataDirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/lace-data-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    path_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(path_); }
  void put(const char* name, const std::string& content) { std::ofstream(path_ + '/' + name) << content; }
  std::string error_of_open(std::string_view role = "storage", std::string_view name = "storage-1") {
    auto opened = DataDirectory::open(path_, role, name);
    return opened ? "none" : opened.error().what;
  }
  std::string path_;
};

TEST_F(DataDirectoryTest, BecomesOneOfAClusterAndKeepsThat) {
  {
    auto directory = DataDirectory::open(path_, "storage", "storage-1");
    ASSERT_TRUE(directory) << directory.error().what;
    EXPECT_EQ(directory->identity().cluster, "");
    ASSERT_TRUE(directory->join("c1", 7));
  }
  auto again = DataDirectory::open(path_, "storage", "");
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(again->identity().cluster, "c1");
  EXPECT_EQ(again->identity().name, "storage-1");
  EXPECT_EQ(again->identity().id, 7u);
  const auto other = again->join("c2", 1);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::denied);
  EXPECT_THAT(other.error().what, HasSubstr("belongs to cluster c1"));
}

TEST_F(DataDirectoryTest, IsUsedByOneProcessOnly) {
  auto directory = DataDirectory::open(path_, "storage", "storage-1");
  ASSERT_TRUE(directory);
  EXPECT_THAT(error_of_open(), HasSubstr("already running, pid " + std::to_string(getpid())));
}

TEST_F(DataDirectoryTest, OfAnotherRoleNameOrFormatIsRefused) {
  ASSERT_EQ(error_of_open(), "none");
  EXPECT_THAT(error_of_open("control", "control-1"), HasSubstr("belongs to a storage server (storage-1)"));
  EXPECT_THAT(error_of_open("storage", "storage-2"), HasSubstr("--name storage-1"));
  put("lace.json", R"({"format": 2})");
  EXPECT_THAT(error_of_open(), HasSubstr("format 2"));
}

TEST_F(DataDirectoryTest, WithBrokenIdentityIsRefusedAndLeftAlone) {
  for (const char* content : {"", "{", "[]", R"({"format": "1"})", R"({"format": 1})"}) {
    put("lace.json", content);
    EXPECT_THAT(error_of_open(), HasSubstr("lace.json is broken")) << content;
    std::string still;
    std::getline(std::ifstream(path_ + "/lace.json"), still);
    EXPECT_EQ(still, content);
  }
}

TEST_F(DataDirectoryTest, WithForeignFilesIsRefused) {
  put("photo.jpg", "x");
  EXPECT_THAT(error_of_open(), HasSubstr("holds 'photo.jpg'"));
}

TEST_F(DataDirectoryTest, ThatIsMissingOrAFileIsRefused) {
  const auto missing = DataDirectory::open(path_ + "/none", "storage", "s");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().what, HasSubstr("mkdir -p"));
  put("file", "");
  const auto file = DataDirectory::open(path_ + "/file", "storage", "s");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().what, HasSubstr("not a directory"));
}

TEST_F(DataDirectoryTest, OnAReadOnlyDiskIsRefused) {
  if (geteuid() != 0 || mount("tmpfs", path_.c_str(), "tmpfs", MS_RDONLY, "") != 0) GTEST_SKIP() << "needs to mount a tmpfs";
  const std::string error = error_of_open();
  umount2(path_.c_str(), MNT_DETACH);
  EXPECT_THAT(error, HasSubstr("read-only"));
}

}  // namespace
}  // namespace lace::config
