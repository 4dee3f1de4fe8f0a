// Random writes, holes, syncs and crashes against a model: what was synced is there, what was not is old or new.
#include "store_fixture.h"

namespace lace::storage {
namespace {

constexpr uint64_t span = 40 * page_bytes;  // of the block, where everything happens
constexpr uint64_t base = region_bytes - 20 * page_bytes;

// For each byte: every value it may have after a crash. The last one is what it has now.
class Model {
 public:
  Model() : values_(span, std::string(1, '\0')) {}

  void write(uint64_t offset, const std::string& bytes) {
    for (size_t i = 0; i < bytes.size(); ++i) values_[offset + i] += bytes[i];
  }
  void sync() {
    for (std::string& value : values_) value = value.substr(value.size() - 1);
  }
  void accept(const std::string& found) {
    for (size_t i = 0; i < span; ++i) values_[i] = std::string(1, found[i]);
  }
  std::string now() const {
    std::string bytes;
    for (const std::string& value : values_) bytes += value.back();
    return bytes;
  }
  // The first byte that has no value it ever had since it was synced; span: none.
  size_t first_garbage(const std::string& found) const {
    for (size_t i = 0; i < span; ++i) {
      if (values_[i].find(found[i]) == std::string::npos) return i;
    }
    return span;
  }

 private:
  std::vector<std::string> values_;
};

class CopyStoreCrash : public StoreFixture, public testing::WithParamInterface<int> {};

TEST_P(CopyStoreCrash, KeepsSyncedBytesAndMakesNoGarbage) {
  const auto seed = static_cast<uint64_t>(GetParam());
  std::mt19937_64 random(seed * 7919 + 1);
  disk_.set_cold(static_cast<uint32_t>(random() % 4));
  if (seed % 2 == 0) stream_bytes_ = page_bytes;
  restart();
  Model model;
  Epoch epoch = 1;
  for (int step = 0; step < 150; ++step) {
    const uint64_t chance = random() % 100;
    if (chance < 60) {
      uint64_t offset = random() % (span - 1);
      uint64_t length = 1 + random() % std::min<uint64_t>(span - offset, random() % 4 == 0 ? 30'000 : 3'000);
      if (random() % 3 == 0) {  // whole pages
        offset = offset / page_bytes * page_bytes;
        length = (length + page_bytes - 1) / page_bytes * page_bytes;
      }
      const std::string bytes = text_of(length, random());
      ASSERT_TRUE(write(block_a, base + offset, bytes, epoch));
      model.write(offset, bytes);
    } else if (chance < 70) {
      const uint64_t page = random() % 30;
      const uint64_t pages = 1 + random() % 10;
      ASSERT_TRUE(punch(block_a, base + page * page_bytes, pages * page_bytes, epoch));
      model.write(page * page_bytes, std::string(pages * page_bytes, '\0'));
    } else if (chance < 80) {
      ASSERT_TRUE(sync(block_a, epoch));
      model.sync();
    } else if (chance < 85) {
      const auto found = read(block_a, base, span, epoch);
      ASSERT_TRUE(found) << found.error().what;
      ASSERT_EQ(*found, model.now());
    } else if (chance < 90) {
      restart();
      const auto found = read(block_a, base, span, epoch);
      ASSERT_TRUE(found) << found.error().what;
      ASSERT_EQ(*found, model.now());
    } else if (chance < 94) {
      clock_.pass(Millis(random() % 20'000));
      store_->tick();
      work_.run();
    } else {
      crash(random());
      if (random() % 3 == 0) restart();  // what is suspect stays so
      const auto info = store_->find(block_a);
      if (info && info->state == State::suspect) {
        EXPECT_EQ(read(block_a, base, span, epoch).error().code, Code::unavailable);
        EXPECT_EQ(write(block_a, base, "x", epoch).error().code, Code::unavailable);
        ASSERT_TRUE(set_epoch(block_a, epoch, epoch + 1));
        ++epoch;
      }
      const auto found = read(block_a, base, span, epoch);
      ASSERT_TRUE(found) << "step " << step << ": " << found.error().what;
      ASSERT_EQ(model.first_garbage(*found), span) << "step " << step;
      if (!info || info->state == State::whole) {
        ASSERT_EQ(*found, model.now()) << "bytes were lost without a word, step " << step;
      }
      model.accept(*found);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, CopyStoreCrash, testing::Range(0, 60));

TEST_F(StoreFixture, APageThatWasCutKeepsItsSyncedBytesWhenNoOtherCopyIsThere) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const BlockId block{100 + seed};
    ASSERT_TRUE(write(block, 0, "synced line\n"));
    ASSERT_TRUE(sync(block));
    ASSERT_TRUE(write(block, 12, "line that was not\n"));
    crash(seed);
    ASSERT_TRUE(set_epoch(block, 1, 2));
    EXPECT_EQ(read(block, 0, 12, 2).value_or("(nothing)"), "synced line\n") << seed;
  }
}

TEST_F(StoreFixture, ACopyWhoseFileWasLostIsSuspectNotZero) {
  bool was_lost = false;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const BlockId block{100 + seed};
    ASSERT_TRUE(write(block, 0, "answered, not synced"));
    store_.reset();
    disk_.crash(seed);
    was_lost |= !disk_.open(copy_path(block), false).has_value();
    start();
    EXPECT_EQ(state(block), State::suspect);
    EXPECT_EQ(read(block, 0, 5).error().code, Code::unavailable);
  }
  EXPECT_TRUE(was_lost);
}

}  // namespace
}  // namespace lace::storage
