#include "store_fixture.h"

namespace lace::storage {
namespace {

constexpr uint32_t pages_at_a_time = 32;

class ComparingTest : public StoreFixture {
 protected:
  BlockId a_ = block_a;  // the source, which went on
  BlockId b_ = block_b;  // its copy, which was away

  // Both are the same at epoch 1, pages 0 to 99.
  void begin() {
    const std::string bytes = text_of(100 * page_bytes, 1);
    ASSERT_TRUE(write(a_, 0, bytes));
    ASSERT_TRUE(write(b_, 0, bytes));
    ASSERT_TRUE(sync(a_));
    ASSERT_TRUE(sync(b_));
  }
  // The source goes on without the copy, at epoch 2, and at epoch 3 the copy joins.
  void go_on(const std::function<void()>& without) {
    ASSERT_TRUE(set_epoch(a_, 1, 2));
    without();
    ASSERT_TRUE(set_epoch(b_, 1, 2, Role::none));
    ASSERT_TRUE(set_epoch(a_, 2, 3));
    ASSERT_TRUE(set_epoch(b_, 0, 3, Role::refilling));
  }
  void change(uint64_t page, char with, Epoch epoch = 2) {
    ASSERT_TRUE(write(a_, page * page_bytes, std::string(page_bytes, with), epoch));
  }
  Comparison ask(uint32_t unit, std::vector<uint32_t> units = {}) {
    std::optional<Result<Comparison>> found;
    store_->compare(a_, store_->find(b_)->base, 3, unit, std::move(units),
                    [&](Result<Comparison> comparison) { found = std::move(comparison); });
    work_.run();
    EXPECT_TRUE(*found);
    return **found;
  }
  std::vector<uint32_t> differing(uint32_t unit, std::vector<uint32_t> units, const Comparison& source) {
    std::optional<Result<std::vector<uint32_t>>> found;
    store_->differing(b_, unit, std::move(units), source, [&](Result<std::vector<uint32_t>> pages) { found = pages; });
    work_.run();
    EXPECT_TRUE(*found);
    return **found;
  }
  // As the filler does. Answers how many bytes had to travel.
  uint64_t refill(const std::function<void()>& meanwhile = nullptr) {
    const uint64_t before = store_->totals().received_bytes;
    Comparison source = ask(pages_at_a_time);
    std::vector<uint32_t> pages;
    for (const uint32_t unit : differing(pages_at_a_time, {}, source)) {
      for (uint32_t i = 0; i < pages_at_a_time; ++i) pages.push_back(unit * pages_at_a_time + i);
    }
    if (!pages.empty()) {
      source = ask(1, pages);
      pages = differing(1, pages, source);
    }
    if (meanwhile) meanwhile();
    const Epoch joined = store_->find(b_)->joined;
    EXPECT_TRUE(wait([&](Done done) { store_->settle(b_, joined, source.newer, pages, std::move(done)); }));
    std::optional<Result<std::vector<Range>>> holes;
    store_->missing(b_, 0, 1000, [&](Result<std::vector<Range>> found) { holes = std::move(found); });
    work_.run();
    if (!(*holes)->empty()) {
      std::optional<Result<FetchedPages>> fetched;
      store_->fetch(a_, 0, 3, **holes, false, [&](Result<FetchedPages> got) { fetched = std::move(got); });
      work_.run();
      EXPECT_TRUE(wait([&](Done done) { store_->fill(b_, 3, **holes, (*fetched)->runs, (*fetched)->bytes, std::move(done)); }));
    }
    EXPECT_TRUE(wait([&](Done done) { store_->finish_fill(b_, 3, std::move(done)); }));
    EXPECT_EQ(state(b_), State::whole);
    return store_->totals().received_bytes - before;
  }
  void expect_same() {
    const uint64_t length = 200 * page_bytes;
    EXPECT_TRUE(*read(b_, 0, length, 3) == *read(a_, 0, length, 3)) << "the copies differ";
    EXPECT_EQ(store_->find(b_)->stored_bytes, store_->find(a_)->stored_bytes);
  }
};

TEST_F(ComparingTest, NothingIsReadBeforeItIsKnownWhatIsOutOfDate) {
  begin();
  go_on([this] { change(7, 'x'); });
  const auto early = read(b_, 7 * page_bytes, page_bytes, 3);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, Code::unavailable);
  refill();
  EXPECT_EQ(*read(b_, 7 * page_bytes, page_bytes, 3), std::string(page_bytes, 'x'));
}

TEST_F(ComparingTest, ACopyThatWasAwayGetsWhatWasWrittenSinceAndNothingElse) {
  begin();
  go_on([this] {
    change(10, 'x');
    change(150, 'y');
    ASSERT_TRUE(punch(a_, 20 * page_bytes, 3 * page_bytes, 2));
  });
  EXPECT_EQ(state(b_), State::filling);
  EXPECT_EQ(store_->find(b_)->missing_bytes, 0u) << "it has kept what it has";
  EXPECT_EQ(refill(), 2 * page_bytes);
  expect_same();
}

TEST_F(ComparingTest, NothingIsSentWhereNothingWasMissed) {
  begin();
  go_on([] {});
  EXPECT_EQ(refill(), 0u);
  expect_same();
}

// Nobody was told that they were done, and the others may not have them.
TEST_F(ComparingTest, WritesThatWereUnderWayWhenItWasLeftBehindAreReplaced) {
  begin();
  ASSERT_TRUE(write(b_, 7 * page_bytes, std::string(page_bytes, 'l')));        // only here
  ASSERT_TRUE(write(b_, 120 * page_bytes, std::string(2 * page_bytes, 'l')));  // the same, where nothing was
  ASSERT_TRUE(write(a_, 40 * page_bytes, std::string(page_bytes, 'o')));       // only there, at the same epoch
  go_on([this] { change(50, 'z'); });
  EXPECT_EQ(refill(), 3 * page_bytes);
  expect_same();
}

TEST_F(ComparingTest, WhatIsWrittenMeanwhileStays) {
  begin();
  go_on([this] { change(10, 'x'); });
  const std::string newest(2 * page_bytes, 'n');
  refill([&] {
    ASSERT_TRUE(write(a_, 10 * page_bytes, newest, 3));
    ASSERT_TRUE(write(b_, 10 * page_bytes, newest, 3));
  });
  EXPECT_EQ(*read(b_, 10 * page_bytes, newest.size(), 3), newest);
  expect_same();
}

TEST_F(ComparingTest, ACopyIsStillToBeComparedAfterARestart) {
  begin();
  go_on([this] { change(10, 'x'); });
  ASSERT_TRUE(write(a_, 11 * page_bytes, std::string(page_bytes, 'n'), 3));
  ASSERT_TRUE(write(b_, 11 * page_bytes, std::string(page_bytes, 'n'), 3));
  restart();
  EXPECT_EQ(store_->find(b_)->base, 1u);
  EXPECT_EQ(wait([&](Done done) { store_->finish_fill(b_, 3, std::move(done)); }).error().code, Code::unavailable);
  EXPECT_EQ(refill(), page_bytes);
  expect_same();
}

TEST_F(ComparingTest, ACopyThatLeavesBeforeItWasComparedKnowsStillSinceWhenItWasAway) {
  begin();
  go_on([this] { change(10, 'x'); });
  ASSERT_TRUE(write(b_, 90 * page_bytes, std::string(page_bytes, 'u'), 3));
  ASSERT_TRUE(set_epoch(b_, 3, 4, Role::none));
  restart();
  ASSERT_TRUE(set_epoch(b_, 0, 5, Role::refilling));
  EXPECT_EQ(store_->find(b_)->base, 1u);
  EXPECT_EQ(store_->find(b_)->joined, 5u);
}

TEST_F(ComparingTest, AfterAPowerLossOnlyWhatWasLostOrCutIsFetched) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    a_ = BlockId{2 * seed + 1};
    b_ = BlockId{2 * seed + 2};
    begin();
    for (const uint64_t page : {3, 4, 60, 61, 140}) {
      const std::string bytes(page_bytes, 'u');
      ASSERT_TRUE(write(a_, page * page_bytes, bytes));
      ASSERT_TRUE(write(b_, page * page_bytes, bytes));
    }
    ASSERT_TRUE(sync(a_));
    crash(seed);
    ASSERT_EQ(state(b_), State::suspect);
    if (state(a_) == State::suspect) {
      ASSERT_TRUE(set_epoch(a_, 1, 1));
    }
    go_on([this] { change(10, 'x'); });
    EXPECT_LE(refill(), 6 * page_bytes);
    expect_same();
  }
}

TEST_F(ComparingTest, ACopyWithoutContentBecomesOneHole) {
  ASSERT_TRUE(set_epoch(b_, 1, 2, Role::none));
  ASSERT_TRUE(set_epoch(b_, 0, 3, Role::refilling));
  EXPECT_EQ(store_->find(b_)->base, 0u);
}

TEST_F(ComparingTest, AnswersThatMakeNoSenseAreRefused) {
  begin();
  go_on([] {});
  const auto settle_with = [&](std::vector<storage::Run> runs, std::vector<uint32_t> pages) {
    return wait([&](Done done) { store_->settle(b_, 3, runs, pages, std::move(done)); }).error().code;
  };
  EXPECT_EQ(settle_with({{block_pages, 1, 2, false}}, {}), Code::malformed);
  EXPECT_EQ(settle_with({{5, UINT32_MAX, 2, false}}, {}), Code::malformed);
  EXPECT_EQ(settle_with({}, {block_pages}), Code::malformed);
  EXPECT_EQ(wait([&](Done done) { store_->settle(b_, 2, {}, {}, std::move(done)); }).error().code, Code::stale);
  std::optional<Code> code;
  const auto compare = [&](uint32_t unit, std::vector<uint32_t> units) {
    store_->compare(a_, 1, 3, unit, std::move(units), [&](const Result<Comparison>& found) { code = found.error().code; });
    work_.run();
    return *code;
  };
  EXPECT_EQ(compare(0, {}), Code::invalid);
  EXPECT_EQ(compare(33, {}), Code::invalid);
  EXPECT_EQ(compare(32, {block_pages / 32}), Code::invalid);
  EXPECT_EQ(compare(32, {5, 4}), Code::invalid);
}

}  // namespace
}  // namespace lace::storage
