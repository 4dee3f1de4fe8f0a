// fsync of bytes that lie where the file has some already.
#include "tests/unit/client/mounted.h"

namespace lace::test {
namespace {

class Overwriting : public Mounted {
 protected:
  void SetUp() override {
    Mounted::SetUp();
    auto context = this->context();
    ASSERT_TRUE(fs_->attributes(context, root_inode));
    ASSERT_TRUE(fs_->read_directory(context, root_inode, 0, 1'000, true));
    file_ = create("file");
    expected_ = pattern(300'000);
    write(file_.handle, 0, expected_);
    ASSERT_TRUE(sync(file_.handle));
    cluster_.reset_counts();
  }
  void overwrite(uint64_t offset, const std::string& bytes) {
    write(file_.handle, offset, bytes);
    expected_.replace(offset, bytes.size(), bytes);
  }
  Status sync_data() {
    auto context = this->context();
    return fs_->sync(context, file_.handle, true);
  }
  void expect_durable() {
    EXPECT_TRUE(cluster_.content(inode()) == expected_);
    EXPECT_EQ(cluster_.unsynced_blocks(inode()), 0u);
  }
  InodeId inode() const { return file_.attributes.inode; }

  fs::Opened file_;
  std::string expected_;
};

TEST_F(Overwriting, TakesOneMessageToSyncTheData) {
  overwrite(10'000, pattern(4'096, 7));
  ASSERT_TRUE(sync_data());
  expect_durable();
  EXPECT_EQ(cluster_.requests(wire::Kind::write_block), 1u);
  EXPECT_EQ(cluster_.requests(wire::Kind::sync_blocks), 0u);
}

TEST_F(Overwriting, TellsTheTimeWithASyncOfEverything) {
  const auto before = cluster_.attributes(inode()).modified;
  auto context = this->context();
  ASSERT_TRUE(fs_->attributes(context, inode()));  // somebody looks: the next write has a time of its own
  overwrite(10'000, pattern(4'096, 7));
  ASSERT_TRUE(sync(file_.handle));
  expect_durable();
  EXPECT_EQ(cluster_.requests(wire::Kind::sync_blocks), 0u);
  EXPECT_GT(cluster_.attributes(inode()).modified, before);
  EXPECT_EQ(cluster_.attributes(inode()).modified, stat(inode()).modified);
}

TEST_F(Overwriting, TellsTheTimeLaterWhereOnlyTheDataHadToBeSynced) {
  auto context = this->context();
  ASSERT_TRUE(fs_->attributes(context, inode()));
  overwrite(10'000, pattern(4'096, 7));
  ASSERT_TRUE(sync_data());
  const auto shown = stat(inode()).modified;
  tell();
  EXPECT_EQ(cluster_.attributes(inode()).modified, shown);
}

TEST_F(Overwriting, TellsTheTimeOfEachWriteHoweverFastTheyCome) {
  auto last = cluster_.attributes(inode()).modified;
  for (int round = 0; round < 20; ++round) {
    overwrite(4'096, pattern(4'096, static_cast<unsigned>(round)));
    ASSERT_TRUE(sync(file_.handle));
    EXPECT_GT(cluster_.attributes(inode()).modified, last);
    last = cluster_.attributes(inode()).modified;
  }
  expect_durable();
}

TEST_F(Overwriting, AsksForASyncWhereTheDisksAreTooSlowToDoItWithTheWrite) {
  cluster_.set_syncs_with_writes(false);
  overwrite(10'000, pattern(4'096, 7));
  ASSERT_TRUE(sync_data());
  expect_durable();
  EXPECT_GT(cluster_.requests(wire::Kind::sync_blocks), 0u);
}

TEST_F(Overwriting, StoresInItsTurnWhatTheServersDidNotTakeAtOnce) {
  auto failures = std::make_shared<std::atomic<int>>(0);
  cluster_.set_before([failures](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (request.kind != wire::Kind::write_block || ++*failures > 1) return std::nullopt;
    return Error{Code::no_space, "full"};
  });
  overwrite(10'000, pattern(4'096, 7));
  ASSERT_TRUE(sync_data());
  expect_durable();
  EXPECT_EQ(*failures, 2);
  EXPECT_TRUE(read(file_.handle, 0, expected_.size()) == expected_);
}

TEST_F(Overwriting, WaitsForTheLogWhereTheFileBecameLongerBefore) {
  overwrite(10'000, pattern(4'096, 7));
  write(file_.handle, expected_.size(), pattern(5'000, 8));
  expected_ += pattern(5'000, 8);
  auto context = this->context();
  ASSERT_TRUE(fs_->flush(context, file_.handle));  // content is in the log
  overwrite(20'000, pattern(4'096, 9));
  ASSERT_TRUE(sync_data());
  expect_durable();
  EXPECT_EQ(cluster_.attributes(inode()).size, expected_.size());
}

TEST_F(Overwriting, BringsNewBytesToStableStorageWithOneMessageToo) {
  write(file_.handle, expected_.size(), pattern(5'000, 8));
  expected_ += pattern(5'000, 8);
  ASSERT_TRUE(sync_data());
  expect_durable();
  EXPECT_EQ(cluster_.attributes(inode()).size, expected_.size());
  EXPECT_EQ(cluster_.requests(wire::Kind::sync_blocks), 0u);
  EXPECT_EQ(cluster_.requests(wire::Kind::commit), 1u);
}

}  // namespace
}  // namespace lace::test
