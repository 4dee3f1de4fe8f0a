#include "fs/fuse/parked_locks.h"

#include <vector>

#include <gtest/gtest.h>

namespace lace::fs::fuse {
namespace {

using Outcome = ParkedLocks::Outcome;

wire::LockRange range_of(uint64_t owner) {
  wire::LockRange range;
  range.inode = InodeId{7};
  range.owner = LockOwner{owner};
  return range;
}

class ParkedLocksTest : public testing::Test {
 protected:
  void park(uint64_t unique, uint64_t waiter) {
    locks.park(unique, waiter, range_of(waiter), [this](Outcome outcome) { answers.push_back(outcome); });
  }
  std::vector<wire::LockRange> unlocked;
  std::vector<Outcome> answers;
  ParkedLocks locks{[this](const wire::LockRange& range) { unlocked.push_back(range); }};
};

TEST_F(ParkedLocksTest, AreAnsweredWhenTheyAreGranted) {
  park(10, 1);
  EXPECT_TRUE(answers.empty());
  locks.granted(1);
  EXPECT_EQ(std::vector{Outcome::granted}, answers);
  EXPECT_EQ(0u, locks.size());
}

TEST_F(ParkedLocksTest, AreAnsweredAtOnceWhenTheGrantCameFirst) {
  locks.granted(1);
  park(10, 1);
  EXPECT_EQ(std::vector{Outcome::granted}, answers);
}

TEST_F(ParkedLocksTest, AreCancelledByAnInterrupt) {
  park(10, 1);
  EXPECT_TRUE(locks.interrupt(10, [](uint64_t) { return Result<bool>(false); }));
  EXPECT_EQ(std::vector{Outcome::interrupted}, answers);
  EXPECT_FALSE(locks.interrupt(10, [](uint64_t) { return Result<bool>(false); }));
}

TEST_F(ParkedLocksTest, AreGrantedWhenTheInterruptComesTooLate) {
  park(10, 1);
  locks.interrupt(10, [](uint64_t) { return Result<bool>(true); });
  EXPECT_EQ(std::vector{Outcome::granted}, answers);
  locks.granted(1);  // the event arrives behind
  EXPECT_EQ(1u, answers.size());
  EXPECT_TRUE(unlocked.empty());
}

TEST_F(ParkedLocksTest, AreGrantedWhenTheGrantComesWhileTheyAreCancelled) {
  park(10, 1);
  locks.interrupt(10, [this](uint64_t waiter) {
    locks.granted(waiter);
    return Result<bool>(true);
  });
  EXPECT_EQ(std::vector{Outcome::granted}, answers);
}

TEST_F(ParkedLocksTest, GiveBackALockThatComesAfterNobodyWaitsAnyMore) {
  park(10, 1);
  locks.interrupt(10, [](uint64_t) -> Result<bool> { return fail(Code::unavailable); });
  EXPECT_EQ(std::vector{Outcome::interrupted}, answers);
  locks.granted(1);
  ASSERT_EQ(1u, unlocked.size());
  EXPECT_EQ(LockOwner{1}, unlocked[0].owner);
}

TEST_F(ParkedLocksTest, KeepALateLockThatItsOwnerHasAskedForAgain) {
  park(10, 1);
  locks.interrupt(10, [](uint64_t) -> Result<bool> { return fail(Code::unavailable); });
  locks.wanted(InodeId{7}, LockOwner{1});
  locks.granted(1);
  EXPECT_TRUE(unlocked.empty());
}

TEST_F(ParkedLocksTest, AreInterruptedAtTheEndAndBehindIt) {
  park(10, 1);
  locks.end();
  park(12, 2);
  EXPECT_EQ((std::vector{Outcome::interrupted, Outcome::interrupted}), answers);
}

}  // namespace
}  // namespace lace::fs::fuse
