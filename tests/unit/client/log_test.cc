// What a mount that is alone decides by itself, and how it tells control.
#include <atomic>

#include "tests/unit/client/mounted.h"

namespace lace::test {
namespace {

class Alone : public Mounted {
 protected:
  void SetUp() override {
    Mounted::SetUp();
    auto context = this->context();
    // Else it has to ask before it can decide anything there.
    ASSERT_TRUE(fs_->attributes(context, root_inode));
    ASSERT_TRUE(fs_->read_directory(context, root_inode, 0, 1'000, true));
  }
  InodeId make_file(const std::string& name, const std::string& bytes) {
    const auto file = create(name);
    if (!bytes.empty()) write(file.handle, 0, bytes);
    send_off(file.handle);
    return file.attributes.inode;
  }
  // close(2), which leaves the rest to the log.
  void send_off(fs::Handle handle) {
    auto context = this->context();
    const Status done = fs_->flush(context, handle);
    EXPECT_TRUE(done) << done.error().what;
    release(handle);
  }
  Status remove(const std::string& name) {
    auto context = this->context();
    return fs_->remove(context, root_inode, name, false);
  }
};

TEST_F(Alone, MakesManySmallFilesWithFewMessages) {
  make_file("first", "x");  // blocks are allocated with it
  tell();
  cluster_.reset_counts();
  std::vector<InodeId> made;
  for (int index = 0; index < 200; ++index) made.push_back(make_file(std::to_string(index), pattern(3'000)));
  tell();
  EXPECT_LE(cluster_.requests(wire::Kind::commit), 10u);
  EXPECT_LE(cluster_.requests(wire::Kind::write_block), 10u);
  EXPECT_EQ(cluster_.requests(wire::Kind::get_extents) + cluster_.requests(wire::Kind::get_attributes), 0u);
  for (const InodeId inode : made) EXPECT_EQ(cluster_.content(inode), pattern(3'000));
}

TEST_F(Alone, TellsWhereBytesAreOnlyOnceAPowerCutCantTakeThem) {
  auto torn = std::make_shared<std::atomic<size_t>>(0);
  auto commits = std::make_shared<std::atomic<size_t>>(0);
  cluster_.set_after([this, torn, commits](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (request.kind != wire::Kind::commit) return std::nullopt;
    ++*commits;
    *torn += cluster_.torn_by_power_cut().size();
    return std::nullopt;
  });
  const auto large = create("large");
  for (int index = 0; index < 60; ++index) {
    make_file(std::to_string(index), pattern(20'000));
    write(large.handle, static_cast<uint64_t>(index) << 20, pattern(1 << 20));
    if (index % 10 == 0) tell();
  }
  send_off(large.handle);
  tell();
  EXPECT_GE(*commits, 6u);
  EXPECT_EQ(*torn, 0u);
  cluster_.set_after(nullptr);
}

TEST_F(Alone, NeverTellsOfANameBeforeTheContentThatWasClosedBeforeIt) {
  const InodeId inode = make_file("new~", pattern(50'000));
  auto context = this->context();
  ASSERT_TRUE(fs_->rename(context, root_inode, "new~", root_inode, "new", false, false));
  tell();
  // Create, content, name: in this order, in however many commits.
  std::vector<size_t> order;
  for (const auto& commit : cluster_.commits()) {
    for (const wire::Operation& operation : commit) order.push_back(operation.index());
  }
  const auto place = [&](size_t kind) {
    const auto found = std::find(order.begin(), order.end(), kind);
    EXPECT_NE(found, order.end()) << "it was never told";
    return found - order.begin();
  };
  EXPECT_LT(place(wire::Operation(wire::Create{}).index()), place(wire::Operation(wire::Write{}).index()));
  EXPECT_LT(place(wire::Operation(wire::Write{}).index()), place(wire::Operation(wire::Rename{}).index()));
  EXPECT_EQ(cluster_.content(inode), pattern(50'000));
}

TEST_F(Alone, DoesNotStoreWhatIsRemovedBeforeItsTurn) {
  make_file("first", "x");
  tell();
  cluster_.reset_counts();
  for (int index = 0; index < 50; ++index) {
    make_file("a", pattern(3'000));
    ASSERT_TRUE(remove("a"));
  }
  tell();
  EXPECT_LE(cluster_.requests(wire::Kind::write_block), 5u);
  EXPECT_TRUE(cluster_.entries(root_inode).contains("first"));
  EXPECT_EQ(cluster_.entries(root_inode).size(), 1u);
}

TEST_F(Alone, SetsTheTimesThatWereAskedForThoughTheContentIsStoredLater) {
  const auto file = create("a");
  write(file.handle, 0, "hello");
  auto context = this->context();
  wire::SetAttributes request;
  request.inode = file.attributes.inode;
  request.set = wire::SetAttributes::set_modified;
  request.modified = {1234, 5};
  ASSERT_TRUE(fs_->set_attributes(context, request));
  EXPECT_EQ(stat(request.inode).modified.seconds, 1234);
  send_off(file.handle);
  EXPECT_EQ(stat(request.inode).modified.seconds, 1234);
  EXPECT_EQ(attributes(request.inode).modified.seconds, 1234);
  EXPECT_EQ(stat(request.inode).modified.seconds, 1234);
}

TEST_F(Alone, CountsTheBlocksOfWhatItStoresItself) {
  const InodeId inode = make_file("a", pattern(10'000));
  EXPECT_GE(stat(inode).stored, 10'000u);
  tell();
  EXPECT_EQ(stat(inode).stored, 12'288u);
  EXPECT_EQ(stat(inode).size, 10'000u);
}

TEST_F(Alone, SaysAtTheNextSyncWhatControlRefused) {
  auto context = this->context();
  ASSERT_FALSE(fs_->lookup(context, root_inode, "b"));
  cluster_.make_as_other_mount("b");  // nobody may; control refuses what comes of it
  const auto file = create("b");
  EXPECT_FALSE(sync(file.handle));
  EXPECT_TRUE(sync(file.handle)) << "told once";
  release(file.handle);
}

TEST_F(Alone, WaitsAtCloseWhenTheServersAreNearlyFull) {
  cluster_.set_available(1 << 20);
  mount({});
  auto context = this->context();
  ASSERT_TRUE(fs_->attributes(context, root_inode));
  cluster_.set_before([](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (request.kind != wire::Kind::write_block) return std::nullopt;
    return Error{Code::no_space, "full"};
  });
  const auto file = create("a");
  write(file.handle, 0, "hello");
  const Status closed = fs_->flush(context, file.handle);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, Code::no_space);
  release(file.handle);
}

TEST_F(Alone, KeepsWhatWasClosedUntilThereIsAServerForIt) {
  fs::MountOptions options;
  options.timeout = Millis{300};
  mount(options);
  auto context = this->context();
  ASSERT_TRUE(fs_->attributes(context, root_inode));
  make_file("first", "x");
  tell();
  auto refused = std::make_shared<std::atomic<int>>(0);
  cluster_.set_before([refused](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (request.kind != wire::Kind::write_block || ++*refused > 200) return std::nullopt;
    return Error{Code::unavailable, "away"};
  });
  const InodeId inode = make_file("a", pattern(5'000));
  while (*refused <= 200) {  // longer than the mount's timeout
    const auto asked = open(inode, O_RDWR);
    EXPECT_EQ(read(asked.handle, 0, 10'000), pattern(5'000));
    static_cast<void>(sync(asked.handle));  // who waits is told after a while
    release(asked.handle);
  }
  const auto file = open(inode, O_RDWR);
  while (!sync(file.handle)) {
  }
  release(file.handle);
  EXPECT_EQ(cluster_.content(inode), pattern(5'000));
}

TEST_F(Alone, WaitsForControlOnlyWhereItMust) {
  cluster_.set_before([](const std::string& url, const net::Request& request) -> std::optional<Error> {
    if (url != FakeCluster::control().url || request.kind == wire::Kind::renew_session) return std::nullopt;
    if (request.kind == wire::Kind::lookup || request.kind == wire::Kind::wait_events) return std::nullopt;
    return Error{Code::unavailable, "away"};
  });
  auto context = this->context();
  for (int index = 0; index < 100; ++index) {
    const std::string name = std::to_string(index);
    static_cast<void>(fs_->lookup(context, root_inode, name));  // as a kernel asks before it makes anything
    const auto made = fs_->make(context, root_inode, name, S_IFDIR | 0755, 0);
    ASSERT_TRUE(made) << made.error().what;
  }
  cluster_.set_before(nullptr);
  tell();
  EXPECT_EQ(cluster_.entries(root_inode).size(), 100u);
}

// The other mount ends while the bytes are on their way, and somebody looks at the file and changes it then.
TEST_F(AmongOthers, KnowsWhatAFlushStoredThatBeganBeforeItWasAlone) {
  const auto file = create("a");
  const InodeId inode = file.attributes.inode;
  const std::string bytes = pattern(50'000);
  write(file.handle, 0, bytes);
  auto begun = std::make_shared<std::atomic<bool>>(false);
  cluster_.set_before([this, begun, inode](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (request.kind != wire::Kind::write_block || begun->exchange(true)) return std::nullopt;
    cluster_.set_sole(true);
    cluster_.push_event(wire::EventKind::sole_again, 0);
    EXPECT_TRUE(cluster_.acknowledged_all());
    const auto caller = cluster_.network().make_caller();
    fs::Context context{*caller, 1000, 1000, 1, 022};
    EXPECT_TRUE(fs_->attributes(context, inode));
    wire::SetAttributes mode;
    mode.inode = inode;
    mode.set = wire::SetAttributes::set_mode;
    mode.mode = 0600;
    EXPECT_TRUE(fs_->set_attributes(context, mode));
    return std::nullopt;
  });
  ASSERT_TRUE(sync(file.handle));
  EXPECT_TRUE(*begun);
  EXPECT_EQ(stat(inode).size, bytes.size());
  EXPECT_TRUE(read(file.handle, 0, bytes.size()) == bytes);
  EXPECT_TRUE(content(inode) == bytes);
  const wire::Attributes known = stat(inode), told = cluster_.attributes(inode);
  EXPECT_EQ(known.size, told.size);
  EXPECT_EQ(known.stored, told.stored);
  EXPECT_EQ(known.mode & 07777, 0600u);
  EXPECT_EQ(told.mode & 07777, 0600u);
  release(file.handle);
}

}  // namespace
}  // namespace lace::test
