// Stories of one mount on servers that fail. What is set_before() and set_after() is asked until the mount is gone, after the
// end of the test's own variables.
#include <linux/falloc.h>

#include <atomic>
#include <memory>
#include <thread>

#include "tests/unit/client/mounted.h"

namespace lace::test {
namespace {

bool is(const net::Request& request, wire::Kind kind) { return request.kind == kind; }

TEST_F(AmongOthers, DoesNothingTwiceWhenAnAnswerIsLost) {
  cluster_.set_after(
      [lost = std::make_shared<std::atomic<int>>(0)](const std::string&, const net::Request& request) -> std::optional<Error> {
        if (!is(request, wire::Kind::commit) || (*lost)++ > 0) return std::nullopt;
        return Error{Code::unknown, "lost"};
      });
  const auto file = create("a");  // exclusive: a second try would be refused
  EXPECT_EQ(cluster_.commits().size(), 1u);
  EXPECT_EQ(cluster_.requests(wire::Kind::commit), 2u);
  close(file.handle);
}

TEST_F(Mounted, WaitsForControlToComeBack) {
  cluster_.set_before(
      [refused = std::make_shared<std::atomic<int>>(0)](const std::string& url, const net::Request&) -> std::optional<Error> {
        if (url != FakeCluster::control().url || (*refused)++ > 20) return std::nullopt;
        return Error{Code::unavailable, "away"};
      });
  const auto file = create("a");
  write(file.handle, 0, "hello");
  close(file.handle);
  EXPECT_EQ(content(file.attributes.inode), "hello");
}

TEST_F(Mounted, ResumesItsSessionAfterARestartOfControl) {
  const auto file = create("a");
  write(file.handle, 0, "hello");
  cluster_.restart_control();
  ASSERT_TRUE(flush(file.handle));
  EXPECT_EQ(content(file.attributes.inode), "hello");
  EXPECT_EQ(cluster_.requests(wire::Kind::open_session), 1u);
  EXPECT_TRUE(cluster_.held().contains(file.attributes.inode));
  close(file.handle);
}

TEST_F(Mounted, OpensAnotherSessionWhenItsOwnWasEndedAndSaysWhatIsLost) {
  const auto file = create("a");
  write(file.handle, 0, "hello");
  ASSERT_TRUE(flush(file.handle));
  tell();
  write(file.handle, 0, "HELLO");
  cluster_.fence_all();
  create("b");  // goes on, in the new session
  EXPECT_EQ(cluster_.requests(wire::Kind::open_session), 2u);
  EXPECT_FALSE(flush(file.handle));
  EXPECT_EQ(read(file.handle, 0, 5), "hello");
  write(file.handle, 0, "again");
  EXPECT_TRUE(flush(file.handle));
  release(file.handle);
}

TEST_F(Mounted, GoesOnWithoutAPrimaryThatDies) {
  const auto file = create("a");
  write(file.handle, 0, pattern(3 << 20));
  ASSERT_TRUE(flush(file.handle));
  const auto block = cluster_.block(extents(file.attributes.inode)[0].block);
  cluster_.kill(raw(block.in_sync.front()));
  write(file.handle, 1 << 20, pattern(3 << 20, 2));
  ASSERT_TRUE(sync(file.handle));
  EXPECT_EQ(cluster_.unsynced_blocks(file.attributes.inode), 0u);
  EXPECT_EQ(read(file.handle, 1 << 20, 3 << 20), pattern(3 << 20, 2));
  close(file.handle);
}

TEST_F(Mounted, GoesOnWithoutAMemberThatDies) {
  const auto file = create("a");
  write(file.handle, 0, pattern(1 << 20));
  ASSERT_TRUE(flush(file.handle));
  const auto block = cluster_.block(extents(file.attributes.inode)[0].block);
  cluster_.kill(raw(block.in_sync.back()));
  write(file.handle, 0, pattern(1 << 20, 2));
  ASSERT_TRUE(sync(file.handle));
  EXPECT_EQ(read(file.handle, 0, 1 << 20), pattern(1 << 20, 2));
  close(file.handle);
}

TEST_F(AmongOthers, SyncsTheSurvivorsWhenAMemberDiesBeforeTheSync) {
  const auto file = create("a");
  write(file.handle, 0, pattern(1 << 20));
  ASSERT_TRUE(flush(file.handle));
  const auto block = cluster_.block(extents(file.attributes.inode)[0].block);
  cluster_.kill(raw(block.in_sync.back()));
  ASSERT_TRUE(sync(file.handle));
  EXPECT_EQ(cluster_.unsynced_blocks(file.attributes.inode), 0u);
  close(file.handle);
}

TEST_F(AmongOthers, TellsAtFsyncWhatAllServersLostWhenTheirPowerWent) {
  const auto file = create("a");
  const auto other = create("b");
  for (const auto& one : {file, other}) {
    write(one.handle, 0, pattern(1 << 20));
    ASSERT_TRUE(sync(one.handle));
  }
  write(file.handle, 0, "newer");
  ASSERT_TRUE(flush(file.handle));
  cluster_.lose_power();
  write(other.handle, 0, "later");
  EXPECT_TRUE(sync(other.handle));
  const auto told = sync(file.handle);
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, Code::io);
  EXPECT_TRUE(sync(file.handle));  // it was said
  write(file.handle, 0, "again");
  EXPECT_TRUE(sync(file.handle));
  EXPECT_EQ(content(file.attributes.inode).substr(0, 5), "again");
  close(file.handle);
  close(other.handle);
}

TEST_F(AmongOthers, TellsWhoSyncsAllWhatAllServersLost) {
  const auto file = create("a");
  write(file.handle, 0, pattern(1 << 20));
  ASSERT_TRUE(sync(file.handle));
  auto context = this->context();
  EXPECT_TRUE(fs_->sync_all(context));
  write(file.handle, 0, "newer");
  ASSERT_TRUE(flush(file.handle));
  cluster_.lose_power();
  EXPECT_EQ(fs_->sync_all(context).error().code, Code::io);
  EXPECT_TRUE(fs_->sync_all(context));
  EXPECT_EQ(sync(file.handle).error().code, Code::io);  // of each file, too
  close(file.handle);
}

TEST_F(Mounted, ReadsAnotherCopyWhenOneIsCorrupt) {
  const auto file = create("a");
  write(file.handle, 0, pattern(100'000));
  close(file.handle);
  cluster_.set_before(
      [reads = std::make_shared<std::atomic<int>>(0)](const std::string&, const net::Request& request) -> std::optional<Error> {
        if (!is(request, wire::Kind::read_block) || (*reads)++ % 2 == 1) return std::nullopt;
        return Error{Code::corrupt, "rot"};
      });
  const auto again = open(file.attributes.inode, O_RDONLY);
  EXPECT_EQ(read(again.handle, 0, 100'000), pattern(100'000));
  release(again.handle);
}

TEST_F(Mounted, GivesUpOnBytesThatNoCopyHasIntact) {
  const auto file = create("a");
  write(file.handle, 0, pattern(100'000));
  close(file.handle);
  cluster_.set_before([](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (!is(request, wire::Kind::read_block)) return std::nullopt;
    return Error{Code::corrupt, "rot"};
  });
  const auto again = open(file.attributes.inode, O_RDONLY);
  auto context = this->context();
  char byte = 0;
  EXPECT_EQ(fs_->read(context, again.handle, 0, &byte, 1).error().code, Code::io);
  release(again.handle);
}

TEST_F(AmongOthers, TellsAtCloseThatTheDiskIsFullAndForgetsTheData) {
  const auto file = create("a");
  cluster_.set_before([](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (!is(request, wire::Kind::write_block)) return std::nullopt;
    return Error{Code::no_space, "full"};
  });
  write(file.handle, 0, "hello");
  const Status first = flush(file.handle);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, Code::no_space);
  EXPECT_TRUE(flush(file.handle)) << "told once";
  EXPECT_EQ(stat(file.attributes.inode).size, 0u);
  release(file.handle);
}

TEST_F(Mounted, TakesNoNewBlocksWhileTheServersAreFull) {
  cluster_.set_before([](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (!is(request, wire::Kind::write_block)) return std::nullopt;
    return Error{Code::no_space, "full"};
  });
  cluster_.reset_counts();
  for (int i = 0; i < 50; ++i) {
    const auto file = create("f" + std::to_string(i));
    write(file.handle, 0, std::string(2'000'000, 'x'));
    auto context = this->context();
    EXPECT_FALSE(fs_->sync(context, file.handle, false));
    release(file.handle);
  }
  EXPECT_LE(cluster_.requests(wire::Kind::allocate_blocks), 2u) << "each try leaves what it wrote in another block";
}

TEST_F(Mounted, KeepsABlockWithBytesOfAFileForThatFile) {
  const auto first = create("first");
  write(first.handle, 0, pattern(2'000'000));
  ASSERT_TRUE(sync(first.handle));
  auto context = this->context();  // the file's blocks are known by its extents alone from now on
  ASSERT_TRUE(fs_->allocate(context, first.handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1'000'000, 4'096));
  const auto full = std::make_shared<std::atomic<bool>>(true);
  cluster_.set_before([full](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (!is(request, wire::Kind::write_block) || !full->load()) return std::nullopt;
    return Error{Code::no_space, "full"};
  });
  write(first.handle, 3'000'000, "more");
  EXPECT_FALSE(sync(first.handle));
  full->store(false);
  const auto second = create("second");
  write(second.handle, 0, pattern(2'000'000, 2));
  ASSERT_TRUE(sync(second.handle));
  EXPECT_EQ(read(first.handle, 0, 1'000), pattern(2'000'000).substr(0, 1'000));
  EXPECT_NE(extents(first.attributes.inode)[0].block, extents(second.attributes.inode)[0].block);
  release(first.handle);
  release(second.handle);
}

TEST_F(Mounted, TellsAnErrorOfWriteBehindToWhoAsksNext) {
  const auto file = create("a");
  cluster_.set_before([](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (!is(request, wire::Kind::write_block)) return std::nullopt;
    return Error{Code::no_space, "full"};
  });
  auto context = this->context();
  const std::string piece(1 << 20, 'x');
  Status seen;
  for (uint64_t at = 0; seen && at < 10'000; ++at) {  // until the background has tried
    const auto done = fs_->write(context, file.handle, at << 20, piece);
    if (!done) seen = pass(done);
  }
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().code, Code::no_space);
  static_cast<void>(flush(file.handle));
  release(file.handle);
}

TEST_F(AmongOthers, KeepsWhatASignalKeptFromBeingSent) {
  const auto file = create("a");
  write(file.handle, 0, "hello");
  caller_->interrupt();
  const Status interrupted = flush(file.handle);
  caller_->resume();
  ASSERT_FALSE(interrupted);
  EXPECT_EQ(interrupted.error().code, Code::interrupted);
  EXPECT_EQ(read(file.handle, 0, 5), "hello");
  ASSERT_TRUE(flush(file.handle));
  EXPECT_EQ(content(file.attributes.inode), "hello");
  close(file.handle);
}

TEST_F(AmongOthers, AChangeThatWasNotWaitedForIsSettledBeforeTheNext) {
  const auto lose = std::make_shared<std::atomic<bool>>(true);
  cluster_.set_after([lose](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (!is(request, wire::Kind::commit) || !*lose) return std::nullopt;
    return Error{Code::unknown, "lost"};
  });
  auto context = this->context();
  std::thread signal([this] {
    while (cluster_.requests(wire::Kind::commit) < 2) std::this_thread::yield();
    caller_->interrupt();
  });
  const auto made = fs_->make(context, root_inode, "a", S_IFREG | 0644, 0);
  signal.join();
  caller_->resume();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::interrupted);
  *lose = false;
  const auto again = fs_->make(context, root_inode, "a", S_IFREG | 0644, 0);
  EXPECT_EQ(again.error().code, Code::exists) << "it had happened";
  EXPECT_EQ(cluster_.commits().size(), 2u);
}

TEST_F(AmongOthers, ANumberThatMayHaveBeenUsedIsUsedForNothingElse) {
  const auto commits = std::make_shared<std::atomic<int>>(0);
  cluster_.set_before([commits](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (!is(request, wire::Kind::commit) || *commits != 1) return std::nullopt;
    ++*commits;
    return Error{Code::try_again, "another mount has just come"};
  });
  cluster_.set_after([commits](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (!is(request, wire::Kind::commit) || (*commits)++ > 0) return std::nullopt;
    return Error{Code::unknown, "lost"};
  });
  auto context = this->context();
  EXPECT_FALSE(fs_->make(context, root_inode, "a", S_IFREG | 0644, 0));
  ASSERT_TRUE(fs_->make(context, root_inode, "b", S_IFREG | 0644, 0));
  const auto again = fs_->make(context, root_inode, "b", S_IFREG | 0644, 0);
  EXPECT_EQ(again.error().code, Code::exists) << "it was answered as if it were the one before";
}

TEST_F(AmongOthers, PlacesDataAnewWhenItsBlockIsGone) {
  const auto first = create("first");
  write(first.handle, 0, "x");
  close(first.handle);
  cluster_.set_before([&, gone = std::make_shared<std::atomic<bool>>(false)](
                          const std::string&, const net::Request& request) -> std::optional<Error> {
    if (!is(request, wire::Kind::write_block) || gone->exchange(true)) return std::nullopt;
    cluster_.remove_block(wire::decode<wire::WriteBlock>(request.body)->block);
    return std::nullopt;
  });
  const auto file = create("a");
  write(file.handle, 0, pattern(2 << 20));
  ASSERT_TRUE(flush(file.handle));
  EXPECT_EQ(content(file.attributes.inode), pattern(2 << 20));
  close(file.handle);
}

}  // namespace
}  // namespace lace::test
