#include "common/disk/forgetful_disk.h"

#include <gtest/gtest.h>

#include "common/base/ids.h"

namespace lace::disk {
namespace {

std::string content(Disk& disk, const std::string& path, size_t length = 4096) {
  const auto file = disk.open(path, false);
  if (!file) return "(none)";
  std::string bytes(length, '?');
  bytes.resize((*file)->read(0, bytes.data(), length).value_or(0));
  return bytes;
}

TEST(ForgetfulDisk, KeepsWhatWasSynced) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    ForgetfulDisk disk;
    auto file = disk.open("a", true);
    ASSERT_TRUE((*file)->write(0, "synced"));
    ASSERT_TRUE((*file)->sync_data());
    ASSERT_TRUE(disk.sync_directory(""));
    disk.crash(seed);
    EXPECT_EQ(content(disk, "a"), "synced");
  }
}

TEST(ForgetfulDisk, LosesKeepsOrTearsWhatWasNot) {
  bool lost = false;
  bool kept = false;
  bool torn = false;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    ForgetfulDisk disk;
    auto file = disk.open("a", true);
    ASSERT_TRUE((*file)->write(0, std::string(page_bytes, 'a')));
    ASSERT_TRUE((*file)->sync_data());
    ASSERT_TRUE(disk.sync_directory(""));
    ASSERT_TRUE((*file)->write(0, std::string(page_bytes, 'b')));
    disk.crash(seed);
    const std::string now = content(disk, "a");
    if (now == std::string(page_bytes, 'a')) {
      lost = true;
    } else if (now == std::string(page_bytes, 'b')) {
      kept = true;
    } else {
      torn = true;
      EXPECT_EQ(now.find_first_not_of("ab"), now.npos);
    }
  }
  EXPECT_TRUE(lost && kept && torn);
}

TEST(ForgetfulDisk, ForgetsNamesThatWereNotSyncedFromTheLastOn) {
  bool lost = false;
  bool kept = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    ForgetfulDisk disk;
    ASSERT_TRUE(disk.open("first", true));
    ASSERT_TRUE(disk.open("second", true));
    disk.crash(seed);
    const bool first = content(disk, "first") != "(none)";
    const bool second = content(disk, "second") != "(none)";
    EXPECT_TRUE(first || !second) << "a later name is there, an earlier one is not";
    lost |= !first;
    kept |= second;
  }
  EXPECT_TRUE(lost && kept);
}

TEST(ForgetfulDisk, HasAnotherBootAfterACrash) {
  ForgetfulDisk disk;
  const std::string before = *disk.boot_id();
  disk.crash(1);
  EXPECT_NE(*disk.boot_id(), before);
}

TEST(ForgetfulDisk, IsFullAtItsCapacity) {
  ForgetfulDisk disk(4 * page_bytes);
  auto file = disk.open("a", true);
  ASSERT_TRUE((*file)->write(0, std::string(3 * page_bytes, 'x')));
  EXPECT_EQ((*file)->write(3 * page_bytes, std::string(2 * page_bytes, 'x')).error().code, Code::no_space);
  EXPECT_TRUE((*file)->write(0, "in place"));
  ASSERT_TRUE(disk.remove("a"));
  EXPECT_EQ(disk.stored_bytes(), 0u);
}

TEST(ForgetfulDisk, FailsWhenToldTo) {
  ForgetfulDisk disk;
  auto file = disk.open("a", true);
  disk.fail_changes(Code::io, 1, 1);
  EXPECT_TRUE((*file)->write(0, "x"));
  EXPECT_EQ((*file)->write(0, "x").error().code, Code::io);
  EXPECT_TRUE((*file)->write(0, "x"));
}

}  // namespace
}  // namespace lace::disk
