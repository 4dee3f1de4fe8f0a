// Pages that files share: asked for here, or by another mount.
#include <atomic>
#include <memory>
#include <thread>

#include "tests/unit/client/mounted.h"

namespace lace::test {
namespace {

size_t copy_range(fs::FileSystem& fs, fs::Context context, fs::Handle from, fs::Handle to, size_t length) {
  const auto done = fs.copy_range(context, from, 0, to, 0, length);
  EXPECT_TRUE(done) << done.error().what;
  return done ? *done : 0;
}

TEST_F(Mounted, SharesPagesAndWritesElsewhereAfterwards) {
  const std::string bytes = pattern(1'000'000);
  const auto from = create("from");
  write(from.handle, 0, bytes);
  const auto to = create("to");
  auto context = this->context();
  cluster_.reset_counts();
  EXPECT_EQ(copy_range(*fs_, context, from.handle, to.handle, 5'000'000), bytes.size()) << "what was written just before, too";
  const uint64_t writes = cluster_.requests(wire::Kind::write_block);
  EXPECT_EQ(extents(to.attributes.inode)[0].block, extents(from.attributes.inode)[0].block);
  EXPECT_EQ(read(to.handle, 0, bytes.size() + 1), bytes);
  write(to.handle, 5'000, "new");
  write(from.handle, 90'000, "newer");
  ASSERT_TRUE(flush(to.handle));
  ASSERT_TRUE(flush(from.handle));
  EXPECT_LE(cluster_.requests(wire::Kind::write_block), writes + 2);
  std::string expected = bytes;
  EXPECT_EQ(content(to.attributes.inode), expected.replace(5'000, 3, "new"));
  expected = bytes;
  EXPECT_EQ(content(from.attributes.inode), expected.replace(90'000, 5, "newer"));
  EXPECT_EQ(stat(to.attributes.inode).stored, attributes(to.attributes.inode).stored);
  release(from.handle);
  release(to.handle);
}

TEST_F(Mounted, CopiesBytesWhenControlWillNotShare) {
  const std::string bytes = pattern(300'000);
  const auto from = create("from");
  write(from.handle, 0, bytes);
  const auto to = create("to");
  ASSERT_TRUE(flush(to.handle));
  ASSERT_TRUE(flush(from.handle));
  cluster_.set_before([](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (request.kind != wire::Kind::commit) return std::nullopt;
    const auto commit = wire::decode<wire::Commit>(request.body).value();
    if (!std::holds_alternative<wire::Share>(commit.operations.front())) return std::nullopt;
    return Error{Code::try_again, "another mount writes"};
  });
  auto context = this->context();
  EXPECT_EQ(copy_range(*fs_, context, from.handle, to.handle, bytes.size()), bytes.size());
  close(to.handle);
  release(from.handle);
  EXPECT_EQ(content(to.attributes.inode), bytes);
}

TEST_F(AmongOthers, PlacesNothingWhileAnotherMountShares) {
  const auto file = create("a");
  write(file.handle, 0, pattern(500'000));
  ASSERT_TRUE(flush(file.handle));
  cluster_.push_event(wire::EventKind::hold_writes, 0);
  ASSERT_TRUE(cluster_.acknowledged_all());
  const auto held = std::make_shared<std::atomic<bool>>(true);
  const auto early = std::make_shared<std::atomic<int>>(0);
  cluster_.set_before([held, early](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (request.kind == wire::Kind::write_block && held->load()) ++*early;
    return std::nullopt;
  });
  write(file.handle, 10'000, "later");
  cluster_.reset_counts();
  std::thread flushing([&] {
    const auto caller = cluster_.network().make_caller();
    fs::Context context{*caller, 1000, 1000, 1, 022};
    EXPECT_TRUE(fs_->flush(context, file.handle));
  });
  EXPECT_EQ(read(file.handle, 0, 100), pattern(500'000).substr(0, 100)) << "reading goes on";
  static_cast<void>(caller_->pause(Millis{50}));  // time enough to do the wrong thing
  held->store(false);
  cluster_.push_event(wire::EventKind::go_on, raw(file.attributes.inode));
  flushing.join();
  EXPECT_EQ(early->load(), 0);
  EXPECT_GE(cluster_.requests(wire::Kind::get_extents), 1u) << "what was known of extents is void";
  EXPECT_EQ(read(file.handle, 10'000, 5), "later");
  release(file.handle);
}

TEST_F(Mounted, SyncsNothingInPlaceWhileAnotherMountShares) {
  const auto file = create("a");
  write(file.handle, 0, pattern(100'000));
  ASSERT_TRUE(sync(file.handle));
  cluster_.push_event(wire::EventKind::hold_writes, 0);
  ASSERT_TRUE(cluster_.acknowledged_all());
  write(file.handle, 10'000, "later");
  cluster_.reset_counts();
  std::thread syncing([&] {
    const auto caller = cluster_.network().make_caller();
    fs::Context context{*caller, 1000, 1000, 1, 022};
    EXPECT_TRUE(fs_->sync(context, file.handle, false));
  });
  static_cast<void>(caller_->pause(Millis{50}));  // time enough to do the wrong thing
  EXPECT_EQ(cluster_.requests(wire::Kind::write_block), 0u);
  cluster_.push_event(wire::EventKind::go_on, raw(file.attributes.inode));
  syncing.join();
  EXPECT_EQ(content(file.attributes.inode).substr(10'000, 5), "later");
  release(file.handle);
}

TEST_F(AmongOthers, GoesOnWhenTheControlServerThatHeldItIsGone) {
  const auto file = create("a");
  write(file.handle, 0, pattern(500'000));
  ASSERT_TRUE(flush(file.handle));
  cluster_.push_event(wire::EventKind::hold_writes, 0);
  ASSERT_TRUE(cluster_.acknowledged_all());
  cluster_.restart_control();
  write(file.handle, 10'000, "later");
  EXPECT_TRUE(flush(file.handle));
  EXPECT_EQ(content(file.attributes.inode).substr(10'000, 5), "later");
  release(file.handle);
}

// Refuses requests of a kind until it is told not to, and looks whether an event is acknowledged meanwhile.
struct Refusing {
  std::atomic<bool> refuses{true};
  std::atomic<int> refused{0};
  std::atomic<int> early{0};

  std::optional<Error> look(const net::Request& request, wire::Kind kind, Code code) {
    if (!refuses) return std::nullopt;
    if (request.kind == wire::Kind::wait_events && wire::decode<wire::WaitEvents>(request.body).value().seen != 0) ++early;
    if (request.kind != kind) return std::nullopt;
    ++refused;
    return Error{code, "not now"};
  }
  void wait_for(net::Caller& caller, int times) {
    for (int tries = 0; refused < times && tries < 2'000; ++tries) static_cast<void>(caller.pause(Millis{10}));
    EXPECT_GE(refused, times);
  }
};

TEST_F(AmongOthers, HoldsForANewControlServerOnceItKnowsIt) {
  const auto refusing = std::make_shared<Refusing>();
  cluster_.set_after([refusing](const std::string&, const net::Request& request) {
    return refusing->look(request, wire::Kind::resume_session, Code::unavailable);  // it did, but the answer is lost
  });
  cluster_.restart_control();
  cluster_.push_event(wire::EventKind::hold_writes, 0);
  refusing->wait_for(*caller_, 5);
  EXPECT_EQ(refusing->early, 0);
  refusing->refuses = false;
  ASSERT_TRUE(cluster_.acknowledged_all());
  const auto file = create("a");
  write(file.handle, 0, "bytes");
  cluster_.reset_counts();
  std::thread flushing([&] {
    const auto caller = cluster_.network().make_caller();
    fs::Context context{*caller, 1000, 1000, 1, 022};
    EXPECT_TRUE(fs_->flush(context, file.handle));
  });
  static_cast<void>(caller_->pause(Millis{50}));  // time enough to do the wrong thing
  EXPECT_EQ(cluster_.requests(wire::Kind::write_block), 0u);
  cluster_.push_event(wire::EventKind::go_on, 0);
  flushing.join();
  release(file.handle);
}

}  // namespace
}  // namespace lace::test
