#include "control/sessions/lock_table.h"

#include <array>
#include <optional>
#include <random>

#include <gtest/gtest.h>

namespace lace::control {
namespace {

constexpr uint8_t rd = 0, wr = 1, un = 2;
constexpr SessionId ann{1}, bob{2};

wire::LockRange range(uint64_t owner, uint8_t type, uint64_t start = 0, uint64_t end = UINT64_MAX, uint64_t inode = 7,
                      bool flock = false) {
  return {InodeId{inode}, LockOwner{owner}, flock, type, start, end, static_cast<uint32_t>(owner)};
}
wire::LockRange flock(uint64_t owner, uint8_t type) { return range(owner, type, 0, UINT64_MAX, 7, true); }

bool take(LockTable& table, SessionId session, const wire::LockRange& wanted) {
  const auto reply = table.lock(session, wanted, false);
  return reply && reply->granted;
}
uint64_t wait_for(LockTable& table, SessionId session, const wire::LockRange& wanted) {
  const auto reply = table.lock(session, wanted, true);
  EXPECT_TRUE(reply) << reply.error().what;
  EXPECT_FALSE(reply->granted);
  return reply->waiter;
}
std::vector<uint64_t> granted(LockTable& table) {
  std::vector<uint64_t> waiters;
  for (const auto& one : table.take_granted()) waiters.push_back(one.waiter);
  return waiters;
}

TEST(LockTable, LetsManyReadAndOneWrite) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, range(1, rd)));
  EXPECT_TRUE(take(table, bob, range(1, rd)));
  EXPECT_FALSE(take(table, bob, range(2, wr)));
  EXPECT_TRUE(take(table, ann, range(1, un)));
  EXPECT_TRUE(take(table, bob, range(1, wr)));
}

TEST(LockTable, TakesTheSameOwnerOfTwoSessionsForTwoOwners) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, range(1, wr)));
  EXPECT_FALSE(take(table, bob, range(1, wr)));
}

TEST(LockTable, SplitsARangeThatIsUnlockedInTheMiddle) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, range(1, wr, 0, 99)));
  EXPECT_TRUE(take(table, ann, range(1, un, 40, 59)));
  EXPECT_EQ(table.held(), 2u);
  EXPECT_TRUE(take(table, bob, range(1, wr, 40, 59)));
  EXPECT_FALSE(take(table, bob, range(1, wr, 39, 39)));
  EXPECT_FALSE(take(table, bob, range(1, wr, 60, 60)));
}

TEST(LockTable, MergesNeighboursOfOneType) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, range(1, wr, 0, 9)));
  EXPECT_TRUE(take(table, ann, range(1, wr, 20, UINT64_MAX)));
  EXPECT_TRUE(take(table, ann, range(1, wr, 10, 19)));
  EXPECT_EQ(table.held(), 1u);
  EXPECT_TRUE(take(table, ann, range(1, rd, 10, 19)));
  EXPECT_EQ(table.held(), 3u);
}

TEST(LockTable, KeepsFlockAndFcntlApart) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, range(1, wr)));
  EXPECT_TRUE(take(table, bob, flock(9, wr)));
  EXPECT_FALSE(take(table, ann, flock(1, rd)));
}

TEST(LockTable, AnswersTheConflictAndNothingElse) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, range(5, wr, 10, 19)));
  const auto conflict = table.test(bob, range(1, rd, 0, 100));
  EXPECT_EQ(conflict.type, wr);
  EXPECT_EQ(conflict.start, 10u);
  EXPECT_EQ(conflict.end, 19u);
  EXPECT_EQ(conflict.process, 5u);
  EXPECT_EQ(table.test(bob, range(1, rd, 20, 100)).type, un);
  EXPECT_EQ(table.test(ann, range(5, wr, 0, 100)).type, un);
}

TEST(LockTable, GrantsWaitersInOrder) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, range(1, wr)));
  const uint64_t first = wait_for(table, bob, range(1, wr));
  const uint64_t second = wait_for(table, bob, range(2, wr));
  EXPECT_TRUE(take(table, ann, range(1, un)));
  EXPECT_EQ(granted(table), std::vector{first});
  EXPECT_TRUE(take(table, bob, range(1, un)));
  EXPECT_EQ(granted(table), std::vector{second});
}

TEST(LockTable, DoesNotStarveAWriterBehindReaders) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, range(1, rd)));
  const uint64_t writer = wait_for(table, bob, range(1, wr));
  const uint64_t reader = wait_for(table, ann, range(2, rd));  // could share with the first reader, but the writer was earlier
  EXPECT_TRUE(take(table, ann, range(1, un)));
  EXPECT_EQ(granted(table), std::vector{writer});
  EXPECT_TRUE(take(table, bob, range(1, un)));
  EXPECT_EQ(granted(table), std::vector{reader});
}

TEST(LockTable, LetsAHolderTakeMoreAheadOfThoseWhoWaitForIt) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, range(1, rd, 0, 9)));
  wait_for(table, bob, range(1, wr, 0, 99));
  const auto more = table.lock(ann, range(1, rd, 10, 19), true);  // behind the writer it would wait for ever
  ASSERT_TRUE(more);
  EXPECT_TRUE(more->granted);
}

TEST(LockTable, UpgradesWhenTheOtherReadersAreGone) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, range(1, rd)));
  EXPECT_TRUE(take(table, bob, range(1, rd)));
  const uint64_t upgrade = wait_for(table, ann, range(1, wr));
  EXPECT_TRUE(take(table, bob, range(1, un)));
  EXPECT_EQ(granted(table), std::vector{upgrade});
  EXPECT_FALSE(take(table, bob, range(1, rd)));
}

TEST(LockTable, LetsReadersInWhenAWriterDowngrades) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, range(1, wr)));
  const uint64_t reader = wait_for(table, bob, range(1, rd));
  EXPECT_TRUE(take(table, ann, range(1, rd)));
  EXPECT_EQ(granted(table), std::vector{reader});
}

TEST(LockTable, RefusesADeadlockOfTwo) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, range(1, wr, 0, 9)));
  EXPECT_TRUE(take(table, bob, range(1, wr, 10, 19)));
  wait_for(table, ann, range(1, wr, 10, 19));
  const auto second = table.lock(bob, range(1, wr, 0, 9), true);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::deadlock);
}

TEST(LockTable, RefusesADeadlockOfThreeOverSeveralFiles) {
  LockTable table;
  for (uint64_t owner = 1; owner <= 3; ++owner) EXPECT_TRUE(take(table, ann, range(owner, wr, 0, 9, owner)));
  wait_for(table, ann, range(1, wr, 0, 9, 2));
  wait_for(table, ann, range(2, wr, 0, 9, 3));
  const auto third = table.lock(ann, range(3, wr, 0, 9, 1), true);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Code::deadlock);
}

TEST(LockTable, RefusesTwoUpgradesThatWaitForEachOther) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, range(1, rd)));
  EXPECT_TRUE(take(table, bob, range(1, rd)));
  wait_for(table, ann, range(1, wr));
  const auto second = table.lock(bob, range(1, wr), true);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::deadlock);
}

TEST(LockTable, ConvertsTwoSharedFlocksOneAfterTheOther) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, flock(1, rd)));
  EXPECT_TRUE(take(table, bob, flock(2, rd)));
  const uint64_t first = wait_for(table, ann, flock(1, wr));  // its shared lock is let go: flock(2)
  const auto second = table.lock(bob, flock(2, wr), true);
  ASSERT_TRUE(second);
  EXPECT_EQ(granted(table), std::vector{first});
  EXPECT_FALSE(second->granted);
  table.release(ann, InodeId{7}, LockOwner{1}, true);
  EXPECT_EQ(granted(table), std::vector{second->waiter});
}

TEST(LockTable, CancelsAWaiterUnlessItWasGranted) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, range(1, wr)));
  const uint64_t waiter = wait_for(table, bob, range(1, wr));
  EXPECT_TRUE(table.cancel(ann, waiter)) << "another session's waiter";
  EXPECT_FALSE(table.cancel(bob, waiter));
  EXPECT_TRUE(take(table, ann, range(1, un)));
  EXPECT_TRUE(granted(table).empty());
  EXPECT_EQ(table.held() + table.waiting(), 0u);
}

TEST(LockTable, ForgetsAllOfASessionThatEnds) {
  LockTable table;
  EXPECT_TRUE(take(table, ann, range(1, wr)));
  EXPECT_TRUE(take(table, ann, flock(1, wr)));
  const uint64_t waiter = wait_for(table, bob, range(1, wr));
  wait_for(table, ann, range(2, wr));
  table.release_session(ann);
  EXPECT_EQ(granted(table), std::vector{waiter});
  EXPECT_EQ(table.held(), 1u);
  EXPECT_EQ(table.waiting(), 0u);
}

TEST(LockTable, RefusesRangesThatEndBeforeTheyStart) {
  LockTable table;
  EXPECT_EQ(table.lock(ann, range(1, wr, 9, 8), false).error().code, Code::invalid);
  EXPECT_EQ(table.lock(ann, range(1, 3, 0, 8), false).error().code, Code::invalid);
}

// The model: one type for each owner and byte.
class Model {
 public:
  static constexpr size_t owners = 4, bytes = 24;
  bool conflicts(size_t owner, uint8_t type, uint64_t start, uint64_t end) const {
    for (size_t other = 0; other < owners; ++other) {
      for (uint64_t byte = start; other != owner && byte <= end; ++byte) {
        const auto& held = locks_[other][byte];
        if (held && (*held == wr || type == wr)) return true;
      }
    }
    return false;
  }
  void set(size_t owner, uint8_t type, uint64_t start, uint64_t end) {
    for (uint64_t byte = start; byte <= end; ++byte) {
      locks_[owner][byte] = type == un ? std::nullopt : std::optional<uint8_t>(type);
    }
  }
  size_t runs() const {
    size_t count = 0;
    for (const auto& row : locks_) {
      for (size_t byte = 0; byte < bytes; ++byte) count += row[byte] && (byte == 0 || row[byte] != row[byte - 1]);
    }
    return count;
  }

 private:
  std::array<std::array<std::optional<uint8_t>, bytes>, owners> locks_{};
};

TEST(LockTable, DoesWhatAMapOfBytesDoes) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    LockTable table;
    Model model;
    for (int i = 0; i < 1'000; ++i) {
      const size_t owner = random() % Model::owners;
      const auto type = static_cast<uint8_t>(random() % 3);
      uint64_t start = random() % Model::bytes, end = random() % Model::bytes;
      if (start > end) std::swap(start, end);
      const bool expected = type == un || !model.conflicts(owner, type, start, end);
      const SessionId session{owner % 2 + 1};
      ASSERT_EQ(table.test(session, range(owner / 2, type == un ? rd : type, start, end)).type != un,
                model.conflicts(owner, type == un ? rd : type, start, end));
      ASSERT_EQ(take(table, session, range(owner / 2, type, start, end)), expected);
      if (expected) model.set(owner, type, start, end);
      ASSERT_EQ(table.held(), model.runs());
    }
  }
}

// Whoever waits is granted or refused in the end, when every holder lets go: no request is forgotten, nobody starves.
TEST(LockTable, GrantsEveryWaiterWhenHoldersLetGo) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    LockTable table;
    std::map<uint64_t, std::pair<SessionId, uint64_t>> waiting;  // waiter -> who
    const auto take_out = [&] {
      for (const auto& one : table.take_granted()) ASSERT_EQ(waiting.erase(one.waiter), 1u);
    };
    for (int i = 0; i < 200; ++i) {
      const SessionId session{random() % 3 + 1};
      const uint64_t owner = random() % 3, inode = random() % 2 + 1;
      uint64_t start = random() % 20, end = random() % 20;
      if (start > end) std::swap(start, end);
      // A process that waits asks for nothing else.
      bool asleep = false;
      for (const auto& [waiter, who] : waiting) asleep = asleep || who == std::pair(session, owner);
      if (asleep) continue;
      const auto reply = table.lock(session, range(owner, random() % 2 ? wr : rd, start, end, inode), true);
      if (reply && !reply->granted) waiting[reply->waiter] = {session, owner};
      if (!reply) {
        ASSERT_EQ(reply.error().code, Code::deadlock);
      }
      take_out();
    }
    // Owners that wait for nothing let go, until nobody waits.
    for (int round = 0; round < 10'000 && table.waiting() > 0; ++round) {
      const SessionId session{random() % 3 + 1};
      const uint64_t owner = random() % 3;
      bool waits = false;
      for (const auto& [waiter, who] : waiting) waits = waits || who == std::pair(session, owner);
      if (waits) continue;
      for (uint64_t inode = 1; inode <= 2; ++inode) ASSERT_TRUE(take(table, session, range(owner, un, 0, UINT64_MAX, inode)));
      take_out();
    }
    EXPECT_EQ(table.waiting(), 0u);
  }
}

}  // namespace
}  // namespace lace::control
