// A copy store over a disk that forgets, with a clock that stands still and disk work that is done when the test says so.
#pragma once

#include <deque>
#include <optional>
#include <random>

#include <gtest/gtest.h>

#include "common/disk/forgetful_disk.h"
#include "storage/copy/copy_store.h"

namespace lace::storage {

class ManualClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  FileTime wall() const override { return {now_.time_since_epoch().count() / 1'000'000'000, 0}; }
  void pass(Millis time) { now_ += time; }

 private:
  Instant now_{std::chrono::hours(1)};
};

// Work handed off is done in an order of its own; what follows it too.
class Offloader {
 public:
  explicit Offloader(uint64_t seed = 1) : random_(seed) {}

  Offload offload() {
    return [this](std::function<void()> work, std::function<void()> then) {
      waiting_.push_back({std::move(work), std::move(then)});
    };
  }
  bool step() {
    if (waiting_.empty()) return false;
    const size_t chosen = random_() % waiting_.size();
    const auto task = std::move(waiting_[chosen]);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(chosen));
    task.first();
    task.second();
    return true;
  }
  void run() {
    while (step()) continue;
  }
  void forget() { waiting_.clear(); }
  // The work is done, but who wanted it is gone.
  void run_unheard() {
    for (const auto& task : waiting_) task.first();
    waiting_.clear();
  }
  size_t waiting() const { return waiting_.size(); }

 private:
  std::mt19937_64 random_;
  std::deque<std::pair<std::function<void()>, std::function<void()>>> waiting_;
};

inline constexpr BlockId block_a{0x1a2f};
inline constexpr BlockId block_b{0x1a30};

class StoreFixture : public testing::Test {
 protected:
  StoreFixture() { start(); }

  void start() {
    StoreOptions options;
    options.cluster = "0123456789abcdef0123456789abcdef";
    options.max_open = max_open_;
    options.stream_bytes = stream_bytes_;
    options.index_path = index_path_;
    work_.forget();
    store_.reset();
    store_.emplace(disk_, clock_, work_.offload(), options);
    store_->on_changed([this](BlockId block) { changed_.push_back(block); });
    const Status opened = store_->open();
    ASSERT_TRUE(opened) << opened.error().what;
  }
  // As kill -9 does: what was written is there still.
  void restart() { start(); }
  void crash(uint64_t seed) {
    store_.reset();
    disk_.crash(seed);
    start();
  }

  Status write(BlockId block, uint64_t offset, std::string bytes, Epoch epoch = 1) {
    std::optional<Status> status;
    store_->write(block, epoch, offset, Bytes(std::move(bytes)), InodeId{7}, offset, false,
                  [&](const Result<Bytes>& done) { status = done ? Status() : pass(done); });
    work_.run();
    return status ? *status : fail(Code::unknown, "no answer");
  }
  Result<std::string> read(BlockId block, uint64_t offset, uint64_t length, Epoch epoch = 1) {
    std::optional<Result<std::string>> result;
    store_->read(block, epoch, offset, length, [&](Result<ReadData> data) {
      if (!data) {
        result = pass(data);
        return;
      }
      std::string bytes(length, '\0');
      std::string_view left = data->bytes.view();
      for (const Range& range : data->ranges) {
        bytes.replace(range.offset - offset, range.length, left.substr(0, range.length));
        left.remove_prefix(range.length);
      }
      EXPECT_TRUE(left.empty());
      result = bytes;
    });
    work_.run();
    return result ? *result : fail(Code::unknown, "no answer");
  }
  template <class Start>
  Status wait(Start begin) {
    std::optional<Status> status;
    begin([&](Status done) { status = std::move(done); });
    work_.run();
    return status ? *status : fail(Code::unknown, "no answer");
  }
  Status sync(BlockId block, Epoch epoch = 1) {
    return wait([&](Done done) { store_->sync(block, epoch, std::move(done)); });
  }
  Status punch(BlockId block, uint64_t offset, uint64_t length, Epoch epoch = 1) {
    return wait([&](Done done) { store_->punch(block, epoch, offset, length, std::move(done)); });
  }
  Status set_epoch(BlockId block, Epoch from, Epoch to, Role role = Role::member) {
    return wait([&](Done done) { store_->set_epoch(block, from, to, role, std::move(done)); });
  }
  Status remove(BlockId block) {
    return wait([&](Done done) { store_->remove(block, std::move(done)); });
  }
  State state(BlockId block) {
    const auto info = store_->find(block);
    EXPECT_TRUE(info);
    return info ? info->state : State::dropped;
  }

  size_t max_open_ = 512;
  uint64_t stream_bytes_ = max_io_bytes;
  std::string index_path_;  // empty: no index
  disk::ForgetfulDisk disk_;
  ManualClock clock_;
  Offloader work_;
  std::vector<BlockId> changed_;
  std::optional<CopyStore> store_;
};

inline std::string text_of(size_t length, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(length, '\0');
  for (char& c : bytes) c = static_cast<char>('a' + random() % 26);
  return bytes;
}

}  // namespace lace::storage
