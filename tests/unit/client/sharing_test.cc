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

}  // namespace
}  // namespace lace::test
