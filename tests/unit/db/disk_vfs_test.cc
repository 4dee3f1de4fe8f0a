// A database on a disk that forgets what was not synced.
#include "common/db/disk_vfs.h"

#include <gtest/gtest.h>

#include "common/db/database.h"
#include "common/disk/forgetful_disk.h"

namespace lace::db {
namespace {

class DiskVfsTest : public testing::Test {
 protected:
  void open(Synchronous synchronous = Synchronous::full) {
    vfs_ = std::make_unique<DiskVfs>(disk_);
    DatabaseOptions options;
    options.vfs = vfs_->name();
    options.synchronous = synchronous;
    options.checkpoint_pages = 8;  // so that checkpoints are cut short, too
    auto opened = Database::open("test.db", options);
    ASSERT_TRUE(opened) << opened.error().what;
    database_ = std::move(*opened);
    database_->run("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, text BLOB)");
  }
  void lose_power(uint64_t seed) {
    vfs_->unplug();
    disk_.crash(seed);
    database_.reset();
    vfs_.reset();
  }
  Status insert(int id) {
    return guarded([&] { database_->run("INSERT INTO t VALUES(" + std::to_string(id) + ", zeroblob(3000))"); });
  }
  int64_t count() { return database_->number("SELECT count(*) FROM t"); }
  void expect_whole() {
    EXPECT_EQ(database_->number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
  }

  disk::ForgetfulDisk disk_;
  std::unique_ptr<DiskVfs> vfs_;
  std::unique_ptr<Database> database_;
};

TEST_F(DiskVfsTest, WhatWasCommittedSurvivesEveryPowerFailure) {
  int committed = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    ASSERT_NO_FATAL_FAILURE(open());
    ASSERT_EQ(count(), committed) << "seed " << seed;
    expect_whole();
    for (uint64_t i = 0; i < seed % 7; ++i) {
      ASSERT_TRUE(insert(committed));
      ++committed;
    }
    database_->begin();
    ASSERT_TRUE(insert(committed));
    lose_power(seed);
  }
}

TEST_F(DiskVfsTest, WithoutSyncsOnlyAPrefixIsPromised) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    ASSERT_NO_FATAL_FAILURE(open(Synchronous::normal));
    expect_whole();
    const int64_t present = count();
    EXPECT_EQ(database_->number("SELECT coalesce(max(id) + 1, 0) FROM t"), present);
    for (int64_t i = 0; i < 5; ++i) ASSERT_TRUE(insert(static_cast<int>(present + i)));
    lose_power(seed);
  }
}

TEST_F(DiskVfsTest, AFullDiskIsSaidAndNothingIsLost) {
  ASSERT_NO_FATAL_FAILURE(open());
  ASSERT_TRUE(insert(0));
  disk_.set_capacity(disk_.stored_bytes() + 20'000);
  int id = 1;
  Status status;
  while ((status = insert(id))) ASSERT_LT(++id, 100);
  EXPECT_EQ(status.error().code, Code::no_space);
  EXPECT_EQ(count(), id);
  disk_.set_capacity(uint64_t{1} << 30);
  EXPECT_TRUE(insert(id));
  expect_whole();
}

TEST_F(DiskVfsTest, AFailingDiskIsAnError) {
  ASSERT_NO_FATAL_FAILURE(open());
  ASSERT_TRUE(insert(0));
  disk_.fail_changes(Code::io, 0, 1);
  const Status failed = insert(1);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::io);
  EXPECT_TRUE(insert(1));
  expect_whole();
}

}  // namespace
}  // namespace lace::db
