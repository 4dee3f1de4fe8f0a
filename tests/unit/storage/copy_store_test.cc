#include "store_fixture.h"

namespace lace::storage {
namespace {

using CopyStoreTest = StoreFixture;

TEST_F(CopyStoreTest, ReadsWhatWasWritten) {
  const std::string bytes = text_of(100'000, 1);
  ASSERT_TRUE(write(block_a, 12'345, bytes));
  EXPECT_EQ(*read(block_a, 12'345, bytes.size()), bytes);
  EXPECT_EQ(*read(block_a, 12'000, 345), std::string(345, '\0'));
  EXPECT_EQ(read(block_a, 12'345 + bytes.size(), 100)->find_first_not_of('\0'), std::string::npos);
}

TEST_F(CopyStoreTest, MergesPartsOfPages) {
  ASSERT_TRUE(write(block_a, 0, std::string(3 * page_bytes, 'a')));
  ASSERT_TRUE(write(block_a, page_bytes + 10, "bbb"));
  ASSERT_TRUE(write(block_a, 2 * page_bytes - 2, "cccc"));
  std::string expected(3 * page_bytes, 'a');
  expected.replace(page_bytes + 10, 3, "bbb");
  expected.replace(2 * page_bytes - 2, 4, "cccc");
  EXPECT_EQ(*read(block_a, 0, expected.size()), expected);
}

TEST_F(CopyStoreTest, SendsNoBytesForWhatIsZero) {
  ASSERT_TRUE(write(block_a, 10 * page_bytes, std::string(page_bytes, 'x')));
  std::optional<ReadData> data;
  store_->read(block_a, 1, 0, 100 * page_bytes, [&](Result<ReadData> result) { data = std::move(*result); });
  work_.run();
  ASSERT_EQ(data->ranges.size(), 1u);
  EXPECT_EQ(data->ranges[0].offset, 10 * page_bytes);
  EXPECT_EQ(data->bytes.size(), page_bytes);
}

// A server that lost patience with its disk ends while its threads still wait for the disk. AddressSanitizer watches.
TEST_F(CopyStoreTest, WorkThatIsUnderWayOutlivesTheStore) {
  disk::ForgetfulDisk disk;
  auto store = std::make_unique<CopyStore>(disk, clock_, work_.offload(), StoreOptions{});
  ASSERT_TRUE(store->open());
  for (const BlockId block : {block_a, block_b}) {
    store->write(block, 1, 0, Bytes("x"), InodeId{7}, 0, false, [](const Result<Bytes>& done) { EXPECT_TRUE(done); });
  }
  work_.run();
  store->remove(block_b, [](const Status&) {});
  ASSERT_TRUE(work_.step());  // the journal; then the file
  store->sync(block_a, 1, [](const Status&) {});
  EXPECT_EQ(work_.waiting(), 2u);
  store.reset();
  work_.run_unheard();
}

TEST_F(CopyStoreTest, ACopyNobodyWroteIsZero) {
  EXPECT_EQ(*read(block_a, 5, 10), std::string(10, '\0'));
  EXPECT_EQ(read(block_a, 5, 10, 2).error().code, Code::stale);
  EXPECT_FALSE(store_->find(block_a));
}

TEST_F(CopyStoreTest, RefusesWhatLiesOutsideOfTheBlock) {
  EXPECT_EQ(write(block_a, block_bytes - 1, "xx").error().code, Code::invalid);
  EXPECT_EQ(write(block_a, UINT64_MAX, "xx").error().code, Code::invalid);
  EXPECT_EQ(write(block_a, 0, "").error().code, Code::invalid);
  EXPECT_EQ(read(block_a, block_bytes, 1).error().code, Code::invalid);
  EXPECT_EQ(read(block_a, 1, UINT64_MAX).error().code, Code::invalid);
  EXPECT_TRUE(write(block_a, block_bytes - 2, "xx"));
}

TEST_F(CopyStoreTest, RefusesOtherEpochs) {
  ASSERT_TRUE(write(block_a, 0, "x"));
  EXPECT_EQ(write(block_a, 0, "y", 2).error().code, Code::stale);
  EXPECT_EQ(read(block_a, 0, 1, 2).error().code, Code::stale);
  EXPECT_EQ(sync(block_a, 2).error().code, Code::stale);
  EXPECT_EQ(punch(block_a, 0, page_bytes, 2).error().code, Code::stale);
  EXPECT_EQ(write(block_b, 0, "y", 2).error().code, Code::stale);
}

TEST_F(CopyStoreTest, NeverReturnsAFlippedBit) {
  const std::string bytes = text_of(4 * page_bytes, 2);
  ASSERT_TRUE(write(block_a, 0, bytes));
  disk_.flip_bit(copy_path(block_a), page_bytes + 100, 3);
  EXPECT_EQ(read(block_a, 0, 4 * page_bytes).error().code, Code::corrupt);
  EXPECT_EQ(*read(block_a, 0, page_bytes), bytes.substr(0, page_bytes));
  EXPECT_EQ(changed_, std::vector<BlockId>{block_a});
  EXPECT_EQ(state(block_a), State::whole) << "the other pages are good";
  EXPECT_EQ(store_->find(block_a)->missing_bytes, page_bytes);
  EXPECT_FALSE(store_->find(block_a)->rotten);
  EXPECT_EQ(write(block_a, page_bytes + 5, "part").error().code, Code::corrupt);
  EXPECT_TRUE(store_->find(block_a)->rotten) << "it could not take a write";
  EXPECT_TRUE(write(block_a, page_bytes, std::string(page_bytes, 'n')));
  EXPECT_EQ(*read(block_a, page_bytes, page_bytes), std::string(page_bytes, 'n'));
}

TEST_F(CopyStoreTest, NeverReturnsAPageWhoseTableEntryWasFlipped) {
  ASSERT_TRUE(write(block_a, 0, text_of(page_bytes, 3)));
  ASSERT_TRUE(store_->close());
  restart();
  disk_.flip_bit(copy_path(block_a), table_offset, 0);
  EXPECT_EQ(read(block_a, 0, 10).error().code, Code::corrupt);
}

TEST_F(CopyStoreTest, PunchedHolesReadAsZeroAndFreeTheirSpace) {
  ASSERT_TRUE(write(block_a, 0, std::string(100 * page_bytes, 'x')));
  const uint64_t before = disk_.stored_bytes();
  ASSERT_TRUE(punch(block_a, 10 * page_bytes, 50 * page_bytes));
  EXPECT_EQ(before - disk_.stored_bytes(), 50 * page_bytes);
  EXPECT_EQ(*read(block_a, 10 * page_bytes, 50 * page_bytes), std::string(50 * page_bytes, '\0'));
  EXPECT_EQ(*read(block_a, 9 * page_bytes, page_bytes), std::string(page_bytes, 'x'));
  EXPECT_EQ(store_->totals().stored_bytes, 50 * page_bytes);
  ASSERT_TRUE(punch(block_a, 10 * page_bytes, 50 * page_bytes));
  EXPECT_EQ(punch(block_a, 1, page_bytes).error().code, Code::invalid);
  ASSERT_TRUE(write(block_a, 10 * page_bytes + 7, "new"));
  EXPECT_EQ(*read(block_a, 10 * page_bytes + 5, 7), std::string("\0\0new\0\0", 7));
}

TEST_F(CopyStoreTest, RemovedBlocksGiveTheirSpaceBackAndNeverComeBackByAWrite) {
  ASSERT_TRUE(write(block_a, 0, std::string(100 * page_bytes, 'x')));
  const uint64_t before = disk_.stored_bytes();
  ASSERT_TRUE(remove(block_a));
  EXPECT_GE(before - disk_.stored_bytes(), 100 * page_bytes);
  EXPECT_FALSE(store_->find(block_a));
  EXPECT_EQ(write(block_a, 0, "late").error().code, Code::stale);
  EXPECT_EQ(read(block_a, 0, 1).error().code, Code::stale);
  ASSERT_TRUE(remove(block_a));
  ASSERT_TRUE(remove(block_b));  // never was here: a late first write must not make it
  restart();
  EXPECT_EQ(write(block_a, 0, "late").error().code, Code::stale);
  EXPECT_EQ(write(block_b, 0, "late").error().code, Code::stale);
  EXPECT_EQ(store_->totals().copies, 0u);
}

TEST_F(CopyStoreTest, QuarantineSetsACopyAside) {
  ASSERT_TRUE(write(block_a, 0, "precious"));
  ASSERT_TRUE(wait([&](Done done) { store_->quarantine(block_a, std::move(done)); }));
  EXPECT_FALSE(store_->find(block_a));
  EXPECT_TRUE(disk_.open(quarantine_path(block_a), false));
  restart();
  EXPECT_FALSE(store_->find(block_a));
}

TEST_F(CopyStoreTest, AnswersWritesInTheOrderOfTheCalls) {
  disk_.set_cold(2);
  std::vector<int> order;
  for (int i = 0; i < 20; ++i) {
    store_->write(block_a, 1, static_cast<uint64_t>(i % 3) * 100, Bytes(std::string(3000, static_cast<char>('a' + i))),
                  InodeId{1}, 0, false, [&order, i](const Result<Bytes>& done) {
                    EXPECT_TRUE(done);
                    order.push_back(i);
                  });
  }
  work_.run();
  ASSERT_EQ(order.size(), 20u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(read(block_a, 100, 1)->front(), 't');
}

TEST_F(CopyStoreTest, AReadBesideWritesIsOneOrTheOther) {
  ASSERT_TRUE(write(block_a, 0, std::string(page_bytes, 'a')));
  disk_.set_cold(1);  // every read goes to the disk
  int read_well = 0;
  for (int i = 0; i < 50; ++i) {
    store_->read(block_a, 1, 0, page_bytes, [&](Result<ReadData> data) {
      ASSERT_TRUE(data) << data.error().what;
      const std::string_view view = data->bytes.view();
      EXPECT_EQ(view, std::string(page_bytes, view[0]));
      ++read_well;
    });
    store_->write(block_a, 1, 0, Bytes(std::string(page_bytes, static_cast<char>('b' + i % 20))), InodeId{1}, 0, false,
                  [](const Result<Bytes>& done) { EXPECT_TRUE(done); });
    work_.step();
  }
  work_.run();
  EXPECT_EQ(read_well, 50);
}

TEST_F(CopyStoreTest, AReadBesideAPieceOfAStreamWaitsForIt) {
  const std::string old = text_of(max_io_bytes, 1), fresh = text_of(max_io_bytes, 2);
  ASSERT_TRUE(write(block_a, 0, old));
  bool written = false, checked = false;
  store_->write(block_a, 1, 0, Bytes(fresh), InodeId{7}, 0, false,
                [&](const Result<Bytes>& done) { written = done.has_value(); });
  store_->read(block_a, 1, 5'000, 9'000, [&](const Result<ReadData>& data) {
    ASSERT_TRUE(data) << data.error().what;
    EXPECT_TRUE(written);
    checked = data->bytes.view() == std::string_view(fresh).substr(5'000, 9'000);
  });
  ASSERT_GT(work_.waiting(), 0u);
  EXPECT_FALSE(written);
  work_.run();
  EXPECT_TRUE(checked);
  EXPECT_EQ(store_->totals().corrupt_pages, 0u);
}

TEST_F(CopyStoreTest, ASyncBesideAPieceOfAStreamDoesNotCountForIt) {
  const std::string fresh = text_of(max_io_bytes, 2);
  work_ = Offloader(2);
  restart();
  ASSERT_TRUE(write(block_a, max_io_bytes, "something that is not synced"));
  bool synced = false, written = false;
  store_->write(block_a, 1, 0, Bytes(fresh), InodeId{7}, 0, false,
                [&](const Result<Bytes>& done) { written = done.has_value(); });
  store_->sync(block_a, 1, [&](const Status& done) { synced = done.has_value(); });
  while (!synced) ASSERT_TRUE(work_.step());
  ASSERT_FALSE(written) << "the order of work is to be another one";
  work_.run();
  ASSERT_TRUE(written);
  const uint64_t before = disk_.syncs();
  ASSERT_TRUE(sync(block_a));
  EXPECT_GT(disk_.syncs(), before);
  crash(3);
  ASSERT_TRUE(set_epoch(block_a, 1, 2));
  EXPECT_EQ(read(block_a, 0, max_io_bytes, 2).value_or(""), fresh);
}

TEST_F(CopyStoreTest, APieceOfAStreamThatDoesNotFitShowsNothingHalfDone) {
  ASSERT_TRUE(write(block_a, 0, "kept"));
  disk_.fail_changes(Code::no_space, 0, 1);
  EXPECT_EQ(write(block_a, page_bytes, text_of(max_io_bytes, 2)).error().code, Code::no_space);
  EXPECT_EQ(read(block_a, 0, 3 * page_bytes).value_or("").substr(0, 5), std::string("kept\0", 5));
  EXPECT_EQ(store_->totals().stored_bytes, page_bytes);
}

TEST_F(CopyStoreTest, ManySyncsOfOneCopyCostOne) {
  ASSERT_TRUE(write(block_a, 0, "x"));
  const uint64_t before = disk_.syncs();
  int done = 0;
  for (int i = 0; i < 50; ++i) store_->sync(block_a, 1, [&](const Status& status) { done += status ? 1 : 0; });
  work_.run();
  EXPECT_EQ(done, 50);
  EXPECT_LE(disk_.syncs() - before, 2u);
  const uint64_t after = disk_.syncs();
  ASSERT_TRUE(sync(block_a));
  EXPECT_EQ(disk_.syncs(), after);  // nothing is new
}

TEST_F(CopyStoreTest, AFullDiskSaysSoAndShowsNothingHalfDone) {
  ASSERT_TRUE(write(block_a, 0, std::string(20 * page_bytes, 'a')));
  disk_.set_capacity(disk_.stored_bytes() + 5 * page_bytes);
  EXPECT_EQ(write(block_a, 10 * page_bytes, std::string(40 * page_bytes, 'b')).error().code, Code::no_space);
  for (uint64_t page = 0; page < 50; ++page) {
    const auto now = read(block_a, page * page_bytes, page_bytes);
    ASSERT_TRUE(now) << page << ": " << now.error().what;
    const char c = now->front();
    EXPECT_EQ(*now, std::string(page_bytes, c));
    if (page < 10) {
      EXPECT_EQ(c, 'a');
    } else if (page < 20) {
      EXPECT_TRUE(c == 'a' || c == 'b');
    } else {
      EXPECT_EQ(c, '\0');
    }
  }
  EXPECT_TRUE(sync(block_a));
  EXPECT_TRUE(remove(block_a));
  EXPECT_TRUE(write(block_b, 0, "room again"));
}

TEST_F(CopyStoreTest, AFailedSyncIsToldAndNotForgotten) {
  ASSERT_TRUE(write(block_a, 0, "x"));
  disk_.fail_changes(Code::io, 0, 1);
  EXPECT_EQ(sync(block_a).error().code, Code::io);
  EXPECT_EQ(sync(block_a).error().code, Code::io);
  EXPECT_EQ(changed_, std::vector<BlockId>{block_a});
}

TEST_F(CopyStoreTest, KeepsCopiesWithFewOpenFiles) {
  max_open_ = 3;
  restart();
  for (uint64_t i = 1; i <= 20; ++i) ASSERT_TRUE(write(BlockId{i}, i * 100, text_of(5000, i)));
  for (uint64_t i = 1; i <= 20; ++i) EXPECT_EQ(*read(BlockId{i}, i * 100, 5000), text_of(5000, i));
  EXPECT_EQ(store_->list(BlockId{5}, 3).size(), 3u);
  EXPECT_EQ(store_->list(BlockId{5}, 3)[0].block, BlockId{6});
}

TEST_F(CopyStoreTest, IsTheSameAfterACleanStop) {
  const std::string bytes = text_of(300'000, 5);
  ASSERT_TRUE(write(block_a, 777, bytes));
  ASSERT_TRUE(store_->close());
  crash(3);
  EXPECT_EQ(state(block_a), State::whole);
  EXPECT_EQ(*read(block_a, 777, bytes.size()), bytes);
  EXPECT_EQ(store_->totals().stored_bytes, store_->find(block_a)->stored_bytes);
}

TEST_F(CopyStoreTest, IsTheSameAfterAKill) {
  const std::string bytes = text_of(300'000, 6);
  ASSERT_TRUE(write(block_a, 777, bytes));
  restart();
  EXPECT_EQ(state(block_a), State::whole);
  EXPECT_EQ(*read(block_a, 777, bytes.size()), bytes);
}

TEST_F(CopyStoreTest, SetsAsideCopiesOfAnotherCluster) {
  ASSERT_TRUE(write(block_a, 0, "mine"));
  CopyIdentity other{block_b, 1, StoredState::whole, InodeId{1}, 0, std::string(32, 'f')};
  auto file = disk_.open(copy_path(block_b), true);
  ASSERT_TRUE((*file)->write(identity_offset, encode_identity(other)));
  restart();
  EXPECT_TRUE(store_->find(block_a));
  EXPECT_FALSE(store_->find(block_b));
  EXPECT_TRUE(disk_.open(quarantine_path(block_b), false));
}

TEST_F(CopyStoreTest, RegionsAreCleanAgainAfterAWhile) {
  ASSERT_TRUE(write(block_a, 0, "x"));
  ASSERT_TRUE(sync(block_a));
  clock_.pass(Millis(20'000));
  store_->tick();
  work_.run();
  ASSERT_TRUE(write(block_b, 0, "y"));  // takes the note along
  crash(1);
  EXPECT_EQ(state(block_a), State::whole);
  EXPECT_EQ(state(block_b), State::suspect);
}

TEST_F(CopyStoreTest, SyncsByItselfWhatWaitsTooLong) {
  ASSERT_TRUE(write(block_a, 0, "x"));
  clock_.pass(Millis(20'000));
  store_->tick();
  work_.run();
  crash(1);
  ASSERT_TRUE(set_epoch(block_a, 1, 2));
  EXPECT_EQ(*read(block_a, 0, 1, 2), "x");
}

}  // namespace
}  // namespace lace::storage
