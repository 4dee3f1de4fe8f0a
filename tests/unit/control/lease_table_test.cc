// Who may believe what of which directory: decisions, without anybody who carries them out.
#include "control/sessions/lease_table.h"

#include <gtest/gtest.h>

namespace lace::control {
namespace {

using Access = LeaseTable::Access;
using Needs = std::vector<LeaseTable::Need>;

constexpr SessionId ann{1}, bob{2}, eve{3};
constexpr InodeId here{10}, there{11};

struct Leases : testing::Test {
  LeaseTable table{100};
  Instant now{std::chrono::hours(1)};

  bool may(SessionId session, InodeId directory, Access access) {
    const Needs needs{{directory, access}};
    return table.is_free(session, needs);
  }
  std::vector<LeaseTable::Recall> recall(SessionId session, InodeId directory, Access access) {
    const Needs needs{{directory, access}};
    return table.recall(session, needs, now);
  }
  void give_all_back(const std::vector<LeaseTable::Recall>& recalls) {
    for (const auto& recall : recalls) table.given_back(recall);
  }
};

TEST_F(Leases, TheFirstWhoLooksMayChange) {
  const auto lease = table.give(ann, here, true, now);
  ASSERT_TRUE(lease);
  EXPECT_GT(lease->number, 100u);
  EXPECT_GT(lease->exclusive, lease->number);
  EXPECT_TRUE(may(ann, here, Access::change));
  EXPECT_FALSE(may(bob, here, Access::look));
  EXPECT_TRUE(may(bob, there, Access::change));
}

TEST_F(Leases, WhoLooksSharesWithWhoMayChange) {
  const auto first = table.give(ann, here, true, now);
  const auto recalls = recall(bob, here, Access::look);
  ASSERT_EQ(recalls.size(), 1u);
  EXPECT_EQ(recalls[0].session, ann);
  EXPECT_TRUE(recalls[0].shared);
  EXPECT_GE(recalls[0].number, first->exclusive);
  EXPECT_FALSE(may(bob, here, Access::look)) << "not before it was given back";
  EXPECT_FALSE(table.give(bob, here, true, now));
  give_all_back(recalls);
  EXPECT_TRUE(may(bob, here, Access::look));
  const auto second = table.give(bob, here, true, now);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->exclusive, 0u);
  const auto still = table.give(ann, here, true, now);
  ASSERT_TRUE(still);
  EXPECT_EQ(still->number, first->number) << "what it learned is still true";
  EXPECT_EQ(still->exclusive, 0u);
}

TEST_F(Leases, WhoChangesTakesAllOthersLeases) {
  table.give(ann, here, false, now);
  table.give(bob, here, false, now);
  EXPECT_TRUE(may(eve, here, Access::look));
  EXPECT_FALSE(may(ann, here, Access::change));
  const auto recalls = recall(eve, here, Access::change);
  EXPECT_EQ(recalls.size(), 2u);
  for (const auto& recall : recalls) EXPECT_FALSE(recall.shared);
  give_all_back(recalls);
  EXPECT_TRUE(may(eve, here, Access::change));
  EXPECT_EQ(table.count().all, 0u);
}

TEST_F(Leases, NobodyIsAskedTwice) {
  table.give(ann, here, true, now);
  EXPECT_EQ(recall(bob, here, Access::look).size(), 1u);
  EXPECT_EQ(recall(eve, here, Access::look).size(), 0u);
  const auto stronger = recall(eve, here, Access::change);
  ASSERT_EQ(stronger.size(), 1u) << "sharing is not enough any more";
  EXPECT_FALSE(stronger[0].shared);
  EXPECT_EQ(recall(bob, here, Access::change).size(), 0u);
}

TEST_F(Leases, WhileSomebodyWaitsOrChangesNothingIsGiven) {
  const Needs needs{{here, Access::change}};
  table.begin(needs);
  EXPECT_FALSE(table.give(ann, here, true, now));
  EXPECT_TRUE(table.give(ann, there, true, now));
  table.begin(needs);
  table.end(needs);
  EXPECT_FALSE(table.give(ann, here, true, now));
  table.end(needs);
  EXPECT_TRUE(table.give(ann, here, true, now));
}

TEST_F(Leases, WhatMountsFightForIsGivenToNobodyForAWhile) {
  for (uint32_t fight = 0; fight < LeaseTable::most_fights; ++fight) {
    ASSERT_TRUE(table.give(fight % 2 == 0 ? ann : bob, here, true, now)) << fight;
    give_all_back(recall(fight % 2 == 0 ? bob : ann, here, Access::change));
    now += Millis(10);
  }
  EXPECT_FALSE(table.give(ann, here, true, now));
  EXPECT_TRUE(table.give(ann, there, true, now));
  table.tidy(now);
  EXPECT_FALSE(table.give(ann, here, true, now));
  now += LeaseTable::quiet;
  EXPECT_TRUE(table.give(ann, here, true, now));
}

TEST_F(Leases, NowAndThenIsNoFight) {
  for (int turn = 0; turn < 20; ++turn) {
    ASSERT_TRUE(table.give(turn % 2 == 0 ? ann : bob, here, true, now)) << turn;
    give_all_back(recall(turn % 2 == 0 ? bob : ann, here, Access::change));
    now += LeaseTable::fight_window;
  }
}

TEST_F(Leases, ADirectoryThatWasMadeAloneIsItsMakers) {
  table.made(ann, there);
  EXPECT_FALSE(may(bob, there, Access::look));
  EXPECT_EQ(table.count(ann).exclusive, 1u);
  const auto lease = table.give(ann, there, true, now);
  ASSERT_TRUE(lease);
  EXPECT_NE(lease->exclusive, 0u);
}

TEST_F(Leases, WhatWasRestoredHasANewNumber) {
  table.restore(ann, {here, 7, 8});
  table.restore(bob, {there, 9, 0});
  EXPECT_FALSE(may(bob, here, Access::look));
  EXPECT_TRUE(may(ann, there, Access::look));
  EXPECT_GT(recall(bob, here, Access::look).at(0).number, 100u);
  EXPECT_GT(table.give(bob, there, true, now)->number, 100u);
}

TEST_F(Leases, AreGoneWithTheirSessionAndWithTheirDirectory) {
  table.give(ann, here, true, now);
  table.give(ann, there, true, now);
  table.forget(there);
  EXPECT_EQ(table.count(ann).all, 1u);
  EXPECT_TRUE(may(bob, there, Access::change));
  table.release(ann);
  EXPECT_EQ(table.count().all, 0u);
  EXPECT_EQ(table.count().exclusive, 0u);
  EXPECT_TRUE(may(bob, here, Access::change));
}

TEST_F(Leases, OfASessionThatHasTooManyTheOldestAreRecalled) {
  for (uint64_t id = 1; id <= LeaseTable::most_of_session + 2; ++id) table.give(ann, InodeId{id}, true, now);
  const auto recalls = table.surplus(ann);
  ASSERT_EQ(recalls.size(), 2u);
  EXPECT_EQ(recalls[0].directory, InodeId{1});
  EXPECT_EQ(recalls[1].directory, InodeId{2});
  EXPECT_TRUE(table.surplus(ann).empty()) << "it was asked";
  give_all_back(recalls);
  EXPECT_EQ(table.count(ann).all, LeaseTable::most_of_session);
}

}  // namespace
}  // namespace lace::control
