// What every Disk does, the real one and the one that forgets.
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/ids.h"
#include "common/disk/forgetful_disk.h"

namespace lace::disk {
namespace {

using testing::UnorderedElementsAre;

class DiskContract : public testing::TestWithParam<bool> {
 protected:
  DiskContract() {
    if (!GetParam()) {
      disk_ = std::make_unique<ForgetfulDisk>();
      return;
    }
    std::string pattern = std::filesystem::temp_directory_path() / "lace-disk-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    disk_ = make_system_disk(directory_);
  }
  ~DiskContract() override {
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }

  std::string read(File& file, uint64_t offset, size_t length) {
    std::string bytes(length, '?');
    const auto got = file.read(offset, bytes.data(), length);
    EXPECT_TRUE(got) << got.error().what;
    bytes.resize(got.value_or(0));
    return bytes;
  }

  std::string directory_;
  std::unique_ptr<Disk> disk_;
};

TEST_P(DiskContract, ReadsWhatWasWritten) {
  const auto file = disk_->open("a", true);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->write(5000, "hello"));
  EXPECT_EQ(read(**file, 5000, 5), "hello");
  EXPECT_EQ(read(**file, 4998, 4), std::string("\0\0he", 4));
}

TEST_P(DiskContract, ReadsShortOnlyAtTheEnd) {
  const auto file = disk_->open("a", true);
  ASSERT_TRUE((*file)->write(0, "12345"));
  EXPECT_EQ(read(**file, 3, 10), "45");
  EXPECT_EQ(read(**file, 5, 10), "");
  EXPECT_EQ(read(**file, 100, 10), "");
}

TEST_P(DiskContract, ReadsFromTheCacheWhatWasJustWritten) {
  const auto file = disk_->open("a", true);
  ASSERT_TRUE((*file)->write(0, std::string(10'000, 'x')));
  std::string bytes(10'000, '?');
  const auto got = (*file)->read_cached(0, bytes.data(), bytes.size());
  if (!got) {
    ASSERT_EQ(got.error().code, Code::try_again);  // a file system that can't tell
    return;
  }
  EXPECT_EQ(*got, 10'000u);
  EXPECT_EQ(bytes, std::string(10'000, 'x'));
}

TEST_P(DiskContract, TruncatesBothWaysAndForgetsWhatWasCut) {
  const auto file = disk_->open("a", true);
  ASSERT_TRUE((*file)->write(0, std::string(9000, 'x')));
  ASSERT_TRUE((*file)->truncate(10));
  EXPECT_EQ(*(*file)->size(), 10u);
  ASSERT_TRUE((*file)->truncate(9000));
  EXPECT_EQ(*(*file)->size(), 9000u);
  EXPECT_EQ(read(**file, 0, 12), std::string(10, 'x') + std::string(2, '\0'));
}

TEST_P(DiskContract, PunchesHolesThatReadAsZeroAndTakeNoSpace) {
  const auto file = disk_->open("a", true);
  ASSERT_TRUE((*file)->write(0, std::string(64 * page_bytes, 'x')));
  ASSERT_TRUE((*file)->sync_data());
  const uint64_t before = *(*file)->stored_bytes();
  ASSERT_TRUE((*file)->punch(16 * page_bytes, 32 * page_bytes));
  EXPECT_EQ(*(*file)->size(), 64 * page_bytes);
  EXPECT_EQ(read(**file, 16 * page_bytes, 32 * page_bytes), std::string(32 * page_bytes, '\0'));
  EXPECT_EQ(read(**file, 16 * page_bytes - 1, 1), "x");
  EXPECT_EQ(read(**file, 48 * page_bytes, 1), "x");
  EXPECT_LT(*(*file)->stored_bytes(), before);
}

TEST_P(DiskContract, SaysWhatIsMissing) {
  const auto file = disk_->open("none", false);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::no_entry);
  EXPECT_EQ(disk_->remove("none").error().code, Code::no_entry);
  EXPECT_EQ(disk_->rename("none", "other").error().code, Code::no_entry);
  EXPECT_EQ(disk_->list("none").error().code, Code::no_entry);
}

TEST_P(DiskContract, MakesDirectoriesWithParentsTwice) {
  ASSERT_TRUE(disk_->make_directory("a/b/c"));
  ASSERT_TRUE(disk_->make_directory("a/b/c"));
  ASSERT_TRUE(disk_->open("a/b/c/file", true));
  EXPECT_THAT(*disk_->list("a/b/c"), UnorderedElementsAre("file"));
  EXPECT_THAT(*disk_->list("a"), UnorderedElementsAre("b"));
  EXPECT_TRUE(disk_->sync_directory("a/b/c"));
}

TEST_P(DiskContract, RenamesOverWhatIsThere) {
  ASSERT_TRUE((*disk_->open("a", true))->write(0, "new"));
  ASSERT_TRUE((*disk_->open("b", true))->write(0, "older"));
  ASSERT_TRUE(disk_->rename("a", "b"));
  EXPECT_EQ(read(**disk_->open("b", false), 0, 10), "new");
  EXPECT_FALSE(disk_->open("a", false));
}

TEST_P(DiskContract, AnOpenFileLivesOnWithoutItsName) {
  const auto file = disk_->open("a", true);
  ASSERT_TRUE((*file)->write(0, "still here"));
  ASSERT_TRUE(disk_->remove("a"));
  EXPECT_EQ(read(**file, 0, 10), "still here");
}

TEST_P(DiskContract, KnowsItsSpaceAndItsBoot) {
  const auto usage = disk_->usage();
  ASSERT_TRUE(usage);
  EXPECT_GT(usage->capacity_bytes, 0u);
  EXPECT_LE(usage->available_bytes, usage->capacity_bytes);
  EXPECT_FALSE(disk_->boot_id()->empty());
  EXPECT_EQ(*disk_->boot_id(), *disk_->boot_id());
}

TEST(FileSystemName, IsTheSameForAllDirectoriesOnOne) {
  std::string pattern = std::filesystem::temp_directory_path() / "lace-disk-XXXXXX";
  const std::string directory = ::mkdtemp(pattern.data());
  EXPECT_FALSE(name_of_file_system(directory).empty());
  EXPECT_EQ(name_of_file_system(directory), name_of_file_system(std::filesystem::temp_directory_path()));
  EXPECT_NE(name_of_file_system(directory), name_of_file_system("/proc"));
  EXPECT_EQ(name_of_file_system(directory + "/nowhere"), "");
  std::filesystem::remove_all(directory);
}

INSTANTIATE_TEST_SUITE_P(Disks, DiskContract, testing::Bool(),
                         [](const auto& which) { return which.param ? "System" : "Forgetful"; });

}  // namespace
}  // namespace lace::disk
