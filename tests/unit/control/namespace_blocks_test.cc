// Blocks: whose they are, when they go, and where their copies lie.
#include "tests/unit/control/namespace_fixture.h"

namespace lace::control {
namespace {

constexpr uint64_t page = page_bytes;
using Servers = std::vector<ServerId>;
using Blocks = std::vector<BlockId>;
constexpr ServerId s1{1};
constexpr ServerId s2{2};
constexpr ServerId s3{3};

class BlockStates : public NamespaceTest {
 protected:
  Status set_copies(BlockId block, Epoch epoch, const Servers& in_sync, const Servers& filling = {}) {
    return change([&] { return ns_->set_copy_set(block, epoch, in_sync, filling); });
  }
  Blocks deletes_of(ServerId server) { return *ns_->pending_deletes(server, BlockId{}, 100); }
  static Blocks ids(const std::vector<wire::BlockInfo>& infos) {
    Blocks found;
    for (const auto& info : infos) found.push_back(info.block);
    return found;
  }
};

TEST_F(BlockStates, NewBlocksAreInSyncAtEpochOne) {
  const BlockId id = block({}, {s2, s3});
  const auto info = *ns_->block(id);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->epoch, 1U);
  EXPECT_EQ(info->in_sync, (Servers{s2, s3}));
  EXPECT_EQ(ns_->counts().in_sync.at(2), 1U);
  EXPECT_TRUE(*ns_->allocated_by(id, session_));
  EXPECT_FALSE(*ns_->block(BlockId{99}));
  EXPECT_TRUE(ns_->was_block(id));
  EXPECT_FALSE(ns_->was_block(BlockId{99}));
}

TEST_F(BlockStates, PlacementsMustMakeSense) {
  const auto allocate = [&](SessionId session, Servers servers) {
    return change([&] { return ns_->allocate(session, {Placement{std::move(servers)}}); });
  };
  EXPECT_EQ(allocate(session_, {}).error().code, Code::invalid);
  EXPECT_EQ(allocate(session_, {s1, s1}).error().code, Code::invalid);
  EXPECT_EQ(allocate(session_, {ServerId{0}}).error().code, Code::invalid);
  EXPECT_EQ(allocate(SessionId{99}, {s1}).error().code, Code::fenced);
}

TEST_F(BlockStates, RememberWhenTheyWentOnWithACopyThatMayHaveLostSomething) {
  const BlockId id = block({}, {s1, s2});
  EXPECT_EQ((*ns_->block(id))->accepted, 0U);
  ASSERT_TRUE(change([&] { return ns_->set_copy_set(id, 2, {s2}, {}, true); }));
  ASSERT_TRUE(set_copies(id, 3, {s2}, {s3}));
  EXPECT_EQ((*ns_->block(id))->accepted, 2U);
  reopen();
  EXPECT_EQ((*ns_->block(id))->accepted, 2U);
}

TEST_F(BlockStates, EpochsOnlyGrow) {
  const BlockId id = block({}, {s1, s2});
  EXPECT_EQ(set_copies(id, 1, {s1}).error().code, Code::stale);
  EXPECT_TRUE(set_copies(id, 2, {s2}));
  EXPECT_EQ(set_copies(id, 2, {s1}).error().code, Code::stale);
  EXPECT_EQ(set_copies(id, 3, {}).error().code, Code::invalid);
  EXPECT_EQ(set_copies(id, 3, {s2}, {s2}).error().code, Code::invalid);
  EXPECT_EQ(set_copies(BlockId{99}, 3, {s2}).error().code, Code::no_entry);
  EXPECT_TRUE(set_copies(id, 3, {s2}, {s3}));
  reopen();
  const auto info = **ns_->block(id);
  EXPECT_EQ(info.epoch, 3U);
  EXPECT_EQ(info.in_sync, Servers{s2});
  EXPECT_EQ(info.filling, Servers{s3});
}

TEST_F(BlockStates, ServersKnowTheirBlocks) {
  const BlockId a = block({}, {s1, s2});
  const BlockId b = block({}, {s1, s3});
  EXPECT_EQ(ids(*ns_->blocks_on(s1, BlockId{}, 10)), (Blocks{a, b}));
  EXPECT_EQ(ids(*ns_->blocks_on(s1, a, 10)), Blocks{b});
  set_copies(a, 2, {s2}, {s3});
  EXPECT_EQ(ids(*ns_->blocks_on(s1, BlockId{}, 10)), Blocks{b});
  EXPECT_EQ(*ns_->dropped_on(s1, BlockId{}, 10), Blocks{a});
  EXPECT_EQ(ids(*ns_->blocks_on(s3, BlockId{}, 10)), (Blocks{a, b}));
  set_copies(a, 3, {s2, s3}, {s1});  // it comes back
  EXPECT_TRUE(ns_->dropped_on(s1, BlockId{}, 10)->empty());
  set_copies(a, 4, {s2});
  change([&] { return ns_->forget_dropped(s1, {a, b}); });
  EXPECT_TRUE(ns_->dropped_on(s1, BlockId{}, 10)->empty());
  EXPECT_EQ(*ns_->dropped_on(s3, BlockId{}, 10), Blocks{a});
  EXPECT_EQ(ids(*ns_->all_blocks(BlockId{}, 10)), (Blocks{a, b}));
}

TEST_F(BlockStates, AnEndedSessionGivesBackWhatItDidNotUse) {
  const SessionId other = open_session();
  const BlockId used = block(other, {s1, s2});
  const BlockId unused = block(other, {s1, s2});
  set_copies(unused, 2, {s1});  // the copy on s2 is dropped, but may exist
  const InodeId f = make(file(root_inode, "f"));
  commit({wire::Write{f, {{0, page, used, 0}}, page, 0, tick(), false}}, other);
  EXPECT_TRUE(*change([&] { return ns_->end_session(other); }));
  EXPECT_FALSE(*change([&] { return ns_->end_session(other); }));
  EXPECT_TRUE(*ns_->block(used));
  EXPECT_FALSE(*ns_->block(unused));
  EXPECT_EQ(deletes_of(s1), Blocks{unused});
  EXPECT_EQ(deletes_of(s2), Blocks{unused});
  EXPECT_TRUE(*ns_->is_pending_delete(s2, unused));
  change([&] { return ns_->acknowledge_deletes(s1, {unused}); });
  EXPECT_TRUE(deletes_of(s1).empty());
  run(remove(root_inode, "f"));  // now nobody keeps the other one either
  EXPECT_TRUE(last_.deletes);
  EXPECT_TRUE(last_.deferred.empty());
  EXPECT_EQ(deletes_of(s1), Blocks{used});
  EXPECT_TRUE(ns_->was_block(used));
  EXPECT_EQ(ns_->counts().blocks, 0U);
}

TEST_F(BlockStates, AFullBlockGoesWithItsLastExtent) {
  const BlockId id = block();
  const InodeId f = make(file(root_inode, "f"));
  run(write(f, {{0, block_bytes / 2, id, 0}}, block_bytes));
  run(truncate(f, 0));
  EXPECT_TRUE(*ns_->block(id));
  for (const auto& punch : last_.punches) change([&] { return ns_->acknowledge_punches({punch.id}); });
  run(write(f, {{0, block_bytes / 2, id, block_bytes / 2}}, block_bytes));
  EXPECT_TRUE(*ns_->block(id));
  run(truncate(f, 0));
  EXPECT_FALSE(*ns_->block(id));
  EXPECT_TRUE(last_.punches.empty());
}

TEST_F(BlockStates, ASessionKeepsItsNewestThousandBlocks) {
  std::vector<BlockId> made;
  change([&] {
    for (int i = 0; i < 17; ++i) {
      const auto infos = ns_->allocate(session_, std::vector<Placement>(64, Placement{{s1}}));
      for (const auto& info : *infos) made.push_back(info.block);
    }
    return 0;
  });
  EXPECT_EQ(made.size(), 1'088U);
  EXPECT_EQ(ns_->counts().blocks, 1'024U);
  EXPECT_FALSE(*ns_->block(made[63]));
  EXPECT_TRUE(*ns_->block(made[64]));
  EXPECT_EQ(deletes_of(s1).size(), 64U);
}

TEST_F(BlockStates, PunchesAreKeptUntilAcknowledged) {
  const BlockId id = block();
  const InodeId f = make(file(root_inode, "f"));
  run(write(f, {{0, 4 * page, id, 0}}, 4 * page));
  run(truncate(f, page));
  ASSERT_EQ(last_.punches.size(), 1U);
  reopen();
  const auto pending = *ns_->pending_punches(0, 10);
  ASSERT_EQ(pending.size(), 1U);
  EXPECT_EQ(pending[0].id, last_.punches[0].id);
  EXPECT_EQ(pending[0].offset, page);
  EXPECT_EQ(pending[0].length, 3 * page);
  change([&] { return ns_->acknowledge_punches({pending[0].id, 99}); });
  EXPECT_TRUE(ns_->pending_punches(0, 10)->empty());
  EXPECT_EQ(ns_->counts().pending_punches, 0U);
}

TEST_F(BlockStates, PunchesGoWithTheBlock) {
  const BlockId id = block();
  const InodeId f = make(file(root_inode, "f"));
  run(write(f, {{0, 4 * page, id, 0}}, 4 * page));
  run(truncate(f, page));
  change([&] { return ns_->end_session(session_); });
  numbers_.clear();
  session_ = open_session();
  run(truncate(f, 0));
  EXPECT_FALSE(*ns_->block(id));
  EXPECT_TRUE(ns_->pending_punches(0, 10)->empty());
}

TEST_F(BlockStates, BlocksOfAFileAreFound) {
  const BlockId a = block();
  const BlockId b = block();
  const InodeId f = make(file(root_inode, "f"));
  run(write(f, {{0, page, a, 0}}, page));
  EXPECT_TRUE(*ns_->uses_block(f, a));
  EXPECT_FALSE(*ns_->uses_block(f, b));
}

// ---------------------------------------------------------------- of confined sessions

// Whose client is not trusted to use a page of its blocks for one file only.
class ConfinedBlocks : public BlockStates {
 protected:
  void SetUp() override {
    BlockStates::SetUp();
    directory_inode_ = make(directory(root_inode, "d"));
    mine_ = make(file(directory_inode_, "mine"));
    other_ = make(file(directory_inode_, "other"));
    SessionRecord record;
    record.subtree = "/d";
    record.root = directory_inode_;
    confined_ = open_session(record);
    own_ = block(confined_);
  }
  Code place(InodeId inode, std::vector<wire::Extent> extents) {
    const wire::Write request = write(inode, extents, extents.back().offset + extents.back().length);
    return code_of(commit({request}, confined_).reply.results.at(0));
  }
  std::vector<wire::PageRange> free_pages(uint32_t most = 100) { return *ns_->free_pages(own_, most); }
  void acknowledge_all() {
    std::vector<uint64_t> ids;
    const auto punches = *ns_->pending_punches(0, 1'000);
    for (const auto& punch : punches) ids.push_back(punch.id);
    ASSERT_TRUE(change([&] { return ns_->acknowledge_punches(ids); }));
  }

  InodeId directory_inode_{}, mine_{}, other_{};
  SessionId confined_{};
  BlockId own_{};
};

TEST_F(ConfinedBlocks, GiveAPageToOneFileOnly) {
  EXPECT_EQ(place(mine_, {{0, 2 * page, own_, 4 * page}}), done);
  EXPECT_EQ(place(other_, {{0, page, own_, 5 * page}}), Code::stale);
  EXPECT_EQ(place(other_, {{100, 10, own_, 4 * page + 100}}), Code::stale) << "not even a part of it";
  EXPECT_EQ(place(other_, {{0, 3 * page, own_, 3 * page}}), Code::stale);
  EXPECT_EQ(place(mine_, {{8 * page, page, own_, 4 * page}}), Code::stale) << "nor to one file twice";
  EXPECT_EQ(place(mine_, {{0, 2 * page, own_, 4 * page}}), done) << "again where it is";
  EXPECT_EQ(place(other_, {{0, page, own_, 6 * page}}), done);
  // Moved out of the subtree the file is as safe as any other.
  commit({rename(directory_inode_, "mine", root_inode, "moved")});
  EXPECT_EQ(place(other_, {{page, page, own_, 4 * page}}), Code::stale);
  EXPECT_EQ(place(mine_, {{2 * page, page, own_, 9 * page}}), Code::denied);
  reopen();
  EXPECT_EQ(place(other_, {{page, page, own_, 4 * page}}), Code::stale) << "as before the restart";
}

TEST_F(ConfinedBlocks, AreNotGivenTwiceWithinOneWrite) {
  EXPECT_EQ(place(mine_, {{0, page, own_, 0}, {page, page, own_, 0}}), Code::invalid);
  EXPECT_EQ(place(mine_, {{0, 4 * page, own_, 0}, {8 * page, page, own_, page}, {9 * page, page, own_, 7 * page}}),
            Code::invalid);
  EXPECT_EQ(place(mine_, {{0, 100, own_, 0}, {200, 100, own_, 200}}), done) << "two parts of one page";
  EXPECT_EQ(map_of(mine_).size(), 2U);
}

TEST_F(ConfinedBlocks, SayWhichPagesAreFree) {
  using Pages = std::vector<wire::PageRange>;
  const auto all = static_cast<uint32_t>(block_pages);
  EXPECT_EQ(free_pages(), (Pages{{0, all}}));
  ASSERT_EQ(place(mine_, {{0, 2 * page, own_, 4 * page}}), done);
  ASSERT_EQ(place(other_, {{0, 100, own_, 6 * page}}), done);
  EXPECT_EQ(free_pages(), (Pages{{0, 4}, {7, all - 7}}));
  ASSERT_EQ(place(other_, {{page, page, own_, 10 * page}}), done);
  EXPECT_EQ(free_pages(), (Pages{{0, 4}, {7, 3}, {11, all - 11}}));
  EXPECT_EQ(free_pages(2), (Pages{{0, 4}, {7, 3}}));
  // What is cut off is free when the copies have given it back, not before.
  commit({truncate(mine_, page)}, confined_);
  EXPECT_EQ(free_pages(), (Pages{{0, 4}, {7, 3}, {11, all - 11}}));
  EXPECT_EQ(place(other_, {{5 * page, page, own_, 5 * page}}), Code::stale);
  acknowledge_all();
  EXPECT_EQ(free_pages(), (Pages{{0, 4}, {5, 1}, {7, 3}, {11, all - 11}}));
  EXPECT_EQ(place(other_, {{5 * page, page, own_, 5 * page}}), done);
  reopen();
  EXPECT_EQ(free_pages(), (Pages{{0, 4}, {7, 3}, {11, all - 11}}));
}

TEST_F(ConfinedBlocks, AreAsOthersWhenTheSessionHasEnded) {
  ASSERT_EQ(place(mine_, {{0, 2 * page, own_, 4 * page}}), done);
  change([&] { return ns_->end_session(confined_); });
  EXPECT_TRUE(*ns_->block(own_));
  EXPECT_FALSE(*ns_->allocated_by(own_, confined_));
  EXPECT_EQ(code_of(run(write(other_, {{0, page, own_, 0}}, page))), Code::stale) << "nobody's to place anything in";
  EXPECT_EQ(code_of(run(write(mine_, {{0, page, own_, 4 * page}}, page))), done);
}

}  // namespace
}  // namespace lace::control
