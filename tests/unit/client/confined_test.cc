// Stories of a mount that is confined to a subtree: its rights come with the blocks, for the pages of single files, and end.
#include "fs/client/block_tokens.h"
#include "tests/unit/client/mounted.h"

namespace lace::test {
namespace {

class ConfinedMount : public Mounted {
 protected:
  void SetUp() override {
    cluster_.confine();
    Mounted::SetUp();
  }
};

TEST_F(ConfinedMount, ReadsAndWritesManySmallFilesOfOneBlock) {
  std::vector<fs::Opened> files;
  for (unsigned i = 0; i < 20; ++i) {
    files.push_back(create(std::to_string(i)));
    write(files.back().handle, 0, pattern(5'000, i));
    close(files.back().handle);
  }
  mount({});  // which has placed none of them
  for (unsigned i = 0; i < 20; ++i) {
    const auto file = open(files[i].attributes.inode);
    EXPECT_EQ(read(file.handle, 0, 10'000), pattern(5'000, i));
    write(file.handle, 4'000, "changed");
    close(file.handle);
    EXPECT_EQ(cluster_.content(file.attributes.inode).substr(4'000, 7), "changed");
  }
}

TEST_F(ConfinedMount, AsksAgainForRightsThatHaveEnded) {
  const auto file = create("a");
  write(file.handle, 0, pattern(300'000));
  ASSERT_TRUE(flush(file.handle));
  cluster_.end_tokens();
  EXPECT_EQ(read(file.handle, 0, 300'000), pattern(300'000));
  cluster_.end_tokens();
  write(file.handle, 1'000, "in place");
  ASSERT_TRUE(flush(file.handle));
  cluster_.end_tokens();
  write(file.handle, 300'000, "behind what is there");
  ASSERT_TRUE(flush(file.handle));
  cluster_.end_tokens();
  ASSERT_TRUE(sync(file.handle));
  EXPECT_EQ(cluster_.unsynced_blocks(file.attributes.inode), 0u);
  const std::string content = cluster_.content(file.attributes.inode);
  EXPECT_EQ(content.substr(1'000, 8), "in place");
  EXPECT_EQ(content.substr(300'000), "behind what is there");
  release(file.handle);
}

TEST_F(ConfinedMount, WritesIntoAFileOfMoreFragmentsThanOneAnswerTells) {
  const auto file = create("a");
  for (uint64_t i = 0; i < 400; ++i) write(file.handle, i * 8'192, "x");
  ASSERT_TRUE(flush(file.handle));
  cluster_.end_tokens();
  mount({});
  const auto again = open(file.attributes.inode);
  for (uint64_t i = 0; i < 400; ++i) write(again.handle, i * 8'192 + 1, "y");
  close(again.handle);
  const std::string content = cluster_.content(file.attributes.inode);
  for (uint64_t i = 0; i < 400; ++i) ASSERT_EQ(content.substr(i * 8'192, 2), "xy") << i;
}

TEST_F(ConfinedMount, GoesOnWhenAServerDies) {
  const auto file = create("a");
  write(file.handle, 0, "hello");
  ASSERT_TRUE(flush(file.handle));
  const auto block = cluster_.block(cluster_.extents(file.attributes.inode).at(0).block);
  cluster_.kill(raw(block.in_sync.front()));
  write(file.handle, 0, "HELLO");
  ASSERT_TRUE(flush(file.handle));
  EXPECT_EQ(read(file.handle, 0, 5), "HELLO");
  EXPECT_EQ(cluster_.content(file.attributes.inode), "HELLO");
  release(file.handle);
}

TEST_F(Mounted, AsksForNoRightsWhereItHasOneToEverything) {
  const auto file = create("a");
  write(file.handle, 0, "hello");
  ASSERT_TRUE(flush(file.handle));
  EXPECT_EQ(read(file.handle, 0, 5), "hello");
  ASSERT_TRUE(sync(file.handle));
  EXPECT_EQ(cluster_.requests(wire::Kind::get_blocks), 0u);
  EXPECT_EQ(cluster_.requests(wire::Kind::get_extents), 0u);
  release(file.handle);
}

// ---------------------------------------------------------------- what is remembered

class BlockTokensTest : public ::testing::Test {
 protected:
  static wire::BlockInfo info(const std::string& token, std::vector<wire::PageRange> pages, BlockId block = BlockId{1}) {
    wire::BlockInfo made;
    made.block = block;
    made.token = token;
    made.pages = std::move(pages);
    return made;
  }
  std::string find(uint64_t first, uint64_t count) {
    const auto token = tokens_.find(BlockId{1}, first * page_bytes, count * page_bytes, now_);
    return token ? *token : "";
  }
  fs::BlockTokens tokens_;
  Instant now_{};
  const Instant later_{std::chrono::seconds(10)};
};

TEST_F(BlockTokensTest, AreFoundByThePagesTheyAreGoodFor) {
  tokens_.put(info("a", {{2, 2}, {8, 1}}), later_);
  tokens_.put(info("b", {{4, 1}}), later_);
  EXPECT_EQ(find(2, 2), "a");
  EXPECT_EQ(find(3, 1), "a");
  EXPECT_EQ(find(8, 1), "a");
  EXPECT_EQ(find(4, 1), "b");
  EXPECT_EQ(find(3, 2), "") << "neither is good for both";
  EXPECT_EQ(find(1, 1), "");
  EXPECT_EQ(find(9, 1), "");
  EXPECT_EQ(*tokens_.find(BlockId{1}, 3 * page_bytes - 1, 1, now_), "a") << "a byte of a page";
  EXPECT_FALSE(tokens_.find(BlockId{2}, 2 * page_bytes, 1, now_));
  EXPECT_EQ(*tokens_.any(BlockId{1}, now_), "b");
}

TEST_F(BlockTokensTest, GiveWayToNewerOnesPageByPage) {
  tokens_.put(info("old", {{0, 10}}), later_);
  tokens_.put(info("new", {{4, 2}}), later_);
  EXPECT_EQ(find(0, 4), "old");
  EXPECT_EQ(find(4, 2), "new");
  EXPECT_EQ(find(6, 4), "old");
  tokens_.put(info("all", {{0, 10}}), later_);
  EXPECT_EQ(find(0, 10), "all");
}

TEST_F(BlockTokensTest, EndWithTheirTimeAndWhenTheyAreForgotten) {
  tokens_.put(info("a", {{2, 2}}), later_);
  tokens_.put(info("whole", {}), now_);
  EXPECT_EQ(find(2, 2), "a") << "the other one has ended";
  now_ = later_;
  EXPECT_EQ(find(2, 2), "");
  EXPECT_FALSE(tokens_.any(BlockId{1}, now_));
  tokens_.put(info("whole", {}), later_ + std::chrono::seconds(1));
  EXPECT_EQ(find(0, block_pages), "whole");
  tokens_.forget(BlockId{1});
  EXPECT_EQ(find(2, 2), "");
}

TEST_F(BlockTokensTest, ForNoPageAreGoodToSyncOnly) {
  tokens_.put(info("none", {{0, 0}}), later_);
  EXPECT_EQ(find(0, 1), "");
  EXPECT_EQ(*tokens_.any(BlockId{1}, now_), "none");
}

TEST_F(BlockTokensTest, AreBounded) {
  for (uint64_t block = 1; block <= fs::BlockTokens::most_ranges; ++block)
    tokens_.put(info("t", {{0, 1}}, BlockId{block}), later_);
  EXPECT_FALSE(tokens_.any(BlockId{1}, now_)) << "the first are forgotten";
  EXPECT_TRUE(tokens_.any(BlockId{fs::BlockTokens::most_ranges}, now_));
}

}  // namespace
}  // namespace lace::test
