#include "store_fixture.h"

namespace lace::storage {
namespace {

class FillingTest : public StoreFixture {
 protected:
  // Fetches from `block_a` and fills `block_b` with it, at most `rounds` times; true when nothing was missing any more.
  bool fill(int rounds = 1000, const std::function<void()>& meanwhile = nullptr) {
    for (int round = 0; round < rounds; ++round) {
      std::optional<std::vector<Range>> holes;
      store_->missing(block_b, 0, 8, [&](Result<std::vector<Range>> found) { holes = std::move(*found); });
      work_.run();
      if (!holes || holes->empty()) return true;
      std::optional<Result<FetchedPages>> pages;
      store_->fetch(block_a, 0, 1, *holes, false, [&](Result<FetchedPages> got) { pages = std::move(got); });
      work_.run();
      EXPECT_TRUE(*pages) << pages->error().what;
      if (meanwhile) meanwhile();
      std::vector<Range> answered;
      const uint64_t answered_end = (*pages)->next_page * page_bytes;
      for (const Range& hole : *holes) {
        if (hole.offset < answered_end) answered.push_back({hole.offset, std::min(hole.length, answered_end - hole.offset)});
      }
      const Status filled =
          wait([&](Done done) { store_->fill(block_b, 5, answered, (*pages)->runs, (*pages)->bytes, std::move(done)); });
      EXPECT_TRUE(filled) << filled.error().what;
    }
    return false;
  }
  Status finish() {
    return wait([&](Done done) { store_->finish_fill(block_b, 5, std::move(done)); });
  }
};

TEST_F(FillingTest, MakesTheSameCopyAgain) {
  const std::string bytes = text_of(3'000'000, 1);
  ASSERT_TRUE(write(block_a, 1'234'567, bytes));
  ASSERT_TRUE(punch(block_a, 2'000'000 / page_bytes * page_bytes, 10 * page_bytes));
  ASSERT_TRUE(set_epoch(block_b, 0, 5, Role::filling));
  EXPECT_EQ(state(block_b), State::filling);
  EXPECT_EQ(store_->find(block_b)->missing_bytes, block_bytes);
  EXPECT_EQ(finish().error().code, Code::unavailable);
  ASSERT_TRUE(fill());
  EXPECT_EQ(store_->find(block_b)->missing_bytes, 0u);
  EXPECT_EQ(state(block_b), State::filling);
  ASSERT_TRUE(finish());
  EXPECT_EQ(state(block_b), State::whole);
  EXPECT_EQ(changed_, std::vector<BlockId>{block_b});
  EXPECT_EQ(*read(block_b, 1'000'000, 4'000'000, 5), *read(block_a, 1'000'000, 4'000'000, 1));
  EXPECT_EQ(store_->find(block_b)->stored_bytes, store_->find(block_a)->stored_bytes);
  EXPECT_EQ(store_->totals().received_bytes, store_->find(block_a)->stored_bytes);
  restart();
  EXPECT_EQ(store_->totals().received_bytes, store_->find(block_a)->stored_bytes) << "also after a kill";
}

TEST_F(FillingTest, NewerWritesWin) {
  ASSERT_TRUE(write(block_a, 0, std::string(2'000'000, 'o')));
  ASSERT_TRUE(set_epoch(block_b, 0, 5, Role::filling));
  int written = 0;
  ASSERT_TRUE(fill(1000, [&] {
    const uint64_t page = static_cast<uint64_t>(written) * 50;
    if (written++ < 5) {
      EXPECT_TRUE(write(block_b, page * page_bytes, std::string(2 * page_bytes, 'n'), 5));
    }
  }));
  ASSERT_TRUE(finish());
  const std::string found = *read(block_b, 0, 2'000'000, 5);
  EXPECT_EQ(found.substr(0, 2 * page_bytes), std::string(2 * page_bytes, 'n'));
  EXPECT_EQ(found.substr(2 * page_bytes, 100), std::string(100, 'o'));
}

TEST_F(FillingTest, APartOfAMissingPageIsRefusedAndReadsOfHolesAre) {
  ASSERT_TRUE(set_epoch(block_b, 0, 5, Role::filling));
  EXPECT_EQ(write(block_b, 10, "part", 5).error().code, Code::unavailable);
  EXPECT_TRUE(write(block_b, 0, std::string(page_bytes, 'w'), 5));
  EXPECT_TRUE(write(block_b, 10, "part", 5));
  EXPECT_EQ(read(block_b, page_bytes, 1, 5).error().code, Code::unavailable);
}

TEST_F(FillingTest, GoesOnAfterAKillWhereItWas) {
  ASSERT_TRUE(write(block_a, 0, text_of(10'000'000, 2)));
  ASSERT_TRUE(set_epoch(block_b, 0, 5, Role::filling));
  EXPECT_FALSE(fill(3));
  const uint64_t left = store_->find(block_b)->missing_bytes;
  EXPECT_LT(left, block_bytes);
  restart();
  EXPECT_EQ(state(block_b), State::filling);
  EXPECT_EQ(store_->find(block_b)->missing_bytes, left);
  ASSERT_TRUE(fill());
  ASSERT_TRUE(finish());
  EXPECT_EQ(*read(block_b, 0, 10'000'000, 5), *read(block_a, 0, 10'000'000, 1));
}

TEST_F(FillingTest, IsNeverWholeWithLossesAfterACrash) {
  ASSERT_TRUE(write(block_a, 0, text_of(5'000'000, 3)));
  ASSERT_TRUE(sync(block_a));
  clock_.pass(Millis(20'000));
  store_->tick();
  work_.run();
  for (uint64_t seed = 0; seed < 20; ++seed) {
    ASSERT_TRUE(set_epoch(block_b, 0, 5, Role::filling));
    const bool whole = fill(static_cast<int>(seed % 8)) && seed % 2 == 0;
    if (whole) {
      ASSERT_TRUE(finish());
    }
    crash(seed);
    if (state(block_a) == State::suspect) {
      ASSERT_TRUE(set_epoch(block_a, 1, 1));
    }
    if (state(block_b) == State::whole) {
      EXPECT_TRUE(whole) << seed;
      EXPECT_EQ(*read(block_b, 0, 5'000'000, 5), *read(block_a, 0, 5'000'000, 1));
    } else if (state(block_b) == State::filling) {
      ASSERT_TRUE(fill());
      ASSERT_TRUE(finish());
      EXPECT_EQ(*read(block_b, 0, 5'000'000, 5), *read(block_a, 0, 5'000'000, 1));
    } else {
      ASSERT_TRUE(whole) << "only a copy that was whole can be suspect";
    }
    ASSERT_TRUE(remove(block_b));
  }
}

TEST_F(FillingTest, RefusesAnswersThatWereNotAskedFor) {
  ASSERT_TRUE(set_epoch(block_b, 0, 5, Role::filling));
  const auto fill_with = [&](uint32_t first, uint32_t end, std::vector<storage::Run> runs, size_t bytes) {
    return wait([&](Done done) {
             store_->fill(block_b, 5, {{first * page_bytes, (end - first) * page_bytes}}, runs, Bytes(std::string(bytes, 'x')),
                          std::move(done));
           })
        .error()
        .code;
  };
  EXPECT_EQ(fill_with(0, 10, {{5, 10, 1, false}}, 10 * page_bytes), Code::malformed);
  EXPECT_EQ(fill_with(0, 10, {{5, 2, 1, false}}, page_bytes), Code::malformed);
  EXPECT_EQ(fill_with(0, 10, {{5, 2, 1, false}, {4, 1, 1, false}}, 3 * page_bytes), Code::malformed);
  EXPECT_EQ(fill_with(0, 10, {{5, UINT32_MAX, 1, false}}, 0), Code::malformed);
  EXPECT_EQ(fill_with(0, block_pages + 1, {}, 0), Code::malformed);
  EXPECT_EQ(fill_with(0, 10, {{5, 1, 9, false}}, page_bytes), Code::malformed);
}

TEST_F(FillingTest, FetchSendsOnlyWhatIsNewer) {
  ASSERT_TRUE(write(block_a, 0, std::string(4 * page_bytes, 'a')));
  ASSERT_TRUE(set_epoch(block_a, 1, 2));
  ASSERT_TRUE(write(block_a, page_bytes, std::string(page_bytes, 'b'), 2));
  ASSERT_TRUE(punch(block_a, 2 * page_bytes, page_bytes, 2));
  std::optional<FetchedPages> pages;
  store_->fetch(block_a, 1, 2, {}, false, [&](Result<FetchedPages> got) { pages = std::move(*got); });
  work_.run();
  ASSERT_EQ(pages->runs.size(), 2u);
  EXPECT_EQ(pages->runs[0].page, 1u);
  EXPECT_FALSE(pages->runs[0].zero);
  EXPECT_TRUE(pages->runs[1].zero);
  EXPECT_EQ(pages->bytes.view(), std::string(page_bytes, 'b'));
  EXPECT_EQ(pages->next_page, block_pages);
}

// Who has what, as of when, and what is zero or missing: 4 bytes a page, however often and in whatever order it changes.
TEST_F(FillingTest, TheAccountOfACopyNeverTakesMoreThan64KiBAndItsChecksumsAsMuch) {
  std::mt19937_64 random(5);
  ASSERT_TRUE(set_epoch(block_a, 0, 2, Role::filling));
  for (Epoch epoch = 2; epoch < 42; ++epoch) {
    for (int i = 0; i < 100; ++i) {
      const uint64_t page = random() % block_pages;
      ASSERT_TRUE(write(block_a, page * page_bytes, std::string(page_bytes, 'x'), epoch));
    }
    ASSERT_TRUE(punch(block_a, random() % 1'000 * page_bytes, 16 * page_bytes, epoch));
    ASSERT_TRUE(set_epoch(block_a, epoch, epoch + 1, Role::filling));
  }
  const auto cost = [&] {
    return *(*disk_.open(copy_path(block_a), false))->stored_bytes() - store_->find(block_a)->stored_bytes - identity_bytes;
  };
  const uint64_t missing = store_->find(block_a)->missing_bytes;
  EXPECT_GT(missing, 0u);
  EXPECT_EQ(cost(), 2u * (64 << 10));
  restart();
  EXPECT_EQ(cost(), 2u * (64 << 10));
  EXPECT_EQ(store_->find(block_a)->missing_bytes, missing);
}

}  // namespace
}  // namespace lace::storage
