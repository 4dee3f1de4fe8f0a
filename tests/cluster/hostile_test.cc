// Clients that do not belong, and clients that want more than their key allows, over tcp.
#include <filesystem>
#include <fstream>
#include <map>

#include <gmock/gmock.h>

#include "common/access/keys.h"
#include "common/net/endpoint.h"
#include "common/net/zmq_network.h"
#include "common/wire/control_messages.h"
#include "common/wire/storage_messages.h"
#include "fs/cli/asker.h"
#include "tests/lib/cluster.h"
#include "tests/lib/isolation.h"
#include "tests/lib/scratch.h"

namespace lace::test {
namespace {

using testing::HasSubstr;

// One control server, two storage servers on tcp, and the keys: admin (all), confined (rw, /in), reader (ro, /in), stranger
// (not admitted).
class TcpCluster {
 public:
  TcpCluster() : top_(make_scratch_directory("lace")) {
    for (const char* name : {"control-1", "storage-1", "storage-2", "admin", "confined", "reader", "stranger"}) make_key(name);
    std::ofstream admit(top_ + "/admit");
    for (const char* server : {"control-1", "storage-1", "storage-2"})
      admit << key(server).public_key << ' ' << server << " server\n";
    admit << key("admin").public_key << " admin rw /\n"
          << key("confined").public_key << " confined rw /in\n"
          << key("reader").public_key << " reader ro /in\n";
    admit.close();
    start("control-1", "lace-control", 7400, {"--copies", "2"});
    start("storage-1", "lace-storage", 7401, {"--control", control()});
    start("storage-2", "lace-storage", 7402, {"--control", control()});
    for (const char* name : {"admin", "confined", "reader", "stranger"}) std::filesystem::create_directory(top_ + '/' + name);
  }
  ~TcpCluster() {
    mounts_.clear();
    if (testing::Test::HasFailure()) (void)std::system(("tail -n 30 " + top_ + "/*.log >&2").c_str());
    daemons_.clear();
    std::filesystem::remove_all(top_);
  }
  std::string control() const { return "tcp://127.0.0.1:7400#" + key("control-1").public_key; }
  std::string storage(int number) const {
    return "tcp://127.0.0.1:740" + std::to_string(number) + '#' + key("storage-" + std::to_string(number)).public_key;
  }
  access::KeyFile key(const std::string& name) const { return access::load_key_file(top_ + '/' + name + ".key").value(); }
  void wait_up() const {
    auto asker = cli::Asker::make(control(), {top_ + "/admin.key"});
    ASSERT_TRUE(asker) << asker.error().what;
    const Instant end = SystemClock().now() + Millis(30'000);
    while (true) {
      const auto status = asker->status(Millis(1'000));
      if (status && status->health == "healthy" && status->servers.size() == 2) return;
      ASSERT_LT(SystemClock().now(), end) << (status ? status->health : status.error().what);
      asker->pause(Millis(10));
    }
  }
  // Mounts with the key of `name` at top/name.
  Ran mount(const std::string& name) const {
    return shell(
        "lace mount --control '" + control() + "' --keys $T/" + name + ".key --log $T/mount-" + name + ".log $T/" + name,
        environment());
  }
  Environment environment() const {
    const std::string programs = std::filesystem::path(program_path("lace")).parent_path();
    return {{"T", top_}, {"PATH", programs + ":/usr/sbin:/usr/bin:/sbin:/bin"}, {"CONTROL", control()}};
  }
  const std::string& top() const { return top_; }

 private:
  void make_key(const std::string& name) const {
    const auto pair = net::make_key_pair();
    ASSERT_TRUE(access::make_key_file(top_ + '/' + name + ".key", {name, pair.public_key, pair.secret_key}));
  }
  void start(const std::string& name, const std::string& program, int port, std::vector<std::string> more) {
    std::filesystem::create_directory(top_ + '/' + name);
    std::vector<std::string> arguments{
        "--data", top_ + '/' + name,          "--name",  name,           "--listen", "tcp://127.0.0.1:" + std::to_string(port),
        "--keys", top_ + '/' + name + ".key", "--admit", top_ + "/admit"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    daemons_.push_back(std::make_unique<Daemon>(name, program, arguments, top_ + '/' + name + ".log"));
    daemons_.back()->start();
  }
  const std::string top_;
  std::vector<std::unique_ptr<Daemon>> daemons_;
  std::vector<std::string> mounts_;
};

// Speaks messages with somebody's key.
class Speaker {
 public:
  explicit Speaker(const access::KeyFile& key) : network_(clock_, options_of(key)), caller_(network_.make_caller()) {}
  template <class Message>
  Result<typename Message::Reply> ask(const std::string& to, const Message& message, Bytes payload = {}) {
    auto answered = net::call(*caller_, net::parse_endpoint(to).value(), message, Millis(3'000), std::move(payload));
    if (!answered) return pass(answered);
    return std::move(answered->reply);
  }

 private:
  static net::NetworkOptions options_of(const access::KeyFile& key) {
    net::NetworkOptions options;
    options.keys = net::KeyPair{key.public_key, key.secret_key};
    return options;
  }
  SystemClock clock_;
  net::ZmqNetwork network_;
  std::unique_ptr<net::Caller> caller_;
};

class Hostile : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_isolated()) GTEST_SKIP() << "needs a network namespace";
    cluster_.emplace();
    cluster_->wait_up();
    const Ran mounted = cluster_->mount("admin");
    ASSERT_TRUE(mounted.ok()) << mounted.output;
    const Ran made = shell(R"sh(mkdir $T/admin/in $T/admin/out; echo secret >$T/admin/out/file; echo shared >$T/admin/in/file
                              head -c 1M /dev/urandom >$T/admin/out/big; sync $T/admin/out/big; stat -c %i $T/admin/out/big >$T/big)sh",
                           cluster_->environment());
    ASSERT_TRUE(made.ok()) << made.output;
  }
  void TearDown() override {
    if (cluster_)
      (void)shell("for m in admin confined reader stranger; do lace unmount $T/$m; done 2>/dev/null || true",
                  cluster_->environment());
    cluster_.reset();
  }
  std::optional<TcpCluster> cluster_;
};

TEST_F(Hostile, AStrangerDoesNotGetIn) {
  const Ran mounted = shell("timeout 20 lace-fs --control \"$CONTROL\" --keys $T/stranger.key -o timeout=2 $T/stranger",
                            cluster_->environment());
  EXPECT_EQ(mounted.code, 1) << mounted.output;
  Speaker stranger(cluster_->key("stranger"));
  EXPECT_FALSE(stranger.ask(cluster_->control(), wire::ClusterStatus{}));
  EXPECT_FALSE(stranger.ask(cluster_->storage(1), wire::InspectBlock{BlockId{1}}));
  const Ran without = shell("timeout 20 lace status --control tcp://127.0.0.1:7400", cluster_->environment());
  EXPECT_NE(without.code, 0);
}

TEST_F(Hostile, AConfinedMountSeesItsSubtreeOnly) {
  const Ran mounted = cluster_->mount("confined");
  ASSERT_TRUE(mounted.ok()) << mounted.output;
  EXPECT_SHELL(cluster_->environment(), R"sh(
    [ "$(ls $T/confined)" = file ]; [ "$(cat $T/confined/file)" = shared ]; [ ! -e $T/confined/out ]; [ "$(ls $T/confined/..)" = "$(ls $T)" ]
    echo mine >$T/confined/mine; head -c 300K /dev/urandom >$T/x; cp $T/x $T/confined/x; sync $T/confined/x; cmp $T/x $T/confined/x; cmp $T/x $T/admin/in/x)sh");
}

TEST_F(Hostile, AReaderDoesNotWrite) {
  const Ran mounted = cluster_->mount("reader");
  ASSERT_TRUE(mounted.ok()) << mounted.output;
  EXPECT_SHELL(
      cluster_->environment(),
      R"sh([ "$(cat $T/reader/file)" = shared ]; not touch $T/reader/new 2>/dev/null; not rm $T/reader/file 2>/dev/null)sh");
  Speaker reader(cluster_->key("reader"));
  wire::OpenSession open;
  open.subtree = "/";
  const auto session = reader.ask(cluster_->control(), open);
  ASSERT_TRUE(session) << session.error().what;
  EXPECT_TRUE(session->read_only);
  wire::Commit commit;
  commit.session = session->session;
  commit.number = 1;
  commit.operations.push_back(wire::Create{session->root, "new", 0100644, 0, 0, 0, 0, "", true, false, {}});
  const auto committed = reader.ask(cluster_->control(), commit);
  EXPECT_TRUE(!committed || committed->results.at(0).outcome.code != 0);
  EXPECT_SHELL(cluster_->environment(), "[ \"$(ls $T/admin/in)\" = file ]");
}

TEST_F(Hostile, AConfinedKeyReachesNothingOutside) {
  const std::string control = cluster_->control();
  Speaker confined(cluster_->key("confined")), admin(cluster_->key("admin"));
  wire::OpenSession open;
  open.subtree = "/";
  const auto session = confined.ask(control, open);
  ASSERT_TRUE(session) << session.error().what;
  const SessionId id = session->session;
  EXPECT_NE(session->root, root_inode) << "its root is its subtree";
  EXPECT_EQ(session->token, "") << "it may not reach every block";

  const InodeId big{std::strtoull(read_file(cluster_->top() + "/big").c_str(), nullptr, 10)};
  const auto all = admin.ask(control, open);
  ASSERT_TRUE(all) << all.error().what;
  const auto theirs = admin.ask(control, wire::OpenInode{all->session, big});
  ASSERT_TRUE(theirs) << theirs.error().what;
  ASSERT_FALSE(theirs->extents.empty());
  const BlockId block = theirs->extents[0].block;
  const auto& where = theirs->blocks.at(0);

  EXPECT_FALSE(confined.ask(control, wire::GetAttributes{id, root_inode}));
  EXPECT_FALSE(confined.ask(control, wire::GetAttributes{id, big}));
  EXPECT_FALSE(confined.ask(control, wire::Lookup{id, root_inode, "out"}));
  EXPECT_FALSE(confined.ask(control, wire::ReadDirectory{id, root_inode, 0, 100, true}));
  EXPECT_FALSE(confined.ask(control, wire::OpenInode{id, big}));
  EXPECT_FALSE(confined.ask(control, wire::GetExtents{id, big, 0, 1 << 20}));
  EXPECT_FALSE(confined.ask(control, wire::ListXattrs{id, big}));
  EXPECT_FALSE(confined.ask(control, wire::InspectInode{big}));
  if (const auto up = confined.ask(control, wire::Lookup{id, session->root, ".."})) {
    EXPECT_NE(up->attributes.inode, root_inode);
  }
  if (const auto blocks = confined.ask(control, wire::GetBlocks{id, {block}})) {
    EXPECT_TRUE(blocks->blocks.empty());
  }
  EXPECT_FALSE(confined.ask(control, wire::GetAttributes{all->session, big})) << "another's session is not its own";

  // A block of others put into a file of one's own would be a way to read it.
  wire::Commit commit;
  commit.session = id;
  commit.number = 1;
  commit.operations.push_back(wire::Create{session->root, "mine", 0100644, 0, 0, 0, 0, "", true, true, {}});
  commit.operations.push_back(wire::Create{root_inode, "theirs", 0100644, 0, 0, 0, 0, "", true, false, {}});
  commit.operations.push_back(wire::Link{big, session->root, "linked", {}});
  commit.operations.push_back(wire::Remove{root_inode, "out", true, {}});
  commit.operations.push_back(wire::Rename{session->root, "file", root_inode, "moved", false, false, {}});
  const auto committed = confined.ask(control, commit);
  ASSERT_TRUE(committed) << committed.error().what;
  ASSERT_EQ(committed->results.size(), 5u);
  EXPECT_EQ(committed->results[0].outcome.code, 0);
  for (size_t i = 1; i < 5; ++i) EXPECT_NE(committed->results[i].outcome.code, 0) << i;
  const InodeId mine = committed->results[0].inode.inode;
  wire::Commit steal;
  steal.session = id;
  steal.number = 2;
  steal.operations.push_back(wire::Write{mine, {{0, 4096, block, theirs->extents[0].block_offset}}, 4096, 0, {}, false});
  const auto stolen = confined.ask(control, steal);
  EXPECT_TRUE(!stolen || stolen->results.at(0).outcome.code != 0);

  // To the storage servers: with no token, with a token for a block of its own, with the token changed.
  const auto own = confined.ask(control, wire::AllocateBlocks{id, 1});
  ASSERT_TRUE(own) << own.error().what;
  std::string changed = own->blocks.at(0).token;
  ASSERT_FALSE(changed.empty());
  changed.back() = static_cast<char>(changed.back() ^ 1);
  for (const auto& token : {std::string(), own->blocks.at(0).token, changed, std::string(59, '\0')}) {
    for (int number = 1; number <= 2; ++number) {
      wire::ReadBlock read{token, block, where.epoch, theirs->extents[0].block_offset, 4096};
      EXPECT_FALSE(confined.ask(cluster_->storage(number), read));
      wire::WriteBlock write{token, block, where.epoch, 0, where.in_sync, where.filling, mine, 0, own->blocks.at(0).seal};
      EXPECT_FALSE(confined.ask(cluster_->storage(number), write, Bytes(std::string(4096, 'x'))));
    }
  }
  // What servers say to servers.
  wire::RegisterServer server;
  server.name = "storage-9";
  server.endpoint.url = "tcp://127.0.0.1:7409";
  EXPECT_FALSE(confined.ask(control, server));
  EXPECT_FALSE(confined.ask(control, wire::Heartbeat{ServerId{1}, 1, 0, 0, 0, 0, 0, 0, {}}));
  EXPECT_FALSE(confined.ask(control, wire::ReportFailure{SessionId{0}, block, where.epoch, where.in_sync}));
  for (int number = 1; number <= 2; ++number) {
    EXPECT_FALSE(confined.ask(cluster_->storage(number), wire::DeleteBlocks{"", {block}}));
    EXPECT_FALSE(confined.ask(cluster_->storage(number), wire::FetchPages{"", block, 0, where.epoch, {}}));
    EXPECT_FALSE(confined.ask(cluster_->storage(number), wire::FetchPages{own->blocks.at(0).token, block, 0, where.epoch, {}}));
    EXPECT_FALSE(confined.ask(cluster_->storage(number), wire::InspectBlock{block}));
    EXPECT_FALSE(confined.ask(cluster_->storage(number), wire::InspectBlock{block, own->blocks.at(0).token, {}}));
    const auto epochs = confined.ask(cluster_->storage(number), wire::SetEpochs{"", {}});
    EXPECT_FALSE(epochs);
  }
  EXPECT_SHELL(cluster_->environment(),
               R"sh([ "$(ls $T/admin)" = $'in\nout' ]; [ "$(cat $T/admin/out/file)" = secret ]; [ -e $T/admin/in/file ]
    [ "$(stat -c %s $T/admin/out/big)" = 1048576 ])sh");
}

// A block that a file in /in and one in /out share, and where they are in it.
struct SharedBlock {
  InodeId mine{}, theirs{};
  wire::Extent my_extent, their_extent;
  wire::BlockInfo where;
};

class HostileInSharedBlocks : public Hostile {
 protected:
  // Which of the mount's packs a file goes to depends on the thread that closes it: of many files some share one.
  void SetUp() override {
    Hostile::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const Ran made = shell(
        R"sh(for i in $(seq 20); do echo my-$i >$T/admin/in/$i; echo secret-$i >$T/admin/out/$i; done; sync $T/admin/in/1)sh",
        cluster_->environment());
    ASSERT_TRUE(made.ok()) << made.output;
    wire::OpenSession open;
    open.subtree = "/";
    admin_.emplace(cluster_->key("admin"));
    const auto opened = admin_->ask(cluster_->control(), open);
    ASSERT_TRUE(opened) << opened.error().what;
    all_ = opened->session;
    token_ = opened->token;
    find_shared();
    ASSERT_NE(shared_.mine, InodeId{}) << "no file in /in shares a block with one in /out";
  }

  std::map<InodeId, wire::ExtentsReply> files_in(const std::string& directory) {
    std::map<InodeId, wire::ExtentsReply> found;
    const auto top = admin_->ask(cluster_->control(), wire::Lookup{all_, root_inode, directory});
    for (int i = 1; i <= 20; ++i) {
      const auto file = admin_->ask(cluster_->control(), wire::Lookup{all_, top->attributes.inode, std::to_string(i)});
      auto extents = admin_->ask(cluster_->control(), wire::GetExtents{all_, file->attributes.inode, 0, 1 << 20});
      if (extents && !extents->extents.empty()) found[file->attributes.inode] = *extents;
    }
    return found;
  }
  void find_shared() {
    const auto mine = files_in("in"), theirs = files_in("out");
    for (const auto& [my_inode, my] : mine) {
      for (const auto& [their_inode, their] : theirs) {
        if (my.extents[0].block != their.extents[0].block) continue;
        shared_ = {my_inode, their_inode, my.extents[0], their.extents[0], my.blocks.at(0)};
        return;
      }
    }
  }
  // Every token for the block that the session is given, whatever it asks.
  std::vector<std::string> tokens_of(Speaker& speaker, SessionId session) {
    const std::string control = cluster_->control();
    std::vector<std::string> tokens;
    const auto take = [&](const std::vector<wire::BlockInfo>& blocks) {
      for (const wire::BlockInfo& block : blocks) {
        if (block.block != shared_.where.block) continue;
        tokens.push_back(block.token);
        seal_ = block.seal;
      }
    };
    if (const auto opened = speaker.ask(control, wire::OpenInode{session, shared_.mine})) take(opened->blocks);
    EXPECT_EQ(tokens.size(), 1u) << "it may read its own file";
    if (const auto some = speaker.ask(control, wire::GetExtents{session, shared_.mine, 0, 1})) take(some->blocks);
    if (const auto past = speaker.ask(control, wire::GetExtents{session, shared_.mine, 1 << 20, 1})) take(past->blocks);
    if (const auto blocks = speaker.ask(control, wire::GetBlocks{session, {shared_.where.block}})) take(blocks->blocks);
    if (const auto own = speaker.ask(control, wire::AllocateBlocks{session, 1})) tokens.push_back(own->blocks.at(0).token);
    return tokens;
  }
  std::string storage_of(ServerId server) {
    const auto status = admin_->ask(cluster_->control(), wire::ClusterStatus{});
    for (const wire::ServerInfo& info : status->servers) {
      if (info.server == server) return cluster_->storage(info.name == "storage-1" ? 1 : 2);
    }
    return {};
  }
  Code read(Speaker& speaker, const std::string& token, uint64_t offset, uint64_t length) {
    const wire::ReadBlock message{token, shared_.where.block, shared_.where.epoch, offset, length};
    const auto answer = speaker.ask(storage_of(shared_.where.in_sync.at(0)), message);
    return answer ? Code{} : answer.error().code;
  }
  Code write(Speaker& speaker, const std::string& token, uint64_t offset, const std::string& bytes) {
    wire::WriteBlock message;
    message.token = token;
    message.block = shared_.where.block;
    message.epoch = shared_.where.epoch;
    message.offset = offset;
    message.in_sync = shared_.where.in_sync;
    message.inode = shared_.mine;
    message.seal = seal_;
    const auto answer = speaker.ask(storage_of(shared_.where.in_sync.at(0)), message, Bytes(bytes));
    return answer ? Code{} : answer.error().code;
  }
  void expect_nothing_is_lost() {
    EXPECT_SHELL(
        cluster_->environment(),
        R"sh(echo 3 >/proc/sys/vm/drop_caches; for i in $(seq 20); do [ "$(cat $T/admin/out/$i)" = secret-$i ]; done)sh");
  }

  std::optional<Speaker> admin_;
  SessionId all_{};
  std::string token_, seal_;
  SharedBlock shared_;
};

TEST_F(HostileInSharedBlocks, AConfinedKeyReachesItsOwnPagesOnly) {
  for (const std::string name : {"confined", "reader"}) {
    Speaker speaker(cluster_->key(name));
    wire::OpenSession open;
    open.subtree = "/";
    const auto session = speaker.ask(cluster_->control(), open);
    ASSERT_TRUE(session) << session.error().what;
    const auto tokens = tokens_of(speaker, session->session);
    ASSERT_FALSE(tokens.empty());
    const uint64_t mine = shared_.my_extent.block_offset, theirs = shared_.their_extent.block_offset;
    EXPECT_EQ(read(speaker, tokens[0], mine, shared_.my_extent.length), Code{}) << name << " reads its own file";
    EXPECT_EQ(read(*admin_, token_, theirs, page_bytes), Code{}) << "the right question, asked by the wrong one";
    for (const std::string& token : tokens) {
      EXPECT_EQ(read(speaker, token, theirs, page_bytes), Code::denied) << name;
      EXPECT_EQ(read(speaker, token, theirs, 1), Code::denied) << name;
      EXPECT_EQ(read(speaker, token, std::min(mine, theirs), std::max(mine, theirs) - std::min(mine, theirs) + 1),
                Code::denied);
      EXPECT_EQ(read(speaker, token, 0, max_io_bytes), Code::denied) << name;
      EXPECT_EQ(write(speaker, token, theirs, "destroyed"), Code::denied) << name;
      EXPECT_EQ(write(speaker, token, std::min(mine, theirs), std::string(max_io_bytes, 'x')), Code::denied) << name;
    }
    // Its own file may be written by one of them only.
    EXPECT_EQ(write(speaker, tokens[0], mine, "mine"), name == "confined" ? Code{} : Code::denied);
  }
  expect_nothing_is_lost();
}

// Whose bytes a mount of a confined key reads and writes there it is right to do so.
TEST_F(HostileInSharedBlocks, AConfinedMountReadsAndWritesItsOwnFiles) {
  const Ran mounted = cluster_->mount("confined");
  ASSERT_TRUE(mounted.ok()) << mounted.output;
  EXPECT_SHELL(cluster_->environment(), R"sh(
    for i in $(seq 20); do [ "$(cat $T/confined/$i)" = my-$i ]; done
    for i in $(seq 20); do echo changed-$i >>$T/confined/$i; done; sync -f $T/confined
    for i in $(seq 20); do [ "$(cat $T/admin/in/$i)" = "my-$i
changed-$i" ]; done
    head -c 4M /dev/urandom >$T/x; cp $T/x $T/confined/holes
    for i in $(seq 0 2 798); do fallocate -p -o $((i * 4096)) -l 4096 $T/x; fallocate -p -o $((i * 4096)) -l 4096 $T/confined/holes; done
    sync $T/confined/holes; echo 3 >/proc/sys/vm/drop_caches; cmp $T/x $T/confined/holes; cmp $T/x $T/admin/in/holes
    printf xxx | dd of=$T/x bs=1 seek=4097 conv=notrunc 2>/dev/null; printf xxx | dd of=$T/confined/holes bs=1 seek=4097 conv=notrunc 2>/dev/null
    cmp $T/x $T/admin/in/holes)sh");
  expect_nothing_is_lost();
}

}  // namespace
}  // namespace lace::test
