// What a mount makes of the leases that come with answers, in whatever order answers and recalls arrive.
#include "fs/cache/leases.h"

#include <gtest/gtest.h>

namespace lace::fs {
namespace {

constexpr InodeId here{10}, there{11}, file{12};

struct LeasesOfAMount : testing::Test {
  LeasesOfAMount() { leases.accept(100); }
  Leases leases;
};

TEST_F(LeasesOfAMount, AreGoodUntilTheyHaveEnded) {
  const uint64_t stamp = leases.take({{here, 101, 102}}, here);
  EXPECT_TRUE(Leases::is_stamp(stamp));
  EXPECT_TRUE(leases.good(stamp));
  EXPECT_TRUE(leases.is_exclusive(stamp));
  EXPECT_EQ(leases.stamp(here), stamp);
  EXPECT_EQ(leases.take({{here, 101, 102}}, here), stamp) << "it is still the same";
  leases.ended(here, 102);
  EXPECT_FALSE(leases.good(stamp));
  EXPECT_FALSE(leases.is_exclusive(stamp));
  EXPECT_EQ(leases.stamp(here), 0u);
}

TEST_F(LeasesOfAMount, OneThatComesAfterItsRecallIsNotTaken) {
  leases.ended(here, 105);
  EXPECT_EQ(leases.take({{here, 101, 102}}, here), 0u);
  EXPECT_EQ(leases.stamp(here), 0u);
  EXPECT_NE(leases.take({{here, 106, 0}}, here), 0u) << "this one was given later";
}

TEST_F(LeasesOfAMount, TheRightToChangeThatComesAfterItsRecallIsNotTaken) {
  leases.sharing(here, 105);
  const uint64_t stamp = leases.take({{here, 101, 102}}, here);
  EXPECT_TRUE(leases.good(stamp));
  EXPECT_FALSE(leases.is_exclusive(stamp));
  leases.take({{here, 101, 106}}, here);
  EXPECT_TRUE(leases.is_exclusive(stamp)) << "what was learned stays good when the right comes back";
}

TEST_F(LeasesOfAMount, AnAnswerUnderAnEarlierLeaseIsNotBelieved) {
  leases.take({{here, 101, 0}}, here);
  leases.ended(here, 102);
  const uint64_t stamp = leases.take({{here, 103, 0}}, here);
  EXPECT_EQ(leases.take({{here, 101, 0}}, here), 0u);
  EXPECT_TRUE(leases.good(stamp));
}

TEST_F(LeasesOfAMount, ASlotThatIsUsedAnewDoesNotMakeAnOldStampGood) {
  const uint64_t first = leases.take({{here, 101, 102}}, here);
  leases.ended(here, 102);
  const uint64_t second = leases.take({{there, 103, 104}}, there);
  EXPECT_TRUE(leases.is_exclusive(second));
  EXPECT_NE(first, second);
  EXPECT_FALSE(leases.good(first));
  EXPECT_FALSE(leases.is_exclusive(first));
}

TEST_F(LeasesOfAMount, KnowWhatWasLearnedUnderThem) {
  const uint64_t stamp = leases.take({{here, 101, 102}}, here);
  leases.covers(stamp, file);
  leases.covers(stamp, file);
  leases.covers(stamp, there);
  const auto recalled = leases.recalled(here, 102);
  EXPECT_EQ(recalled.stamp, stamp);
  EXPECT_TRUE(recalled.exclusive);
  EXPECT_EQ(recalled.covered, (std::vector{there, file}));
  EXPECT_EQ(leases.recalled(there, 102).stamp, 0u);
}

TEST_F(LeasesOfAMount, ADirectoryThatIsMadeHereIsOursBeforeControlSaysSo) {
  const uint64_t stamp = leases.made(here);
  EXPECT_TRUE(leases.is_exclusive(stamp));
  EXPECT_EQ(leases.take({{here, 110, 111}}, here), stamp);
  leases.ended(here, 111);
  EXPECT_FALSE(leases.good(stamp));
}

TEST_F(LeasesOfAMount, BetweenTellingAndAnAnswerNoneIsTaken) {
  const uint64_t stamp = leases.take({{here, 101, 102}}, here);
  leases.made(there);
  auto told = leases.tell_all();
  ASSERT_EQ(told.size(), 2u);
  for (const wire::Lease& lease : told) EXPECT_NE(lease.exclusive, 0u);
  EXPECT_EQ(leases.take({{file, 103, 0}}, file), 0u) << "the control server that gave it may be gone";
  leases.accept(1'000);
  EXPECT_TRUE(leases.good(stamp)) << "it was told of";
  EXPECT_EQ(leases.take({{file, 103, 0}}, file), 0u);
  EXPECT_EQ(leases.take({{here, 998, 999}}, here), stamp);
  EXPECT_NE(leases.take({{file, 1'001, 0}}, file), 0u);
}

TEST_F(LeasesOfAMount, OneThatIsBeingGivenBackIsToldOfUntilControlKnowsWhatWasDecided) {
  leases.take({{here, 101, 102}}, here);
  leases.take({{there, 103, 104}}, there);
  leases.take({{file, 105, 0}}, file);
  leases.ended(here, 104);
  leases.sharing(there, 104);
  leases.ended(file, 105);
  const auto told = leases.tell_all();
  ASSERT_EQ(told.size(), 2u);
  for (const wire::Lease& lease : told) EXPECT_NE(lease.exclusive, 0u);
  EXPECT_EQ(leases.stamp(here), 0u) << "nothing is decided any more";
  EXPECT_FALSE(leases.is_exclusive(leases.stamp(there)));
  leases.given_back(here);
  leases.given_back(there);
  const auto later = leases.tell_all();
  ASSERT_EQ(later.size(), 1u);
  EXPECT_EQ(later[0].directory, there);
  EXPECT_EQ(later[0].exclusive, 0u);
}

TEST_F(LeasesOfAMount, AreAllGoneWithTheSession) {
  const uint64_t stamp = leases.take({{here, 101, 102}}, here);
  leases.end_all();
  EXPECT_FALSE(leases.good(stamp));
  EXPECT_EQ(leases.take({{here, 103, 0}}, here), 0u);
}

TEST_F(LeasesOfAMount, ThatThereAreTooManyOnlyMeansToAsk) {
  for (uint64_t id = 1; id <= Leases::most; ++id) EXPECT_NE(leases.take({{InodeId{id}, 100 + id, 0}}, InodeId{id}), 0u);
  EXPECT_EQ(leases.take({{InodeId{Leases::most + 1}, 200'000, 0}}, InodeId{Leases::most + 1}), 0u);
  EXPECT_EQ(leases.made(InodeId{Leases::most + 2}), 0u);
  leases.forget(InodeId{1});
  EXPECT_NE(leases.made(InodeId{Leases::most + 2}), 0u);
}

TEST_F(LeasesOfAMount, AfterDistrustNothingIsBelievedOrDecided) {
  const uint64_t stamp = leases.take({{here, 101, 102}}, here);
  leases.distrust();
  EXPECT_FALSE(leases.good(stamp));
  const uint64_t now = leases.stamp(here);
  EXPECT_TRUE(leases.good(now));
  EXPECT_FALSE(leases.is_exclusive(now));
}

}  // namespace
}  // namespace lace::fs
