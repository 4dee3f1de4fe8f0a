#include "cluster_fixture.h"
#include "storage/scrub/scrubber.h"
#include "store_fixture.h"

namespace lace::storage {
namespace {

// ---------------------------------------------------------------- lost pages of one copy

class LostPagesTest : public StoreFixture {
 protected:
  // Reads everything from the disk; answers how many pages were found to be bad.
  uint64_t verify_all(BlockId block) {
    const uint64_t before = store_->totals().corrupt_pages;
    for (uint32_t page = 0; page < block_pages;) {
      std::optional<Result<Verified>> found;
      store_->verify(block, page, 64, [&](Result<Verified> verified) { found = std::move(verified); });
      work_.run();
      if (*found) page = (*found)->next_page;
      if (!*found && (*found).error().code != Code::corrupt) {
        ADD_FAILURE() << (*found).error().what;
        break;
      }
    }
    return store_->totals().corrupt_pages - before;
  }
  Status heal(BlockId block, uint32_t page, const std::string& bytes) {
    return wait([&](Done done) {
      store_->fill(block, 1, {{page * page_bytes, page_bytes}}, {{page, 1, 1, false}}, Bytes(bytes), std::move(done));
    });
  }
};

TEST_F(LostPagesTest, AreFoundByReadingEverything) {
  const std::string bytes = text_of(300 * page_bytes, 1);
  ASSERT_TRUE(write(block_a, 0, bytes));
  EXPECT_EQ(verify_all(block_a), 0u);
  for (const uint64_t page : {0, 70, 71, 299}) disk_.flip_bit(copy_path(block_a), page * page_bytes + 9, 1);
  EXPECT_EQ(verify_all(block_a), 4u);
  EXPECT_EQ(verify_all(block_a), 0u) << "each is found once";
  EXPECT_EQ(store_->find(block_a)->missing_bytes, 4 * page_bytes);
  EXPECT_EQ(state(block_a), State::whole);
  EXPECT_EQ(*read(block_a, page_bytes, 10), bytes.substr(page_bytes, 10)) << "the others are read as before";
  EXPECT_EQ(read(block_a, 70 * page_bytes, 10).error().code, Code::corrupt) << "read another copy";
}

TEST_F(LostPagesTest, AreHealedInPlace) {
  const std::string bytes = text_of(10 * page_bytes, 1);
  ASSERT_TRUE(write(block_a, 0, bytes));
  disk_.flip_bit(copy_path(block_a), 5 * page_bytes, 1);
  ASSERT_EQ(verify_all(block_a), 1u);
  ASSERT_TRUE(heal(block_a, 5, bytes.substr(5 * page_bytes, page_bytes)));
  EXPECT_EQ(*read(block_a, 0, bytes.size()), bytes);
  EXPECT_EQ(store_->find(block_a)->missing_bytes, 0u);
  EXPECT_EQ(store_->totals().healed_pages, 1u);
  ASSERT_TRUE(sync(block_a));
  restart();
  EXPECT_EQ(*read(block_a, 0, bytes.size()), bytes);
}

TEST_F(LostPagesTest, ThatWereWrittenAnewMeanwhileStaySo) {
  ASSERT_TRUE(write(block_a, 0, text_of(10 * page_bytes, 1)));
  disk_.flip_bit(copy_path(block_a), 5 * page_bytes, 1);
  ASSERT_EQ(verify_all(block_a), 1u);
  ASSERT_TRUE(write(block_a, 5 * page_bytes, std::string(page_bytes, 'n')));
  ASSERT_TRUE(heal(block_a, 5, std::string(page_bytes, 'o')));
  EXPECT_EQ(*read(block_a, 5 * page_bytes, 3), "nnn");
}

// A page that is lost while an answer is on its way was not asked for: it must not become one that was never written.
TEST_F(LostPagesTest, AreNotZeroBecauseAnAnswerDoesNotNameThem) {
  const std::string bytes = text_of(10 * page_bytes, 1);
  ASSERT_TRUE(write(block_a, 0, bytes));
  disk_.flip_bit(copy_path(block_a), 3 * page_bytes, 1);
  disk_.flip_bit(copy_path(block_a), 5 * page_bytes, 1);
  ASSERT_EQ(verify_all(block_a), 2u);
  ASSERT_TRUE(heal(block_a, 3, bytes.substr(3 * page_bytes, page_bytes)));
  EXPECT_EQ(read(block_a, 5 * page_bytes, 1).error().code, Code::corrupt);
}

TEST_F(LostPagesTest, AreNamedToWhoFetches) {
  const std::string bytes = text_of(10 * page_bytes, 1);
  ASSERT_TRUE(write(block_a, 0, bytes));
  disk_.flip_bit(copy_path(block_a), 5 * page_bytes, 1);
  ASSERT_EQ(verify_all(block_a), 1u);
  std::optional<Result<FetchedPages>> pages;
  const auto fetch = [&](bool partial) {
    store_->fetch(block_a, 0, 1, {}, partial, [&](Result<FetchedPages> got) { pages = std::move(got); });
    work_.run();
  };
  fetch(false);
  EXPECT_EQ((*pages).error().code, Code::unavailable);
  fetch(true);
  ASSERT_TRUE(*pages);
  ASSERT_EQ((*pages)->missing.size(), 1u);
  EXPECT_EQ((*pages)->missing.front().page, 5u);
  EXPECT_EQ((*pages)->bytes.size(), 9 * page_bytes);
}

// ---------------------------------------------------------------- the record of a scrub

TEST(ScrubRecord, IsReadAsItWasWritten) {
  const ScrubRecord record{true, 1'790'000'000, BlockId{77}, 123, 456, 7, 1'700'000'000};
  const auto read = decode_scrub(encode_scrub(record));
  ASSERT_TRUE(read);
  EXPECT_EQ(encode_scrub(*read), encode_scrub(record));
  EXPECT_FALSE(decode_scrub(""));
  EXPECT_FALSE(decode_scrub(encode_scrub(record) + "x"));
  EXPECT_FALSE(decode_scrub(encode_scrub(record).substr(0, 40)));
}

// ---------------------------------------------------------------- servers

class ScrubTest : public ServerClusterFixture {
 protected:
  // Two copies of 40 pages on s1 and s2.
  void begin() {
    start("s1");
    start("s2");
    ASSERT_TRUE(write({"s1", "s2"}, 0, bytes_));
  }
  void order_scrub(const std::string& name) {
    control_.scrub_order = static_cast<uint64_t>(simulation_.clock().wall().seconds) + 1;
    ASSERT_TRUE(simulation_.run_until([&] { return node(name).storage->scrubber().record().order == control_.scrub_order; },
                                      Millis(5'000)));
  }
  bool ends(const std::string& name, Millis within = Millis(20'000)) {
    return simulation_.run_until([&] { return !node(name).storage->scrubber().record().running; }, within);
  }
  void flip(const std::string& name, uint64_t page) { node(name).disk.flip_bit(copy_path(block_), page * page_bytes + 1, 2); }
  Status heal(const std::string& name, const std::string& source) {
    const auto answer = order(name, wire::FillBlocks{"", {{block_, 1, id(source), {}}}});
    return answer ? wire::status_of(answer->reply.outcomes.front()) : pass(answer);
  }
  uint64_t missing(const std::string& name) { return node(name).storage->totals().missing_bytes; }

  const std::string bytes_ = text_of(40 * page_bytes, 3);
};

TEST_F(ScrubTest, FindsBadPagesAndSaysSo) {
  begin();
  flip("s2", 7);
  order_scrub("s2");
  ASSERT_TRUE(ends("s2"));
  EXPECT_EQ(node("s2").storage->scrubber().record().corrupt, 1u);
  EXPECT_EQ(missing("s2"), page_bytes);
  ASSERT_TRUE(simulation_.run_until([&] { return control_.reported[block_].missing_bytes == page_bytes; }, Millis(5'000)));
  EXPECT_EQ(control_.reported[block_].state, wire::CopyState::whole) << "it counts as before";
}

TEST_F(ScrubTest, TwoCopiesWithDifferentBadPagesHealEachOther) {
  begin();
  flip("s1", 3);
  flip("s2", 7);
  flip("s2", 8);
  order_scrub("s1");
  order_scrub("s2");
  ASSERT_TRUE(ends("s1") && ends("s2"));
  ASSERT_TRUE(heal("s1", "s2"));
  ASSERT_TRUE(heal("s2", "s1"));
  ASSERT_TRUE(simulation_.run_until([&] { return missing("s1") + missing("s2") == 0; }, Millis(20'000)));
  for (const std::string name : {"s1", "s2"}) EXPECT_EQ(*read(name, 0, bytes_.size()), bytes_);
}

TEST_F(ScrubTest, APageThatIsBadEverywhereIsNeverMadeUp) {
  begin();
  flip("s1", 7);
  flip("s2", 7);
  flip("s2", 9);
  order_scrub("s1");
  order_scrub("s2");
  ASSERT_TRUE(ends("s1") && ends("s2"));
  ASSERT_TRUE(heal("s2", "s1"));
  ASSERT_TRUE(simulation_.run_until([&] { return missing("s2") == page_bytes; }, Millis(20'000)));
  simulation_.run_for(Millis(20'000));
  EXPECT_EQ(read("s2", 7 * page_bytes, 1).error().code, Code::corrupt);
  EXPECT_EQ(*read("s2", 9 * page_bytes, 5), bytes_.substr(9 * page_bytes, 5));
}

TEST_F(ScrubTest, GoesOnWhereItWasAfterARestart) {
  begin();
  control_.limits.scrub_bytes_per_second = 20 * page_bytes;
  order_scrub("s2");
  simulation_.run_for(Millis(1'000));
  ASSERT_TRUE(node("s2").storage->scrubber().record().running);
  simulation_.run_for(Millis(12'000));  // its record was kept
  stop("s2");
  start("s2");
  EXPECT_EQ(node("s2").storage->scrubber().record().order, control_.scrub_order);
  ASSERT_TRUE(ends("s2"));
}

TEST_F(ScrubTest, BeginsByItselfWhenItIsTime) {
  begin();
  EXPECT_FALSE(node("s2").storage->scrubber().record().running) << "a new server has nothing to look for";
  control_.limits.scrub_every_hours = 1;
  const int64_t before = node("s2").storage->scrubber().record().ended;
  simulation_.run_for(Millis(3'600'000));
  ASSERT_TRUE(ends("s2"));
  EXPECT_GT(node("s2").storage->scrubber().record().ended, before);
}

}  // namespace
}  // namespace lace::storage
