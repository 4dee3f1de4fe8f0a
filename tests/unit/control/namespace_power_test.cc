// The namespace on a disk that forgets and fails: what was answered is there, once, and nothing is half done.
#include <random>

#include "common/db/disk_vfs.h"
#include "common/disk/forgetful_disk.h"
#include "tests/unit/control/namespace_fixture.h"

namespace lace::control {
namespace {

class NamespaceOnBadDisk : public testing::TestWithParam<uint64_t> {
 protected:
  void open() {
    vfs_ = std::make_unique<db::DiskVfs>(disk_);
    NamespaceOptions options;
    options.vfs = vfs_->name();
    ASSERT_TRUE(disk_.make_directory("control"));
    ASSERT_TRUE(disk_.sync_directory(""));
    auto opened = Namespace::open("control", options);
    ASSERT_TRUE(opened) << opened.error().what;
    ns_ = std::move(*opened);
  }
  void lose_power() {
    vfs_->unplug();
    disk_.crash(random_());
    ns_.reset();
    vfs_.reset();
  }
  wire::Commit commit_of(uint64_t number) {
    wire::Commit commit{session_, 0, number, {}};
    for (uint64_t i = 0; i < 20; ++i) {
      wire::Create create;
      create.parent = root_inode;
      create.name = std::to_string(number) + "-" + std::to_string(i);
      create.mode = S_IFREG | 0644;
      commit.operations.push_back(create);
    }
    if (number > 1) commit.operations.push_back(wire::Remove{root_inode, std::to_string(number - 1) + "-3", false, {}});
    return commit;
  }
  // Whether it was answered, and as what.
  bool send(uint64_t number, bool& repeated) {
    if (!ns_->begin()) return false;
    const auto outcome = ns_->apply(commit_of(number));
    if (!ns_->commit() || !outcome) return false;
    repeated = outcome->repeated;
    for (const auto& result : outcome->reply.results) EXPECT_EQ(code_of(result), done) << result.outcome.what;
    return true;
  }
  void expect_sound() {
    const auto findings = ns_->check();
    ASSERT_TRUE(findings) << findings.error().what;
    EXPECT_EQ(*findings, std::vector<std::string>{});
  }

  std::mt19937_64 random_{GetParam()};
  disk::ForgetfulDisk disk_;
  std::unique_ptr<db::DiskVfs> vfs_;
  std::unique_ptr<Namespace> ns_;
  SessionId session_{};
};

TEST_P(NamespaceOnBadDisk, KeepsWhatItAnsweredAndDoesItOnce) {
  ASSERT_NO_FATAL_FAILURE(open());
  ASSERT_TRUE(ns_->begin());
  session_ = *ns_->create_session({});
  ASSERT_TRUE(ns_->commit());
  uint64_t answered = 0;
  for (int life = 0; life < 12; ++life) {
    for (uint64_t i = random_() % 6; i > 0; --i) {
      bool repeated = false;
      ASSERT_TRUE(send(answered + 1, repeated));
      EXPECT_FALSE(repeated);
      ++answered;
    }
    disk_.fail_changes(Code::io, random_() % 12, 1);
    bool repeated = false;
    if (send(answered + 1, repeated)) ++answered;  // or not, or done and not answered
    if (random_() % 2 == 0) lose_power();
    disk_.fail_changes(Code::io, 0, 0);
    ns_.reset();
    vfs_.reset();
    ASSERT_NO_FATAL_FAILURE(open());
    ASSERT_NO_FATAL_FAILURE(expect_sound());
    ASSERT_TRUE(send(answered + 1, repeated));  // done now, or found done: the client can't tell, and need not
    ++answered;
    ASSERT_TRUE(send(answered, repeated));
    EXPECT_TRUE(repeated);
    EXPECT_EQ(ns_->counts().inodes, 1 + 20 * answered - (answered - 1));
    EXPECT_EQ(ns_->counts().applied, answered);
  }
}

TEST_P(NamespaceOnBadDisk, SaysThatTheDiskIsFullAndGoesOnWhenThereIsRoom) {
  ASSERT_NO_FATAL_FAILURE(open());
  ASSERT_TRUE(ns_->begin());
  session_ = *ns_->create_session({});
  ASSERT_TRUE(ns_->commit());
  disk_.set_capacity(disk_.stored_bytes() + 100'000 + GetParam() * 4'096);
  uint64_t number = 0;
  Status status;
  while (status) {
    ASSERT_LT(++number, 1'000U);
    ASSERT_TRUE(ns_->begin());
    const auto outcome = ns_->apply(commit_of(number));
    status = ns_->commit();
    EXPECT_EQ(status.has_value(), outcome.has_value() && status.has_value());
  }
  EXPECT_EQ(status.error().code, Code::no_space);
  EXPECT_FALSE(ns_->in_transaction());
  EXPECT_TRUE(ns_->lookup(root_inode, std::to_string(number - 1) + "-0"));
  EXPECT_EQ(ns_->lookup(root_inode, std::to_string(number) + "-0").error().code, Code::no_entry);
  disk_.set_capacity(uint64_t{1} << 30);
  bool repeated = true;
  EXPECT_TRUE(send(number, repeated));
  EXPECT_FALSE(repeated);
  expect_sound();
}

INSTANTIATE_TEST_SUITE_P(Seeds, NamespaceOnBadDisk, testing::Range<uint64_t>(1, 13));

}  // namespace
}  // namespace lace::control
