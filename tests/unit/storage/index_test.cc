// The store with its index: the same copies, however it went down, without looking at all of them.
#include <filesystem>

#include "store_fixture.h"

namespace lace::storage {
namespace {

class IndexTest : public StoreFixture {
 protected:
  IndexTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "lace-index-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    index_path_ = directory_ + "/index.db";
    restart();
  }
  ~IndexTest() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  void settle() {  // everything is synced, indexed and clean
    for (int i = 0; i < 3; ++i) {
      clock_.pass(Millis(20'000));
      store_->tick();
      work_.run();
    }
  }
  // A copy whose file went away without a word is noticed only by who looks.
  void hide(BlockId block) { ASSERT_TRUE(disk_.rename(copy_path(block), "hidden")); }

  std::string directory_;
};

TEST_F(IndexTest, StartsWithoutLookingAtCleanCopies) {
  ASSERT_TRUE(write(block_a, 0, text_of(10'000, 1)));
  settle();
  ASSERT_TRUE(write(block_b, 0, "takes the note along"));
  const uint64_t stored = store_->totals().stored_bytes;
  hide(block_a);
  restart();
  ASSERT_TRUE(store_->find(block_a));
  EXPECT_EQ(store_->totals().stored_bytes, stored);
  EXPECT_EQ(store_->totals().copies, 2u);
}

TEST_F(IndexTest, LooksAtAllAfterTheMachineWentDown) {
  ASSERT_TRUE(write(block_a, 0, "x"));
  ASSERT_TRUE(write(block_b, 0, "x"));
  settle();
  hide(block_a);
  ASSERT_TRUE(disk_.sync_directory(copy_directory(block_a)));
  crash(1);
  EXPECT_FALSE(store_->find(block_a) && store_->find(block_a)->state == State::whole);
  EXPECT_TRUE(store_->find(block_b));
}

TEST_F(IndexTest, IsGoodAfterACleanStopAndABoot) {
  ASSERT_TRUE(write(block_a, 0, text_of(10'000, 1)));
  ASSERT_TRUE(store_->close());
  crash(1);
  EXPECT_EQ(state(block_a), State::whole);
  EXPECT_EQ(*read(block_a, 0, 10'000), text_of(10'000, 1));
}

TEST_F(IndexTest, IsMadeAnewWhenItIsDamaged) {
  ASSERT_TRUE(write(block_a, 0, text_of(10'000, 1)));
  settle();
  store_.reset();
  for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(index_path_ + suffix);
  std::filesystem::resize_file(index_path_, 100);
  start();
  EXPECT_EQ(*read(block_a, 0, 10'000), text_of(10'000, 1));
}

TEST_F(IndexTest, NeverDiffersFromTheFiles) {
  std::mt19937_64 random(5);
  std::map<BlockId, std::pair<Epoch, std::string>> model;
  for (int step = 0; step < 400; ++step) {
    const BlockId block{1 + random() % 8};
    const uint64_t chance = random() % 100;
    const auto known = model.find(block);
    if (chance < 40) {
      const Epoch epoch = known == model.end() ? 1 : known->second.first;
      const std::string bytes = text_of(1 + random() % 9000, random());
      if (!write(block, 0, bytes, epoch)) continue;  // it was removed
      std::string& content = model[block].second;
      model[block].first = epoch;
      content.replace(0, std::min(bytes.size(), content.size()), bytes);
    } else if (chance < 55 && known != model.end()) {
      ASSERT_TRUE(set_epoch(block, known->second.first, known->second.first + 1));
      ++known->second.first;
    } else if (chance < 60) {
      ASSERT_TRUE(remove(block));
      model.erase(block);
    } else if (chance < 80) {
      clock_.pass(Millis(random() % 15'000));
      store_->tick();
      work_.run();
    } else {
      if (chance > 95) {
        ASSERT_TRUE(store_->close());
      }
      restart();
      ASSERT_EQ(store_->totals().copies, model.size()) << step;
      uint64_t stored = 0;
      for (const auto& [known_block, what] : model) {
        ASSERT_EQ(store_->find(known_block)->epoch, what.first) << step;
        ASSERT_EQ(*read(known_block, 0, what.second.size(), what.first), what.second) << step;
        stored += store_->find(known_block)->stored_bytes;
      }
      ASSERT_EQ(store_->totals().stored_bytes, stored);
    }
  }
}

}  // namespace
}  // namespace lace::storage
