// Where bytes are: write, truncate and punch, and what they free.
#include "tests/unit/control/namespace_fixture.h"

namespace lace::control {
namespace {

using wire::Extent;
constexpr uint64_t page = page_bytes;

class ExtentMap : public NamespaceTest {
 protected:
  void SetUp() override {
    NamespaceTest::SetUp();
    file_ = make(file(root_inode, "f"));
    block_ = block();
  }
  Extent at(uint64_t offset, uint64_t length, uint64_t block_offset) const { return {offset, length, block_, block_offset}; }
  using Ranges = std::vector<std::tuple<BlockId, uint64_t, uint64_t>>;
  static Ranges ranges(const std::vector<PendingPunch>& punches) {
    Ranges found;
    for (const auto& punch : punches) found.emplace_back(punch.block, punch.offset, punch.length);
    return found;
  }

  InodeId file_{};
  BlockId block_{};
};

TEST_F(ExtentMap, AWriteMapsBytesAndMovesTheEnd) {
  const auto result = run(write(file_, {at(0, 2 * page, 0)}, 5'000));
  EXPECT_EQ(code_of(result), done) << result.outcome.what;
  EXPECT_EQ(result.inode.size, 5'000U);
  EXPECT_EQ(result.inode.stored, 2 * page);
  EXPECT_EQ(result.inode.modified, result.inode.changed);
  EXPECT_EQ(run(write(file_, {}, 10)).inode.size, 5'000U);
  EXPECT_EQ(map_of(file_), std::vector<Extent>{at(0, 2 * page, 0)});
}

TEST_F(ExtentMap, NeighboursInOneBlockBecomeOneExtent) {
  run(write(file_, {at(0, page, 0)}, page));
  run(write(file_, {at(2 * page, page, 2 * page)}, 3 * page));
  EXPECT_EQ(map_of(file_).size(), 2U);
  run(write(file_, {at(page, page, page)}, 3 * page));
  EXPECT_EQ(map_of(file_), std::vector<Extent>{at(0, 3 * page, 0)});
  run(write(file_, {at(3 * page, page, 9 * page)}, 4 * page));
  EXPECT_EQ(map_of(file_).size(), 2U);
  EXPECT_EQ(attributes(file_).stored, 4 * page);
  EXPECT_EQ(attributes(file_).layout, 0U);  // nothing was removed
}

TEST_F(ExtentMap, ANewPlaceReplacesTheOldOneAndFreesIt) {
  run(write(file_, {at(0, 4 * page, 0)}, 4 * page));
  const auto result = run(write(file_, {at(page, 2 * page, 10 * page)}, 0));
  EXPECT_EQ(result.inode.layout, 1U);
  EXPECT_EQ(result.inode.stored, 4 * page);
  EXPECT_EQ(map_of(file_), (std::vector<Extent>{at(0, page, 0), at(page, 2 * page, 10 * page), at(3 * page, page, 3 * page)}));
  EXPECT_EQ(ranges(last_.deferred), (Ranges{{block_, page, 2 * page}}));
  EXPECT_TRUE(last_.punches.empty());
}

TEST_F(ExtentMap, WhatWasPlacedUnderAnOlderLayoutIsRefused) {
  run(write(file_, {at(0, page, 0)}, page));
  const auto old = write(file_, {at(page, page, page)}, 2 * page);
  run(truncate(file_, 0));
  EXPECT_EQ(code_of(run(old)), Code::stale);
  auto in_place = old;
  in_place.extents.clear();
  EXPECT_EQ(code_of(run(in_place)), Code::stale);
  EXPECT_EQ(attributes(file_).size, 0U);
}

TEST_F(ExtentMap, WhatWasAHoleMustBeOneStill) {
  auto first = write(file_, {at(page, page, page)}, 2 * page);
  first.fresh = true;
  EXPECT_EQ(code_of(run(first)), done);
  for (const Extent& late : {at(page, page, 2 * page), at(0, 2 * page, 4 * page), at(2 * page - 10, page, 8 * page - 10)}) {
    auto request = write(file_, {late}, 3 * page);
    request.fresh = true;
    EXPECT_EQ(code_of(run(request)), Code::stale);
  }
  auto beside = write(file_, {at(0, page, 0), at(2 * page, page, 2 * page)}, 3 * page);
  beside.fresh = true;
  EXPECT_EQ(code_of(run(beside)), done);
  EXPECT_EQ(attributes(file_).layout, 0U);
}

TEST_F(ExtentMap, TruncateCutsAtTheByteAndFreesWholePages) {
  run(write(file_, {at(0, 4 * page, 0)}, 4 * page));
  const auto result = run(truncate(file_, page + 100));
  EXPECT_EQ(result.inode.stored, 2 * page);
  EXPECT_EQ(result.inode.layout, 1U);
  EXPECT_EQ(map_of(file_), std::vector<Extent>{at(0, page + 100, 0)});
  EXPECT_EQ(ranges(last_.punches), (Ranges{{block_, 2 * page, 2 * page}}));
  run(truncate(file_, page + 50));
  EXPECT_TRUE(last_.punches.empty());  // the page is touched still
  run(truncate(file_, page));
  EXPECT_EQ(ranges(last_.punches), (Ranges{{block_, page, page}}));
}

TEST_F(ExtentMap, GrowingAFileChangesNoPlaces) {
  run(write(file_, {at(0, page, 0)}, 100));
  const auto result = run(truncate(file_, max_file_bytes));
  EXPECT_EQ(result.inode.layout, 0U);
  EXPECT_EQ(map_of(file_), std::vector<Extent>{at(0, page, 0)});
}

TEST_F(ExtentMap, TheRestOfACutPageMayBeWrittenAgain) {
  run(write(file_, {at(0, page, 0)}, page));
  run(truncate(file_, 100));
  const auto result = run(write(file_, {at(100, page - 100, 100)}, page));
  EXPECT_EQ(code_of(result), done) << result.outcome.what;
  EXPECT_EQ(map_of(file_), std::vector<Extent>{at(0, page, 0)});
  EXPECT_EQ(result.inode.stored, page);
}

TEST_F(ExtentMap, APunchTakesOutTheMiddle) {
  run(write(file_, {at(0, 4 * page, 0)}, 4 * page));
  const auto result = run(wire::Punch{file_, page - 10, page + 20, 0, tick()});
  EXPECT_EQ(code_of(result), done);
  EXPECT_EQ(map_of(file_), (std::vector<Extent>{at(0, page - 10, 0), at(2 * page + 10, 2 * page - 10, 2 * page + 10)}));
  EXPECT_EQ(ranges(last_.punches), (Ranges{{block_, page, page}}));
  EXPECT_EQ(result.inode.stored, 3 * page);
  EXPECT_EQ(result.inode.size, 4 * page);
  run(wire::Punch{file_, 3 * page, max_file_bytes, 9 * page, tick()});
  EXPECT_EQ(attributes(file_).size, 9 * page);
  EXPECT_EQ(code_of(run(wire::Punch{file_, 0, 0, 0, tick()})), Code::invalid);
}

TEST_F(ExtentMap, APageOfTwoPiecesIsFreedWithTheLast) {
  run(write(file_, {at(0, page, 0)}, page));
  run(wire::Punch{file_, 100, 100, 0, tick()});
  EXPECT_TRUE(last_.punches.empty());
  EXPECT_EQ(attributes(file_).stored, page);
  run(wire::Punch{file_, 0, 100, 0, tick()});
  EXPECT_TRUE(last_.punches.empty());
  run(wire::Punch{file_, 150, page, 0, tick()});
  EXPECT_EQ(ranges(last_.punches), (Ranges{{block_, 0, block_bytes}}));
  EXPECT_EQ(attributes(file_).stored, 0U);
}

TEST_F(ExtentMap, APageOnTwoBlocksIsCountedOnce) {
  const BlockId other = block();
  run(write(file_, {at(0, page, 0)}, page));
  run(write(file_, {Extent{1'000, 100, other, 1'000}}, 0));
  EXPECT_EQ(attributes(file_).stored, page);
  EXPECT_EQ(map_of(file_).size(), 3U);
  run(wire::Punch{file_, 1'000, 100, 0, tick()});
  EXPECT_EQ(ranges(last_.punches), (Ranges{{other, 0, block_bytes}}));
}

TEST_F(ExtentMap, ExtentsMustFit) {
  for (const Extent& bad : {at(0, 0, 0), at(0, page, block_bytes), at(0, block_bytes, page), at(0, UINT64_MAX, 0),
                            at(0, page, 100), at(100, page, 0)}) {
    EXPECT_EQ(code_of(run(write(file_, {bad}, 0))), Code::invalid);
  }
  EXPECT_EQ(code_of(run(write(file_, {at(max_file_bytes, page, 0)}, 0))), Code::file_too_big);
  EXPECT_EQ(code_of(run(write(file_, {at(UINT64_MAX - 4095, page, 0)}, 0))), Code::file_too_big);
  EXPECT_EQ(code_of(run(write(file_, {}, max_file_bytes + 1))), Code::file_too_big);
  auto request = write(file_, {}, 0);
  request.inode = root_inode;
  EXPECT_EQ(code_of(run(request)), Code::invalid);
  request.inode = InodeId{99};
  EXPECT_EQ(code_of(run(request)), Code::stale_handle);
}

TEST_F(ExtentMap, AFailingWriteChangesNothing) {
  auto request = write(file_, {at(0, page, 0), Extent{page, page, BlockId{99}, page}}, 2 * page);
  EXPECT_EQ(code_of(run(request)), Code::stale);
  EXPECT_TRUE(map_of(file_).empty());
  EXPECT_EQ(attributes(file_).size, 0U);
}

TEST_F(ExtentMap, NobodyPointsAtBytesOfOthers) {
  const SessionId other = open_session();
  const InodeId mine = make(file(root_inode, "mine"));
  run(write(file_, {at(0, page, 0)}, page));
  const wire::Write theft{mine, {at(0, page, 0)}, page, 0, tick(), false};
  const auto result = commit({theft}, other).reply.results[0];
  EXPECT_EQ(code_of(result), Code::stale);
  // But where a file lies already, everybody may say so.
  const wire::Write again{file_, {at(50, 100, 50)}, page, 0, tick(), false};
  EXPECT_EQ(code_of(commit({again}, other).reply.results[0]), done);
  const wire::Write beyond{file_, {at(page, page, page)}, page, attributes(file_).layout, tick(), false};
  EXPECT_EQ(code_of(commit({beyond}, other).reply.results[0]), Code::stale);
}

TEST_F(ExtentMap, PagesThatAreBeingPunchedAreNotGivenAway) {
  run(write(file_, {at(0, 2 * page, 0)}, 2 * page));
  const auto outcome = commit({truncate(file_, page), wire::Write{file_, {at(page, page, page)}, 2 * page, 1, tick(), false}});
  EXPECT_EQ(code_of(outcome.reply.results[1]), Code::stale);
  EXPECT_EQ(code_of(run(write(file_, {at(page, page, page)}, 2 * page))), Code::stale);
  change([&] { return ns_->acknowledge_punches({outcome.punches.at(0).id}); });
  EXPECT_EQ(code_of(run(write(file_, {at(page, page, page)}, 2 * page))), done);
}

TEST_F(ExtentMap, RemovingAFileFreesItsPages) {
  const InodeId other = make(file(root_inode, "g"));
  run(write(file_, {at(0, page, 0)}, page));
  run(write(other, {at(0, page, page)}, page));
  run(remove(root_inode, "f"));
  EXPECT_EQ(ranges(last_.deferred), (Ranges{{block_, 0, page}}));
  EXPECT_TRUE(last_.punches.empty());
  run(remove(root_inode, "g"));
  EXPECT_EQ(ranges(last_.deferred), (Ranges{{block_, page, page}}));
  EXPECT_TRUE(*ns_->block(block_));  // the session may go on filling it
}

TEST_F(ExtentMap, NeighbouringPunchesOfACommitAreOne) {
  const InodeId other = make(file(root_inode, "g"));
  run(write(file_, {at(0, page, page)}, page));
  run(write(other, {at(0, page, 2 * page)}, page));
  EXPECT_EQ(ranges(commit({remove(root_inode, "g"), remove(root_inode, "f")}).deferred), (Ranges{{block_, page, 2 * page}}));
}

TEST_F(ExtentMap, AFilesOwnBlockIsPunchedWholeWithItsLastBytes) {
  const BlockId other = block();
  run(write(file_, {at(0, page, 0), Extent{block_bytes + page, page, other, page}}, 2 * block_bytes));
  run(truncate(file_, block_bytes));  // what a store that failed has left further behind is nobody's
  EXPECT_EQ(ranges(last_.punches), (Ranges{{other, 0, block_bytes}}));
  EXPECT_TRUE(last_.deferred.empty());
  run(remove(root_inode, "f"));
  EXPECT_EQ(ranges(last_.deferred), (Ranges{{block_, 0, block_bytes}}));
}

TEST_F(ExtentMap, ABlockThatIsWrittenAgainAtOnceIsNotPunchedWhole) {
  run(write(file_, {at(0, page, 0)}, page));
  const auto outcome = commit({truncate(file_, 0), wire::Write{file_, {at(page, page, page)}, 2 * page, 1, tick(), false}});
  EXPECT_EQ(ranges(outcome.punches), (Ranges{{block_, 0, page}}));
}

TEST_F(ExtentMap, ALargeFileIsTakenApartInPieces) {
  std::vector<wire::Operation> operations;
  for (uint64_t i = 0; i < 3'000; ++i) {
    operations.push_back(wire::Write{file_, {at(2 * i * page, page, i * page)}, 0, 0, tick(), false});
  }
  commit(std::move(operations));
  EXPECT_EQ(attributes(file_).stored, 3'000 * page);
  run(remove(root_inode, "f"));
  EXPECT_EQ(last_.orphaned, std::vector<InodeId>{file_});
  EXPECT_EQ(attributes(file_).stored, 2'000 * page);
  EXPECT_FALSE(change([&] { return ns_->reap(file_, 1'500); })->done);
  expect_sound();
  EXPECT_TRUE(change([&] { return ns_->reap(file_, 1'500); })->done);
  EXPECT_TRUE(change([&] { return ns_->reap(file_, 1'500); })->done);
  EXPECT_EQ(ns_->counts().orphans, 0U);
}

TEST_F(ExtentMap, TruncatingThousandsOfExtentsFreesAllOfThem) {
  std::vector<wire::Operation> operations;
  for (uint64_t i = 0; i < 2'500; ++i) {
    operations.push_back(wire::Write{file_, {at(2 * i * page, page, i * page)}, 5'000 * page, 0, tick(), false});
  }
  commit(std::move(operations));
  const auto result = run(truncate(file_, 10));
  EXPECT_EQ(result.inode.stored, page);
  EXPECT_EQ(ranges(last_.punches), (Ranges{{block_, page, 2'499 * page}}));
}

TEST_F(ExtentMap, ExtentsAreAnsweredUpToAnyNumber) {
  std::vector<Extent> extents;
  for (uint64_t i = 0; i < 10; ++i) extents.push_back(at(2 * i * page, page, i * page));
  run(write(file_, extents, 20 * page));
  const auto some = ns_->extents(file_, page / 2, 100 * page, 3);
  ASSERT_TRUE(some);
  EXPECT_EQ(some->extents, (std::vector<Extent>(extents.begin(), extents.begin() + 3)));
  EXPECT_EQ(some->length, 6 * page - page / 2);
  const auto rest = ns_->extents(file_, page / 2 + some->length, 100 * page, 10'000);
  EXPECT_EQ(rest->extents, (std::vector<Extent>(extents.begin() + 3, extents.end())));
  EXPECT_EQ(rest->length, 100 * page);
  EXPECT_EQ(ns_->extents(file_, page, page, 10)->extents.size(), 0U);
  EXPECT_EQ(ns_->extents(file_, 2 * page, 1, 10)->extents.size(), 1U);
  EXPECT_EQ(ns_->extents(file_, UINT64_MAX, UINT64_MAX, 10)->extents.size(), 0U);
  EXPECT_EQ(ns_->extents(InodeId{99}, 0, 1, 10).error().code, Code::stale_handle);
}

}  // namespace
}  // namespace lace::control
