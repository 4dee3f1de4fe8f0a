#include <gtest/gtest.h>

#include "common/base/check.h"
#include "fs/cache/deferred.h"
#include "fs/cache/entry_cache.h"
#include "fs/cache/held_locks.h"
#include "fs/cache/placement.h"

namespace lace::fs {
namespace {

constexpr uint64_t kib = 1024;

TEST(RangeSet, MergesWhatTouchesAndSplitsWhatIsCut) {
  RangeSet set;
  set.add(0, 10);
  set.add(20, 30);
  set.add(10, 20);
  EXPECT_EQ(set.all(), (std::vector<Range>{{0, 30}}));
  set.remove(5, 7);
  EXPECT_EQ(set.all(), (std::vector<Range>{{0, 5}, {7, 30}}));
  EXPECT_TRUE(set.covers(8, 30));
  EXPECT_FALSE(set.covers(4, 8));
  EXPECT_EQ(set.covered_until(1), 5u);
  EXPECT_EQ(set.covered_until(6), 6u);
}

TEST(ExtentMap, KeepsWhatIsLeftOfAnExtentThatIsCut) {
  ExtentMap map;
  map.insert({0, 100 * kib, BlockId{7}, 0});
  map.cut(40 * kib, 50 * kib);
  const auto left = map.within(0, 100 * kib);
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0].length, 40 * kib);
  EXPECT_EQ(left[1].block_offset, 50 * kib);
  EXPECT_TRUE(map.knows(40 * kib, 50 * kib));
  EXPECT_EQ(map.next_data(45 * kib)->begin, 50 * kib);
}

TEST(ExtentMap, JoinsExtentsThatGoOnInTheBlock) {
  ExtentMap map;
  map.insert({0, 4 * kib, BlockId{7}, 8 * kib});
  map.insert({4 * kib, 4 * kib, BlockId{7}, 12 * kib});
  map.insert({8 * kib, 4 * kib, BlockId{8}, 16 * kib});
  EXPECT_EQ(map.size(), 2u);
}

TEST(DirtyMap, ShowsTheLatestBytesAndTellsWhatIsMissing) {
  DirtyMap map;
  map.write(10, "aaaaaaaaaa");
  map.write(15, "bb");
  map.write(30, "cc");
  std::string into(32, '.');
  EXPECT_EQ(map.read(0, 32, into.data()), (std::vector<Range>{{0, 10}, {20, 30}}));
  EXPECT_EQ(into, "..........aaaaabbaaa..........cc");
  EXPECT_EQ(map.bytes(), 12u);
}

TEST(DirtyMap, LeavesASnapshotAsItWas) {
  DirtyMap map;
  map.write(0, "aaaa");
  const DirtySnapshot snapshot = map.snapshot(UINT64_MAX, false);
  map.write(1, "bb");
  map.write(4, "cc");
  EXPECT_EQ(snapshot.payload(0, 4).view(), "aaaa");
  map.forget(snapshot);
  std::string into(6, '.');
  EXPECT_EQ(map.read(0, 6, into.data()), (std::vector<Range>{{0, 1}, {3, 4}}));
  EXPECT_EQ(into, ".bb.cc");
}

TEST(DirtyMap, GivesOutOnlyWholeChunksWhileAFileGrows) {
  DirtyMap map;
  const std::string bytes(300'000, 'x');
  for (uint64_t at = 0; at < 3'000'000; at += bytes.size()) map.write(at, bytes);
  const DirtySnapshot ripe = map.snapshot(UINT64_MAX, true);
  EXPECT_EQ(ripe.runs(), (std::vector<Range>{{0, 2 * DirtyMap::chunk_bytes}}));
  // A megabyte that one stream filled lies in few buffers and goes out in one piece.
  EXPECT_EQ(ripe.payload(0, DirtyMap::chunk_bytes).view(), std::string(DirtyMap::chunk_bytes, 'x'));
}

class Placing : public ::testing::Test {
 protected:
  Result<Placement> run(const std::vector<Range>& runs) {
    return place(runs, extents_, [this](Range pages) -> Result<std::vector<Extent>> {
      asked_.push_back(pages);
      return std::vector<Extent>{{pages.begin, pages.length(), BlockId{99}, pages.begin}};
    });
  }
  ExtentMap extents_;
  std::vector<Range> asked_;
};

TEST_F(Placing, WritesAMappedRangeInPlaceByteForByte) {
  extents_.learn(0, 64 * kib, {{0, 64 * kib, BlockId{5}, 8 * kib}});
  const auto placement = run({{100, 200}});
  ASSERT_TRUE(placement);
  EXPECT_TRUE(placement->extents.empty());
  ASSERT_EQ(placement->writes.size(), 1u);
  EXPECT_EQ(placement->writes[0].block_offset, 8 * kib + 100);
  EXPECT_EQ(placement->writes[0].length, 100u);
}

TEST_F(Placing, MapsNewBytesInWholePages) {
  extents_.learn(0, 64 * kib, {});
  const auto placement = run({{100, 5000}});
  ASSERT_TRUE(placement);
  EXPECT_EQ(asked_, (std::vector<Range>{{0, 8 * kib}}));
  ASSERT_EQ(placement->writes.size(), 1u);
  EXPECT_EQ(placement->writes[0].length, 8 * kib);
}

TEST_F(Placing, GivesThePartOfAPageTheHomeOfThePage) {
  extents_.learn(0, 64 * kib, {{0, 5000, BlockId{5}, 12 * kib}});  // truncated in its second page
  const auto placement = run({{6000, 20'000}});
  ASSERT_TRUE(placement);
  EXPECT_EQ(asked_, (std::vector<Range>{{8 * kib, 20 * kib}}));
  ASSERT_EQ(placement->extents.size(), 2u);
  EXPECT_EQ(placement->extents[0].offset, 5000u);
  EXPECT_EQ(placement->extents[0].length, 8 * kib - 5000);
  EXPECT_EQ(placement->extents[0].block, BlockId{5});
  EXPECT_EQ(placement->extents[0].block_offset, 12 * kib + 5000);
}

TEST_F(Placing, CoversRunsOfOnePageTogether) {
  extents_.learn(0, 64 * kib, {});
  const auto placement = run({{10, 20}, {100, 200}, {4000, 5000}});
  ASSERT_TRUE(placement);
  EXPECT_EQ(asked_, (std::vector<Range>{{0, 8 * kib}}));
  EXPECT_EQ(placement->extents.size(), 1u);
}

TEST_F(Placing, MovesWhatIsDirtyOutOfSharedPages) {
  extents_.learn(0, 64 * kib, {{0, 16 * kib, BlockId{5}, 20 * kib, true}});
  const auto placement = run({{100, 200}, {5000, 13'000}});
  ASSERT_TRUE(placement);
  EXPECT_EQ(asked_, (std::vector<Range>{{0, 4 * kib}, {4 * kib, 16 * kib}}));
  ASSERT_EQ(placement->extents.size(), 2u);
  EXPECT_EQ(placement->extents[0].offset, 100u);
  EXPECT_EQ(placement->extents[0].length, 100u);
  EXPECT_EQ(placement->extents[0].block_offset % page_bytes, 100u);
  EXPECT_EQ(placement->extents[1].offset, 5000u);
  EXPECT_EQ(placement->extents[1].length, 8000u);
  for (const PlacedWrite& write : placement->writes) EXPECT_NE(write.block, BlockId{5});
}

TEST_F(Placing, MovesOutOfSharedPagesToThePageThatIsOwnAlready) {
  extents_.learn(0, 64 * kib, {{0, 1000, BlockId{5}, 20 * kib, true}, {1000, 50, BlockId{6}, 8 * kib + 1000}});
  const auto placement = run({{900, 1200}});
  ASSERT_TRUE(placement);
  EXPECT_TRUE(asked_.empty());
  ASSERT_EQ(placement->extents.size(), 2u);
  EXPECT_EQ(placement->extents[0].block, BlockId{6});
  EXPECT_EQ(placement->extents[0].block_offset, 8 * kib + 900);
  EXPECT_EQ(placement->extents[0].length, 100u);
  EXPECT_EQ(placement->extents[1].offset, 1050u) << "the slack is mapped, too, up to the end of the page";
  EXPECT_EQ(placement->extents[1].length, 4 * kib - 1050);
  ASSERT_EQ(placement->writes.size(), 1u) << "all of it lies together";
  EXPECT_EQ(placement->writes[0].block_offset, 8 * kib + 900);
}

TEST(Deferred, ShowsWhatControlMakesOfAChange) {
  wire::SetAttributes change;
  change.set = wire::SetAttributes::set_uid;
  change.uid = 7;
  wire::Attributes shown;
  shown.mode = 0104755;
  apply(change, shown);
  EXPECT_EQ(shown.mode, 0104755u) << "the kernel says by itself when set-id bits go";
  change.set |= wire::SetAttributes::clear_privileges;
  apply(change, shown);
  EXPECT_EQ(shown.mode, 0100755u);
}

TEST(Deferred, KeepsOwnerAndModeApartBecauseOneClearsTheOther) {
  wire::SetAttributes mode;
  mode.set = wire::SetAttributes::set_mode;
  mode.mode = 04755;
  wire::SetAttributes owner;
  owner.set = wire::SetAttributes::set_uid | wire::SetAttributes::clear_privileges;
  owner.uid = 7;
  DeferredAttributes deferred;
  EXPECT_TRUE(deferred.add(owner));
  EXPECT_TRUE(deferred.add(mode));
  EXPECT_EQ(deferred.changes().size(), 2u);
  wire::Attributes shown;
  shown.mode = 0100644;
  deferred.apply_to(shown);
  EXPECT_EQ(shown.mode, 0104755u);
  EXPECT_EQ(shown.uid, 7u);
}

TEST(Deferred, ForgetsAModificationTimeWhenTheFileIsWrittenAgain) {
  wire::SetAttributes times;
  times.set = wire::SetAttributes::set_modified;
  times.modified = {5, 0};
  DeferredAttributes deferred;
  EXPECT_TRUE(deferred.add(times));
  deferred.written();
  wire::Attributes shown;
  deferred.apply_to(shown);
  EXPECT_EQ(shown.modified.seconds, 0);
}

TEST(EntryCache, DoesNotKeepAnAnswerThatAChangeRanBeside) {
  LogProgress progress;
  EntryCache cache(progress);
  auto question = cache.ask(root_inode);
  question.stamp = 1;
  { const EntryCache::Change change(cache, root_inode); }
  cache.answer(question, root_inode, "a", no_inode);
  EXPECT_FALSE(cache.find(root_inode, "a", 1));
}

TEST(EntryCache, KnowsThatADirectoryMadeHereHasNothingElse) {
  LogProgress progress;
  EntryCache cache(progress);
  cache.set_complete(InodeId{5}, 1);
  EXPECT_EQ(cache.find(InodeId{5}, "a", 1), no_inode);
  EXPECT_FALSE(cache.find(InodeId{5}, "a", 2));
  cache.put(InodeId{5}, "a", InodeId{6}, 1);
  EXPECT_EQ(cache.find(InodeId{5}, "a", 1), InodeId{6});
}

TEST(HeldLocks, SplitsARangeThatIsUnlockedInTheMiddle) {
  HeldLocks locks;
  locks.apply({InodeId{2}, LockOwner{1}, false, 1, 0, 99, 0});
  locks.apply({InodeId{2}, LockOwner{1}, false, 2, 40, 59, 0});
  const auto held = locks.all();
  ASSERT_EQ(held.size(), 2u);
  EXPECT_EQ(held[0].end, 39u);
  EXPECT_EQ(held[1].start, 60u);
}

}  // namespace
}  // namespace lace::fs
