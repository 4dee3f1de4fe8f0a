#include "store_fixture.h"

namespace lace::storage {
namespace {

using EpochsTest = StoreFixture;

TEST_F(EpochsTest, AreRaisedOnceHoweverOftenControlSaysSo) {
  ASSERT_TRUE(write(block_a, 0, "x"));
  ASSERT_TRUE(set_epoch(block_a, 1, 2));
  ASSERT_TRUE(set_epoch(block_a, 1, 2));
  EXPECT_EQ(read(block_a, 0, 1, 1).error().code, Code::stale);
  EXPECT_EQ(*read(block_a, 0, 1, 2), "x");
  EXPECT_EQ(set_epoch(block_a, 3, 4).error().code, Code::stale);
  EXPECT_EQ(set_epoch(block_a, 0, 1).error().code, Code::stale);
}

TEST_F(EpochsTest, AreDurableWhenAnswered) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const BlockId block{500 + seed};
    ASSERT_TRUE(write(block, 0, "x"));
    ASSERT_TRUE(set_epoch(block, 1, 2));
    crash(seed);
    EXPECT_EQ(store_->find(block)->epoch, 2u) << seed;
  }
}

TEST_F(EpochsTest, ABlockNobodyWroteGetsItsEpochToo) {
  ASSERT_TRUE(set_epoch(block_a, 1, 2));
  EXPECT_EQ(write(block_a, 0, "x", 1).error().code, Code::stale);
  EXPECT_EQ(*read(block_a, 0, 1, 2), std::string(1, '\0'));
  EXPECT_EQ(set_epoch(block_b, 3, 4).error().code, Code::stale);
  EXPECT_FALSE(store_->find(block_b));
  crash(1);
  EXPECT_EQ(store_->find(block_a)->epoch, 2u);
}

TEST_F(EpochsTest, ADroppedCopyServesNothingUntilItIsFilledAgain) {
  ASSERT_TRUE(write(block_a, 0, "x"));
  ASSERT_TRUE(set_epoch(block_a, 1, 2, Role::none));
  ASSERT_TRUE(set_epoch(block_a, 1, 2, Role::none));
  EXPECT_EQ(read(block_a, 0, 1, 1).error().code, Code::stale);
  EXPECT_EQ(read(block_a, 0, 1, 2).error().code, Code::stale);
  EXPECT_EQ(write(block_a, 0, "y", 2).error().code, Code::stale);
  EXPECT_EQ(sync(block_a, 2).error().code, Code::stale);
  restart();
  EXPECT_EQ(state(block_a), State::dropped);
  crash(7);
  EXPECT_EQ(state(block_a), State::dropped);
  EXPECT_EQ(set_epoch(block_a, 2, 3).error().code, Code::stale);
  ASSERT_TRUE(set_epoch(block_a, 2, 3, Role::filling));
  EXPECT_EQ(state(block_a), State::filling);
  EXPECT_EQ(store_->find(block_a)->missing_bytes, block_bytes);
}

TEST_F(EpochsTest, ABlockDroppedBeforeItsFirstWriteIsNotMadeByOne) {
  ASSERT_TRUE(set_epoch(block_a, 1, 2, Role::none));
  EXPECT_EQ(write(block_a, 0, "late", 1).error().code, Code::stale);
  EXPECT_EQ(read(block_a, 0, 1, 1).error().code, Code::stale);
  ASSERT_TRUE(set_epoch(block_a, 0, 3, Role::filling));
  EXPECT_EQ(state(block_a), State::filling);
}

TEST_F(EpochsTest, ACopyThatWasRefusedBeforeItsFirstWriteCountsAgainFromItsEpochOn) {
  ASSERT_TRUE(set_epoch(block_a, 1, 3, Role::none));
  crash(1);
  EXPECT_EQ(set_epoch(block_a, 1, 2).error().code, Code::stale);  // said before, and overtaken
  ASSERT_TRUE(set_epoch(block_a, 1, 3));
  EXPECT_EQ(*read(block_a, 0, 1, 3), std::string(1, '\0'));
  ASSERT_TRUE(remove(block_a));
  EXPECT_EQ(set_epoch(block_a, 1, 4).error().code, Code::stale);  // removed for good
}

TEST_F(EpochsTest, AFillingMemberKeepsWhatItHasWhenTheEpochGrowsByOne) {
  ASSERT_TRUE(set_epoch(block_a, 0, 2, Role::filling));
  ASSERT_TRUE(write(block_a, 0, std::string(page_bytes, 'x'), 2));
  ASSERT_TRUE(set_epoch(block_a, 2, 3, Role::filling));
  EXPECT_EQ(store_->find(block_a)->missing_bytes, block_bytes - page_bytes);
  ASSERT_TRUE(set_epoch(block_a, 4, 5, Role::filling));  // it was no member at 4: what it has may be old
  EXPECT_EQ(store_->find(block_a)->missing_bytes, block_bytes);
  ASSERT_TRUE(write(block_a, 0, std::string(page_bytes, 'x'), 5));
  ASSERT_TRUE(set_epoch(block_a, 5, 6, Role::member));  // others joined or left
  EXPECT_EQ(state(block_a), State::filling);
  EXPECT_EQ(store_->find(block_a)->missing_bytes, block_bytes - page_bytes);
}

TEST_F(EpochsTest, ACopyDroppedForAnEpochThatCameWithItAfterAllCounts) {
  ASSERT_TRUE(write(block_a, 0, "x"));
  ASSERT_TRUE(set_epoch(block_a, 1, 2, Role::none));
  EXPECT_EQ(set_epoch(block_a, 2, 3).error().code, Code::stale);
  ASSERT_TRUE(set_epoch(block_a, 1, 2));
  EXPECT_EQ(*read(block_a, 0, 1, 2), "x");
}

TEST_F(EpochsTest, ASuspectCopyIsAcceptedAtItsOwnEpochToo) {
  ASSERT_TRUE(write(block_a, 0, "x"));
  ASSERT_TRUE(sync(block_a));
  crash(5);
  ASSERT_EQ(state(block_a), State::suspect);
  ASSERT_TRUE(set_epoch(block_a, 1, 1));
  EXPECT_EQ(state(block_a), State::whole);
  EXPECT_EQ(*read(block_a, 0, 1, 1), "x");
  restart();
  EXPECT_EQ(state(block_a), State::whole);
}

TEST_F(EpochsTest, AThousandCopiesGetTheirEpochWithAFewSyncs) {
  for (uint64_t i = 1; i <= 200; ++i) ASSERT_TRUE(write(BlockId{i}, 0, "x"));
  const uint64_t before = disk_.syncs();
  int done = 0;
  for (uint64_t i = 1; i <= 200; ++i) {
    store_->set_epoch(BlockId{i}, 1, 2, Role::member, [&](const Status& status) { done += status ? 1 : 0; });
  }
  work_.run();
  EXPECT_EQ(done, 200);
  EXPECT_LE(disk_.syncs() - before, 3u);
}

TEST_F(EpochsTest, ThoseThatWaitInLineSeeTheCopyGo) {
  ASSERT_TRUE(write(block_a, 0, "x"));
  std::vector<std::string> said;
  store_->remove(block_a, [&](const Status& status) { said.push_back(status ? "removed" : "not removed"); });
  store_->write(block_a, 1, 0, Bytes(std::string("late")), InodeId{1}, 0, false,
                [&](const Result<Bytes>& done) { said.push_back(done ? "written" : "refused"); });
  store_->set_epoch(block_a, 0, 9, Role::filling,
                    [&](const Status& status) { said.push_back(status ? "made anew" : "failed"); });
  work_.run();
  EXPECT_EQ(said, (std::vector<std::string>{"removed", "refused", "made anew"}));
  EXPECT_EQ(state(block_a), State::filling);
}

}  // namespace
}  // namespace lace::storage
