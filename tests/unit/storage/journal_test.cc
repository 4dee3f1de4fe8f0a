#include "storage/copy/journal.h"

#include <gtest/gtest.h>

#include "store_fixture.h"

namespace lace::storage {
namespace {

using Kind = JournalRecord::Kind;

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    EXPECT_TRUE(journal().replay());
    EXPECT_TRUE(journal().restart({}));
  }
  Journal& journal() {
    if (!journal_) journal_.emplace(disk_, work_.offload());
    return *journal_;
  }
  Status append(uint64_t number) {
    std::optional<Status> status;
    journal().append({{Kind::removed, no_state, 0, BlockId{number}, 0, 0}}, [&](Status done) { status = done; });
    work_.run();
    return *status;
  }
  std::vector<uint64_t> replay() {
    journal_.reset();
    const auto replayed = journal().replay();
    EXPECT_TRUE(replayed);
    same_boot_ = replayed->same_boot;
    std::vector<uint64_t> numbers;
    for (const JournalRecord& record : replayed->records) numbers.push_back(raw(record.block));
    return numbers;
  }

  disk::ForgetfulDisk disk_;
  Offloader work_;
  std::optional<Journal> journal_;
  bool same_boot_ = true;
};

TEST_F(JournalTest, ReplaysWhatWasAppendedInOrder) {
  for (uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(append(i));
  EXPECT_EQ(replay(), (std::vector<uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_TRUE(same_boot_);
}

TEST_F(JournalTest, ACompactionThatIsUnderWayOutlivesTheJournal) {
  ASSERT_TRUE(append(1));
  auto journal = std::make_unique<Journal>(disk_, work_.offload());
  ASSERT_TRUE(journal->replay());
  journal->compact({{Kind::removed, no_state, 0, BlockId{7}, 0, 0}});
  journal.reset();
  work_.run_unheard();
  EXPECT_EQ(replay(), std::vector<uint64_t>{7});
}

TEST_F(JournalTest, KeepsWhatWasAnsweredAcrossACrash) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    ASSERT_TRUE(append(seed + 1));
    journal().append({{Kind::removed, no_state, 0, BlockId{999}, 0, 0}}, [](const Status&) {});
    work_.forget();  // never written
    disk_.crash(seed);
    const std::vector<uint64_t> numbers = replay();
    EXPECT_FALSE(same_boot_);
    ASSERT_EQ(numbers.size(), seed + 1);
    std::vector<JournalRecord> live;
    for (const uint64_t number : numbers) live.push_back({Kind::removed, no_state, 0, BlockId{number}, 0, 0});
    ASSERT_TRUE(journal().restart(live));
  }
}

TEST_F(JournalTest, MakesManyDurableWithOneSync) {
  int answered = 0;
  const uint64_t before = disk_.syncs();
  for (uint64_t i = 0; i < 100; ++i) {
    journal().append({{Kind::dirty, no_state, 1, BlockId{i + 1}, 1, 0}},
                     [&](const Status& status) { answered += status ? 1 : 0; });
  }
  work_.run();
  EXPECT_EQ(answered, 100);
  EXPECT_LE(disk_.syncs() - before, 2u);
}

TEST_F(JournalTest, GoesOnWithWhatIsAliveAfterCompaction) {
  for (uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(append(i));
  journal().compact({{Kind::removed, no_state, 0, BlockId{3}, 0, 0}});
  std::optional<Status> status;
  journal().append({{Kind::removed, no_state, 0, BlockId{6}, 0, 0}}, [&](Status done) { status = done; });
  work_.run();
  ASSERT_TRUE(status && *status);
  EXPECT_EQ(replay(), (std::vector<uint64_t>{3, 6}));
}

TEST_F(JournalTest, SurvivesACrashDuringCompaction) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    ASSERT_TRUE(append(seed + 1));
    disk_.fail_changes(Code::io, seed % 6, 1);
    journal().compact({{Kind::removed, no_state, 0, BlockId{seed + 1}, 0, 0}});
    work_.run();
    disk_.fail_changes(Code::io, 0, 0);
    disk_.crash(seed);
    const std::vector<uint64_t> numbers = replay();
    ASSERT_FALSE(numbers.empty());
    EXPECT_EQ(numbers.back(), seed + 1);
    ASSERT_TRUE(journal().restart({}));
  }
}

TEST_F(JournalTest, CallsNothingDurableAfterASyncFailed) {
  disk_.fail_changes(Code::io, 1, 1);
  EXPECT_FALSE(append(1));
  EXPECT_FALSE(append(2));
}

}  // namespace
}  // namespace lace::storage
