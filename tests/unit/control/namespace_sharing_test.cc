// Pages with several users, copies of trees, snapshots.
#include <map>

#include "tests/unit/control/namespace_fixture.h"

namespace lace::control {
namespace {

using wire::Extent;
constexpr uint64_t page = page_bytes;

class Sharing : public NamespaceTest {
 protected:
  void SetUp() override {
    NamespaceTest::SetUp();
    block_ = block();
    file_ = make(file(root_inode, "f"));
    copy_ = make(file(root_inode, "g"));
  }
  // Not where a file's own block would have it, unless that is wanted.
  Extent at(uint64_t offset, uint64_t length, uint64_t block_offset, bool shared = false) {
    return {offset, length, block_, block_offset, shared};
  }
  wire::OperationResult share(uint64_t offset, uint64_t from_offset, uint64_t length) {
    return run(wire::Share{copy_, offset, file_, from_offset, length, tick()});
  }
  void acknowledge() {
    for (const auto& punch : *ns_->pending_punches(0, 1'000)) {
      change([&, id = punch.id] { return ns_->acknowledge_punches({id}); });
    }
  }
  using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;
  static Ranges ranges(const std::vector<PendingPunch>& punches) {
    Ranges found;
    for (const auto& punch : punches) found.emplace_back(punch.offset, punch.length);
    return found;
  }

  BlockId block_{};
  InodeId file_{};
  InodeId copy_{};
};

TEST_F(Sharing, BothFilesHaveThePages) {
  run(write(file_, {at(0, 4 * page, 8 * page)}, 4 * page - 10));
  const auto result = share(0, 0, 4 * page - 10);
  EXPECT_EQ(code_of(result), done);
  EXPECT_EQ(result.inode.size, 4 * page - 10);
  EXPECT_EQ(result.inode.stored, 4 * page);
  EXPECT_EQ(map_of(copy_), (std::vector<Extent>{at(0, 4 * page, 8 * page, true)}));
  EXPECT_EQ(map_of(file_), map_of(copy_));
}

TEST_F(Sharing, PagesAreFreedWithTheirLastUser) {
  run(write(file_, {at(0, 4 * page, 8 * page)}, 4 * page));
  share(page, page, 2 * page);
  run(truncate(file_, 0));
  EXPECT_EQ(ranges(last_.punches), (Ranges{{8 * page, page}, {11 * page, page}}));
  EXPECT_EQ(map_of(copy_), (std::vector<Extent>{at(page, 2 * page, 9 * page)}));
  run(remove(root_inode, "g"));
  EXPECT_EQ(ranges(last_.deferred), (Ranges{{9 * page, 2 * page}}));
}

TEST_F(Sharing, APageInPiecesIsOneUse) {
  run(write(file_, {at(0, page, 8 * page)}, page));
  run(wire::Punch{file_, 100, 100, 0, tick()});
  share(0, 0, page);
  run(wire::Punch{file_, 0, page, 0, tick()});
  EXPECT_TRUE(last_.punches.empty());
  run(wire::Punch{copy_, 0, 100, 0, tick()});
  EXPECT_TRUE(last_.punches.empty());
  run(wire::Punch{copy_, 200, page, 0, tick()});
  EXPECT_EQ(ranges(last_.punches), (Ranges{{8 * page, page}}));
}

TEST_F(Sharing, TheSameRangeMayBeSharedAgain) {
  run(write(file_, {at(0, 2 * page, 8 * page)}, 2 * page));
  share(0, 0, 2 * page);
  EXPECT_EQ(code_of(share(0, 0, 2 * page)), done);
  EXPECT_TRUE(last_.punches.empty());
  run(remove(root_inode, "f"));
  EXPECT_TRUE(last_.deferred.empty());
  EXPECT_EQ(map_of(copy_), (std::vector<Extent>{at(0, 2 * page, 8 * page)}));
}

TEST_F(Sharing, AFileMaySharePagesWithItself) {
  run(write(file_, {at(0, page, 8 * page)}, page));
  EXPECT_EQ(code_of(run(wire::Share{file_, page, file_, 0, page, tick()})), done);
  EXPECT_EQ(code_of(run(wire::Share{file_, 0, file_, 0, page, tick()})), Code::invalid);
  EXPECT_EQ(attributes(file_).stored, 2 * page);
  run(truncate(file_, page));
  EXPECT_TRUE(last_.punches.empty());
  run(truncate(file_, 0));
  EXPECT_EQ(ranges(last_.punches), (Ranges{{8 * page, page}}));
}

TEST_F(Sharing, NobodyPlacesOnSharedPages) {
  run(write(file_, {at(0, page, 8 * page)}, page));
  run(truncate(file_, 100));
  share(0, 0, 100);
  EXPECT_EQ(code_of(run(write(file_, {at(100, 100, 8 * page + 100)}, 200))), Code::stale);
  // On pages of their own they do, in place of those.
  auto request = write(file_, {at(50, 150, 20 * page + 50)}, 200);
  request.fresh = true;
  EXPECT_EQ(code_of(run(request)), done);
  EXPECT_EQ(map_of(file_), (std::vector<Extent>{at(0, 50, 8 * page, true), at(50, 150, 20 * page + 50)}));
  EXPECT_EQ(attributes(file_).stored, page);
  EXPECT_EQ(map_of(copy_), (std::vector<Extent>{at(0, 100, 8 * page, true)}));
  request.layout = attributes(file_).layout;
  EXPECT_EQ(code_of(run(request)), Code::stale) << "another mount was faster";
}

TEST_F(Sharing, AFilesOwnBlockIsNobodysToPlaceInAnyMore) {
  run(write(file_, {at(0, page, 0)}, page));
  EXPECT_TRUE(*ns_->allocated_by(block_, session_));
  EXPECT_EQ(code_of(share(0, 0, page)), done);
  EXPECT_FALSE(*ns_->allocated_by(block_, session_));
  EXPECT_EQ(code_of(run(write(file_, {at(page, page, page)}, 2 * page))), Code::stale);
  run(remove(root_inode, "f"));
  run(remove(root_inode, "g"));
  EXPECT_FALSE(*ns_->block(block_));
}

TEST_F(Sharing, APackNeverLooksLikeAnOwnBlock) {
  run(write(file_, {at(0, page, 8 * page)}, page));
  EXPECT_EQ(code_of(share(8 * page, 0, page)), Code::not_supported);
  EXPECT_EQ(code_of(share(9 * page, 0, page)), done);
}

TEST_F(Sharing, OnlyWholePagesAreShared) {
  run(write(file_, {at(0, 2 * page, 8 * page)}, 2 * page));
  run(write(copy_, {}, 3 * page));
  EXPECT_EQ(code_of(share(0, 0, 100)), Code::invalid);
  EXPECT_EQ(code_of(share(100, 100, page)), Code::invalid);
  EXPECT_EQ(code_of(share(0, 0, 3 * page)), Code::invalid);
  run(truncate(file_, page + 100));
  EXPECT_EQ(code_of(share(page, page, 100)), Code::invalid) << "the rest of the page is the target's";
  EXPECT_EQ(code_of(share(2 * page, page, 100)), Code::invalid);
  EXPECT_EQ(code_of(share(3 * page, page, 100)), done);
  EXPECT_EQ(attributes(copy_).size, 3 * page + 100);
}

TEST_F(Sharing, WhatWasThereIsPunchedBeforeTheAnswer) {
  run(write(file_, {at(0, page, 8 * page)}, page));
  run(write(copy_, {at(0, page, 9 * page)}, page));
  const uint64_t layout = attributes(copy_).layout;
  share(0, 0, page);
  EXPECT_EQ(ranges(last_.punches), (Ranges{{9 * page, page}}));
  EXPECT_GT(attributes(copy_).layout, layout);
}

TEST_F(Sharing, WhoStillKnowsAHoleThereMapsNothingOfItsOwn) {
  run(write(file_, {at(0, page, 8 * page)}, page));
  run(truncate(copy_, page));
  auto late = write(copy_, {at(0, page, 20 * page)}, page);
  late.layout = attributes(copy_).layout;
  late.fresh = true;
  share(0, 0, page);
  EXPECT_EQ(code_of(run(late)), Code::stale);
  EXPECT_EQ(map_of(copy_), (std::vector<Extent>{at(0, page, 8 * page, true)}));
}

TEST_F(Sharing, ATreeIsCopiedWithAllThatItHas) {
  const InodeId top = make(directory(root_inode, "d"));
  const InodeId inner = make(directory(top, "e"));
  const InodeId inside = make(file(inner, "x", S_IFREG | 0640));
  run(write(inside, {at(0, 3 * page, 8 * page)}, 3 * page - 5));
  run(wire::Link{inside, top, "y", tick()});
  auto link = file(inner, "l", S_IFLNK | 0777);
  link.target = "x";
  make(link);
  run(wire::SetXattr{inside, "user.a", "b", false, false, tick()});
  const auto result = run(wire::CopyTree{top, root_inode, "copy", tick()});
  ASSERT_EQ(code_of(result), done) << result.outcome.what;
  EXPECT_EQ(names(result.inode.inode), (std::vector<std::string>{"e", "y"}));
  const InodeId x = *ns_->resolve("/copy/e/x");
  EXPECT_EQ(x, *ns_->resolve("/copy/y"));
  EXPECT_NE(x, inside);
  EXPECT_EQ(attributes(x).links, 2U);
  EXPECT_EQ(attributes(x).mode, attributes(inside).mode);
  EXPECT_EQ(attributes(x).size, 3 * page - 5);
  EXPECT_EQ(attributes(x).modified, attributes(inside).modified);
  EXPECT_EQ(map_of(x), (std::vector<Extent>{at(0, 3 * page, 8 * page, true)}));
  EXPECT_EQ(*ns_->get_xattr(x, "user.a"), "b");
  EXPECT_EQ(*ns_->read_link(*ns_->resolve("/copy/e/l")), "x");
  EXPECT_EQ(attributes(*ns_->resolve("/copy/e")).modified, attributes(inner).modified);
  EXPECT_EQ(code_of(run(wire::CopyTree{top, root_inode, "copy", tick()})), Code::exists);
  EXPECT_EQ(code_of(run(wire::CopyTree{top, inner, "into-itself", tick()})), done);
  EXPECT_EQ(*ns_->is_inside(inside, top), true);
}

class Snapshots : public Sharing {
 protected:
  void SetUp() override {
    Sharing::SetUp();
    top_ = make(directory(root_inode, "d"));
    inside_ = make(file(top_, "x"));
    run(write(inside_, {at(0, page, 8 * page)}, page));
  }
  wire::OperationResult snapshot(InodeId source, const std::string& name) {
    return run(wire::CopyTree{source, no_inode, name, tick()});
  }
  InodeId top_{};
  InodeId inside_{};
};

TEST_F(Snapshots, StayAsTheyAre) {
  const auto result = snapshot(top_, "one");
  ASSERT_EQ(code_of(result), done) << result.outcome.what;
  EXPECT_EQ(*ns_->get_xattr(result.inode.inode, "user.lace.origin"), "/d");
  const InodeId old = *ns_->resolve("/.lace/snapshots/one/x");
  EXPECT_TRUE(attributes(old).frozen);
  EXPECT_EQ(code_of(run(truncate(old, 0))), Code::read_only);
  EXPECT_EQ(code_of(run(write(old, {}, 5))), Code::read_only);
  EXPECT_EQ(code_of(run(wire::SetXattr{old, "user.a", "b", false, false, tick()})), Code::read_only);
  EXPECT_EQ(code_of(run(remove(result.inode.inode, "x"))), Code::read_only);
  EXPECT_EQ(code_of(run(file(result.inode.inode, "y"))), Code::read_only);
  EXPECT_EQ(code_of(run(rename(result.inode.inode, "x", root_inode, "x"))), Code::read_only);
  EXPECT_EQ(code_of(run(wire::Link{old, root_inode, "x", tick()})), Code::read_only);
  EXPECT_EQ(code_of(run(rename(root_inode, ".lace", root_inode, "lace"))), Code::read_only);
  EXPECT_EQ(code_of(run(rename(root_inode, "d", root_inode, ".lace"))), Code::read_only);
  EXPECT_EQ(code_of(run(remove(root_inode, ".lace", true))), Code::read_only);
  run(truncate(inside_, 0));
  EXPECT_EQ(map_of(old), (std::vector<Extent>{at(0, page, 8 * page)}));
  EXPECT_EQ(code_of(snapshot(top_, "one")), Code::exists);
  EXPECT_EQ(code_of(snapshot(inside_, "two")), Code::not_directory);
}

TEST_F(Snapshots, CanBeCopiedBack) {
  const auto result = snapshot(top_, "one");
  const auto back = run(wire::CopyTree{result.inode.inode, root_inode, "back", tick()});
  EXPECT_EQ(code_of(back), done);
  EXPECT_FALSE(attributes(*ns_->resolve("/back/x")).frozen);
  EXPECT_EQ(code_of(run(file(back.inode.inode, "y"))), done);
}

TEST_F(Snapshots, OfEverythingHoldNoSnapshots) {
  snapshot(root_inode, "one");
  snapshot(root_inode, "two");
  EXPECT_EQ(names(*ns_->resolve("/.lace/snapshots/two")), (std::vector<std::string>{"f", "g", "d"}));
}

TEST_F(Snapshots, AreTakenApartPieceByPiece) {
  for (int i = 0; i < 30; ++i) {
    const InodeId deeper = make(directory(top_, "e" + std::to_string(i)));
    make(file(deeper, "a"));
    make(file(deeper, "b"));
  }
  const uint64_t before = ns_->counts().inodes;
  const auto result = snapshot(top_, "one");
  EXPECT_EQ(code_of(run(wire::RemoveSnapshot{"none", tick()})), Code::no_entry);
  run(remove(top_, "x"));
  EXPECT_TRUE(last_.deferred.empty());
  held_.insert(*ns_->resolve("/.lace/snapshots/one/e7/a"));  // somebody reads it
  EXPECT_EQ(code_of(run(wire::RemoveSnapshot{"one", tick()})), done);
  EXPECT_EQ(last_.orphaned, std::vector<InodeId>{result.inode.inode});
  std::vector<PendingPunch> punches;
  std::vector<InodeId> orphaned;
  for (int steps = 0;; ++steps) {
    const auto reaped = change([&] { return ns_->reap(result.inode.inode, 10); });
    expect_sound();
    punches.insert(punches.end(), reaped->punches.begin(), reaped->punches.end());
    orphaned.insert(orphaned.end(), reaped->orphaned.begin(), reaped->orphaned.end());
    if (!reaped->done) continue;
    EXPECT_GT(steps, 5);
    break;
  }
  EXPECT_EQ(ranges(punches), (Ranges{{8 * page, page}}));
  EXPECT_EQ(orphaned.size(), 1U);
  EXPECT_TRUE(change([&] { return ns_->reap(orphaned[0], 10); })->done);
  EXPECT_EQ(ns_->counts().inodes, before - 1 + 2) << "without x, and with the directory of snapshots";
  EXPECT_EQ(ns_->counts().orphans, 0U);
}

TEST_F(Snapshots, AreNotForConfinedSessions) {
  SessionRecord record;
  record.root = top_;
  const SessionId confined = open_session(record);
  EXPECT_EQ(code_of(commit({wire::CopyTree{top_, no_inode, "one", tick()}}, confined).reply.results[0]), Code::denied);
  EXPECT_EQ(code_of(commit({wire::CopyTree{root_inode, top_, "all", tick()}}, confined).reply.results[0]), Code::denied);
  EXPECT_EQ(code_of(commit({wire::Share{inside_, 0, file_, 0, page, tick()}}, confined).reply.results[0]), Code::denied);
  EXPECT_EQ(code_of(commit({wire::CopyTree{inside_, top_, "y", tick()}}, confined).reply.results[0]), done);
}

}  // namespace
}  // namespace lace::control
