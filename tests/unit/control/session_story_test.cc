// Mounts come, go, die and resume; nothing happens twice; nobody sees what it may not.
#include <sys/stat.h>

#include <set>

#include "tests/unit/control/cluster_fixture.h"

namespace lace::control {
namespace {

struct SessionStory : ClusterTest {
  SessionStory() {
    options.process_ended = [this](const SessionRecord& session) {
      return session.process_where == "here" && ended_processes.contains(session.process);
    };
    start_control();
  }
  wire::OpenSession mount_here(uint32_t process) { return {"h", "/m", process, "/", false, "here", 17}; }
  std::set<uint32_t> ended_processes;

  wire::LockRange write_lock(InodeId inode, uint64_t owner = 1) {
    return {inode, LockOwner{owner}, false, 1, 0, UINT64_MAX, static_cast<uint32_t>(owner)};
  }
  Result<wire::WaitEventsReply> events(SessionId session, uint64_t seen, uint32_t wait_ms = 0,
                                       const std::string& who = "client") {
    return ask(wire::WaitEvents{session, seen, wait_ms}, Millis(wait_ms + 5'000), who);
  }
  bool exists(InodeId inode) { return control->names->attributes(inode).has_value(); }
};

TEST_F(SessionStory, TheOnlyMountIsTold) {
  const auto first = open();
  EXPECT_TRUE(first.sole);
  EXPECT_EQ(first.root, root_inode);
  EXPECT_EQ(first.lease_ms, 15'000u);
  EXPECT_FALSE(first.token.empty());
}

TEST_F(SessionStory, ASecondMountWaitsUntilTheFirstKnowsThatItIsNotAlone) {
  const SessionId first = open_id();
  net::Caller& second = caller("second");
  const auto ticket =
      second.start(control_endpoint, net::request_of(wire::OpenSession{"h", "/m", 2, "/", false}), Millis(30'000));
  simulation.run_for(Millis(2'000));
  const auto told = events(first, 0);
  ASSERT_TRUE(told);
  ASSERT_EQ(told->events.size(), 1u);
  EXPECT_EQ(told->events[0].kind, wire::EventKind::sole_ended);
  EXPECT_EQ(control->sessions.size(), 2u);
  const Instant before = simulation.now();
  ASSERT_TRUE(events(first, told->events[0].number));  // acknowledges
  const auto opened = net::decode_answer<wire::OpenSession>(second.finish(ticket));
  ASSERT_TRUE(opened) << opened.error().what;
  EXPECT_FALSE(opened->reply.sole);
  EXPECT_LT(simulation.now() - before, Millis(10));
}

TEST_F(SessionStory, ASecondMountWaitsForADeadFirstNoLongerThanItsLease) {
  open();
  const Instant before = simulation.now();
  const auto second = open({"h", "/m", 2, "/", false}, "second");
  EXPECT_NE(second.session, SessionId{});
  EXPECT_GE(simulation.now() - before, Millis(15'000));
  EXPECT_LT(simulation.now() - before, Millis(17'000));
  EXPECT_EQ(control->sessions.size(), 1u);
}

TEST_F(SessionStory, ASecondMountDoesNotWaitForAFirstWhoseProcessIsGone) {
  const SessionId first = open(mount_here(1)).session;
  ended_processes = {1};
  const Instant before = simulation.now();
  open(mount_here(2), "second");
  EXPECT_LT(simulation.now() - before, Millis(2'000));
  EXPECT_GE(simulation.now() - before, options.timing.storage_lease) << "storage has to hear it first";
  EXPECT_EQ(control->sessions.find(first), nullptr);
  EXPECT_EQ(control->keeper.fenced(), std::vector{first});
}

TEST_F(SessionStory, AMountWhoseProcessIsGoneIsGivenUpThoughNobodyComes) {
  open(mount_here(1));
  ended_processes = {1};
  EXPECT_TRUE(until([&] { return control->sessions.size() == 0; }, Millis(3'000)));
}

TEST_F(SessionStory, ThatAProcessIsGoneIsSeenAfterARestartToo) {
  open(mount_here(1));
  ended_processes = {1};
  restart_control();
  EXPECT_TRUE(until([&] { return control->sessions.size() == 0; }, Millis(3'000)));
}

TEST_F(SessionStory, OfAMountElsewhereControlDoesNotKnowWhetherItRuns) {
  rights = [](const net::Peer&) { return PeerRights{true, true, false, "/"}; };
  const auto ticket = caller("far", {false, "key"}).start(control_endpoint, net::request_of(mount_here(1)), Millis(30'000));
  ASSERT_TRUE(caller("far").finish(ticket));
  ended_processes = {1};
  EXPECT_FALSE(until([&] { return control->sessions.size() == 0; }, Millis(10'000)));
}

TEST_F(SessionStory, SpaceOfADiskThatServersShareIsCountedOnce) {
  constexpr uint64_t size = uint64_t{100} << 30;
  disk(1).name = disk(2).name = "shared";
  for (const int number : {1, 2, 3}) start_storage(number);
  const SessionId session = open_id();
  auto usage = ask(wire::FileSystemUsage{session});
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->capacity_bytes, size) << "200 GiB in all, in two copies";
  EXPECT_EQ(usage->available_bytes, size - 2 * block_bytes);
  kill_storage(2);
  ASSERT_TRUE(until([&] { return !control->servers.is_up(id_of(2), simulation.now()); }, Millis(5'000)));
  usage = ask(wire::FileSystemUsage{session});
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->capacity_bytes, size);
  EXPECT_EQ(usage->available_bytes, size - 2 * block_bytes) << "what it could have taken is there for the other";
}

TEST_F(SessionStory, WhileNobodyChangesAnythingTheLogIsMovedIntoTheDatabase) {
  const auto stored = [&] { return std::filesystem::file_size(directory() / "namespace.db"); };
  const SessionId session = open_id();
  keep_alive(session, Millis(2'000));
  const auto before = stored();
  const std::string name(200, 'x');
  for (int i = 0; i < 200; ++i) make_file(session, name + std::to_string(i));
  EXPECT_EQ(stored(), before) << "no commit pays for it";
  keep_alive(session, Millis(2'000));
  EXPECT_GT(stored(), before + 200 * name.size());
}

TEST_F(SessionStory, TheMountThatIsLeftIsAloneAgain) {
  const SessionId first = open_id();
  net::Caller& second = caller("second");
  const auto ticket =
      second.start(control_endpoint, net::request_of(wire::OpenSession{"h", "/m", 2, "/", false}), Millis(30'000));
  simulation.run_for(Millis(100));
  const uint64_t ended = events(first, 0)->events.at(0).number;
  ASSERT_TRUE(events(first, ended));
  const auto opened = net::decode_answer<wire::OpenSession>(second.finish(ticket));
  ASSERT_TRUE(ask(wire::CloseSession{opened->reply.session}, Millis(1'000), "second"));
  const auto again = events(first, ended, 1'000);
  ASSERT_TRUE(again);
  ASSERT_EQ(again->events.size(), 1u);
  EXPECT_EQ(again->events[0].kind, wire::EventKind::sole_again);
}

TEST_F(SessionStory, ALeaseThatIsRenewedGoesOn) {
  const SessionId session = open_id();
  keep_alive(session, Millis(60'000));
  EXPECT_TRUE(ask(wire::RenewSession{session}));
}

TEST_F(SessionStory, ALeaseThatEndsTakesLocksAndOpenInodesWithIt) {
  const SessionId session = open_id();
  const wire::Attributes file = make_file(session, "f");
  ASSERT_TRUE(ask(wire::OpenInode{session, file.inode}));
  wire::Remove remove;
  remove.parent = root_inode;
  remove.name = "f";
  ASSERT_TRUE(apply(session, remove));
  ASSERT_TRUE(ask(wire::Lock{session, write_lock(root_inode), false})->granted);
  EXPECT_TRUE(exists(file.inode));
  simulation.run_for(Millis(15'100));
  EXPECT_EQ(ask(wire::RenewSession{session}).error().code, Code::fenced);
  EXPECT_EQ(control->keeper.fenced(), std::vector{session}) << "storage servers are told first";
  EXPECT_EQ(control->locks.held(), 1u) << "its locks stay until they all know";
  simulation.run_for(Millis(1'500));
  EXPECT_EQ(control->locks.held(), 0u);
  EXPECT_FALSE(exists(file.inode));
  EXPECT_EQ(control->sessions.size(), 0u);
}

TEST_F(SessionStory, AnUnlinkedFileLivesUntilItsLastCloseAlsoOverARestart) {
  const SessionId session = open_id();
  const wire::Attributes file = make_file(session, "f");
  ASSERT_TRUE(ask(wire::OpenInode{session, file.inode}));
  wire::Remove remove;
  remove.parent = root_inode;
  remove.name = "f";
  ASSERT_TRUE(apply(session, remove));
  restart_control();
  simulation.run_for(Millis(500));
  EXPECT_TRUE(exists(file.inode)) << "nobody said yet that it is not held";
  ASSERT_TRUE(ask(wire::ResumeSession{session, {file.inode}, {}}));
  simulation.run_for(Millis(500));
  EXPECT_TRUE(exists(file.inode));
  ASSERT_TRUE(ask(wire::CloseInodes{session, {file.inode}}));
  simulation.run_for(Millis(500));
  EXPECT_FALSE(exists(file.inode));
}

TEST_F(SessionStory, OrphansOfAMountThatDoesNotResumeAreReapedWhenItsTimeIsOver) {
  const SessionId session = open_id();
  const wire::Attributes file = make_file(session, "f");
  ASSERT_TRUE(ask(wire::OpenInode{session, file.inode}));
  wire::Remove remove;
  remove.parent = root_inode;
  remove.name = "f";
  ASSERT_TRUE(apply(session, remove));
  restart_control();
  simulation.run_for(Millis(14'000));
  EXPECT_TRUE(exists(file.inode));
  simulation.run_for(Millis(3'000));
  EXPECT_FALSE(exists(file.inode));
}

TEST_F(SessionStory, ACommitSentAgainIsAnsweredFromTheRecordAlsoAfterARestart) {
  const SessionId session = open_id();
  wire::Create create;
  create.parent = root_inode;
  create.name = "once";
  create.mode = S_IFREG | 0600;
  const wire::Commit commit{session, 3, 1, {create}};
  const auto first = ask(commit);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->results.at(0).outcome.code, 0);
  for (int i = 0; i < 2; ++i) {
    const auto again = ask(commit);
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ(again->results.at(0).outcome.code, 0) << "not `exists`: it is the same creation";
    EXPECT_EQ(again->results.at(0).inode.inode, first->results.at(0).inode.inode);
    restart_control();
  }
  EXPECT_EQ(ask(wire::Commit{session, 3, 3, {create}}).error().code, Code::stale);
}

// Every reply may be lost, control may die at any moment: a counter made of file creations never counts anything twice.
TEST(ExactlyOnce, HoldsOverLostRepliesAndRestarts) {
  struct Story : ClusterTest {
    explicit Story(uint64_t seed) : ClusterTest(seed) { start_control(); }
    void TestBody() override {
      SessionId session = open_id();
      auto& random = simulation.random();
      for (uint64_t number = 1; number <= 40; ++number) {
        wire::Create create;
        create.parent = root_inode;
        create.name = "file" + std::to_string(number);
        create.mode = S_IFREG | 0600;
        const wire::Commit commit{session, 0, number, {create}};
        Result<wire::CommitReply> reply = fail(Code::unknown);
        for (int attempt = 0; !reply && attempt < 50; ++attempt) {
          net::Caller& asker = caller("client");
          const auto ticket = asker.start(control_endpoint, net::request_of(commit), Millis(200));
          if (random() % 3 == 0) {
            simulation.run_for(Micros(random() % 1'500));
            restart_control();
          }
          auto answered = net::decode_answer<wire::Commit>(asker.finish(ticket));
          if (answered) reply = std::move(answered->reply);
        }
        ASSERT_TRUE(reply);
        ASSERT_EQ(reply->results.at(0).outcome.code, 0) << "file " << number << ": " << reply->results.at(0).outcome.what;
        ASSERT_TRUE(ask(wire::ResumeSession{session, {}, {}}));
      }
      EXPECT_EQ(control->names->counts().inodes, 41u);
    }
  };
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    Story(seed).TestBody();
  }
}

TEST_F(SessionStory, CommitsThatWaitTogetherShareOneTransaction) {
  const SessionId session = open_id();
  net::Caller& asker = caller("client");
  std::vector<net::Caller::Ticket> tickets;
  size_t transactions = 0;
  control->group.set_observer([&](size_t, Micros, bool) { ++transactions; });
  for (uint32_t slot = 0; slot < 32; ++slot) {
    wire::Create create;
    create.parent = root_inode;
    create.name = std::to_string(slot);
    create.mode = S_IFREG;
    const wire::Commit commit{session, slot, 1, {create}};
    tickets.push_back(asker.start(control_endpoint, net::request_of(commit), Millis(1'000)));
  }
  for (const auto ticket : tickets) EXPECT_TRUE(asker.finish(ticket));
  EXPECT_LT(transactions, 10u);
}

// ---------------------------------------------------------------- locks over the wire

TEST_F(SessionStory, AWaitingLockIsGrantedByAnEvent) {
  const SessionId session = open_id();
  ASSERT_TRUE(ask(wire::Lock{session, write_lock(root_inode, 1), false})->granted);
  const auto waiting = ask(wire::Lock{session, write_lock(root_inode, 2), true});
  ASSERT_TRUE(waiting);
  EXPECT_FALSE(waiting->granted);
  ASSERT_TRUE(ask(wire::ReleaseLocks{session, root_inode, LockOwner{1}, false}));
  const auto told = events(session, 0, 1'000);
  ASSERT_TRUE(told);
  ASSERT_EQ(told->events.size(), 1u);
  EXPECT_EQ(told->events[0].kind, wire::EventKind::lock_granted);
  EXPECT_EQ(told->events[0].value, waiting->waiter);
}

TEST_F(SessionStory, AfterARestartNobodyTakesALockThatAnotherMayStillHold) {
  const SessionId first = open_id();
  ASSERT_TRUE(ask(wire::Lock{first, write_lock(root_inode, 1), false})->granted);
  net::Caller& other = caller("second");
  const auto opening =
      other.start(control_endpoint, net::request_of(wire::OpenSession{"h", "/m", 2, "/", false}), Millis(30'000));
  simulation.run_for(Millis(100));
  ASSERT_TRUE(events(first, events(first, 0)->events.at(0).number));
  const SessionId second = net::decode_answer<wire::OpenSession>(other.finish(opening))->reply.session;

  restart_control();
  ASSERT_TRUE(ask(wire::ResumeSession{second, {}, {}}, Millis(1'000), "second"));
  const auto ticket =
      other.start(control_endpoint, net::request_of(wire::Lock{second, write_lock(root_inode, 9), false}), Millis(30'000));
  simulation.run_for(Millis(1'000));
  ASSERT_TRUE(ask(wire::ResumeSession{first, {}, {write_lock(root_inode, 1)}}));
  const auto refused = other.finish(ticket);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::try_again);
}

// ---------------------------------------------------------------- who may what

struct Confined : ClusterTest {
  static constexpr const char* key = "ann's key";
  PeerRights ann{true, false, false, "/ann"};
  SessionId admin{}, confined{};
  wire::Attributes inside, outside, top, secret_directory;

  void SetUp() override {
    rights = [this](const net::Peer& peer) {
      if (peer.local) return PeerRights{true, true, false, "/"};
      return peer.key == key ? ann : PeerRights{};
    };
    start_control();
    start_storage(1);
    admin = open_id();
    top = make_directory("ann");
    secret_directory = make_directory("secret");
    inside = make_file(admin, "mine", top.inode);
    outside = make_file(admin, "hers", secret_directory.inode);
    caller("ann", {false, key});
    net::Caller& asker = caller("ann");
    const auto opening =
        asker.start(control_endpoint, net::request_of(wire::OpenSession{"h", "/m", 2, "/", false}), Millis(30'000));
    simulation.run_for(Millis(100));
    const auto told = ask(wire::WaitEvents{admin, 0, 0});
    ASSERT_TRUE(ask(wire::WaitEvents{admin, told->events.at(0).number, 0}));
    const auto opened = net::decode_answer<wire::OpenSession>(asker.finish(opening));
    ASSERT_TRUE(opened) << opened.error().what;
    reply = opened->reply;
    confined = reply.session;
  }
  wire::Attributes make_directory(const std::string& name) {
    wire::Create create;
    create.parent = root_inode;
    create.name = name;
    create.mode = S_IFDIR | 0755;
    return apply(admin, create)->inode;
  }
  template <class Message>
  Code code_of(const Message& message, const std::string& who = "ann") {
    const auto answered = ask(message, Millis(5'000), who);
    return answered ? Code{} : answered.error().code;
  }
  Code commit(wire::Operation operation) {
    const auto result = apply(confined, std::move(operation), "ann");
    return result ? Code{} : result.error().code;
  }

  wire::OpenSessionReply reply;
};

TEST_F(Confined, SeesItsSubtreeAsItsRoot) {
  EXPECT_EQ(reply.root, top.inode);
  EXPECT_TRUE(reply.token.empty()) << "no right to every block";
  EXPECT_EQ(ask(wire::Lookup{confined, top.inode, "mine"}, Millis(1'000), "ann")->attributes.inode, inside.inode);
  EXPECT_EQ(ask(wire::Lookup{confined, top.inode, ".."}, Millis(1'000), "ann")->attributes.inode, top.inode);
  EXPECT_EQ(ask(wire::ReadDirectory{confined, top.inode, 0, 10, false}, Millis(1'000), "ann")->parent, top.inode);
}

TEST_F(Confined, CanNameNothingOutside) {
  for (const InodeId inode : {root_inode, secret_directory.inode, outside.inode}) {
    EXPECT_EQ(code_of(wire::Lookup{confined, inode, "hers"}), Code::denied);
    EXPECT_EQ(code_of(wire::GetAttributes{confined, inode}), Code::denied);
    EXPECT_EQ(code_of(wire::ReadDirectory{confined, inode, 0, 10, true}), Code::denied);
    EXPECT_EQ(code_of(wire::ReadLink{confined, inode}), Code::denied);
    EXPECT_EQ(code_of(wire::GetXattr{confined, inode, "user.a"}), Code::denied);
    EXPECT_EQ(code_of(wire::ListXattrs{confined, inode}), Code::denied);
    EXPECT_EQ(code_of(wire::GetExtents{confined, inode, 0, 100}), Code::denied);
    EXPECT_EQ(code_of(wire::OpenInode{confined, inode}), Code::denied);
    EXPECT_EQ(code_of(wire::Lock{confined, {inode, LockOwner{1}, false, 1, 0, 9, 1}, false}), Code::denied);
    EXPECT_EQ(code_of(wire::TestLock{confined, {inode, LockOwner{1}, false, 1, 0, 9, 1}}), Code::denied);
  }
}

TEST_F(Confined, CanChangeNothingOutside) {
  wire::Create create;
  create.parent = root_inode;
  create.name = "x";
  create.mode = S_IFREG;
  EXPECT_EQ(commit(create), Code::denied);
  wire::Link link;
  link.inode = outside.inode;
  link.parent = top.inode;
  link.name = "stolen";
  EXPECT_EQ(commit(link), Code::denied);
  wire::Rename rename;
  rename.parent = secret_directory.inode;
  rename.name = "hers";
  rename.new_parent = top.inode;
  rename.new_name = "mine now";
  EXPECT_EQ(commit(rename), Code::denied);
  wire::Remove remove;
  remove.parent = secret_directory.inode;
  remove.name = "hers";
  EXPECT_EQ(commit(remove), Code::denied);
  wire::SetAttributes change;
  change.inode = outside.inode;
  change.set = wire::SetAttributes::set_mode;
  EXPECT_EQ(commit(change), Code::denied);
}

TEST_F(Confined, GetsTokensForItsOwnBlocksOnly) {
  const wire::BlockInfo foreign = allocate(admin);
  make_file_on(admin, "big", foreign.block);
  EXPECT_TRUE(ask(wire::GetBlocks{confined, {foreign.block}}, Millis(1'000), "ann")->blocks.empty());
  EXPECT_EQ(code_of(wire::ReportFailure{confined, foreign.block, 1, foreign.in_sync}), Code::denied);
  const auto own = ask(wire::AllocateBlocks{confined, 1}, Millis(1'000), "ann");
  ASSERT_TRUE(own);
  EXPECT_FALSE(own->blocks.at(0).token.empty());
  EXPECT_EQ(ask(wire::GetBlocks{confined, {own->blocks.at(0).block}}, Millis(1'000), "ann")->blocks.size(), 1u);
}

// The fixture's tokens are words: session/block/rights/pages.
TEST_F(Confined, GetsRightsToThePagesOfItsOwnFilesOnly) {
  const wire::BlockInfo pack = allocate(admin);
  const auto map = [&](const wire::Attributes& file, std::vector<wire::Extent> extents) {
    wire::Write write;
    write.inode = file.inode;
    write.size = extents.back().offset + extents.back().length;
    write.extents = std::move(extents);
    ASSERT_TRUE(apply(admin, write));
  };
  map(outside, {{0, 40'960, pack.block, 0}});
  // Two neighbours that were written in turns, a page further on, and a part of a page.
  map(inside, {{0, 4'096, pack.block, 40'960}, {4'096, 4'096, pack.block, 45'056}, {8'192, 100, pack.block, 61'440}});
  const std::string mine = std::to_string(raw(confined)) + "/" + std::to_string(raw(pack.block)) + "/3/";
  const auto token = [&](const auto& message) {
    const auto answered = ask(message, Millis(1'000), "ann");
    return answered && answered->blocks.size() == 1 ? answered->blocks[0].token : "none";
  };
  EXPECT_EQ(token(wire::GetBlocks{confined, {pack.block}}), "none") << "nobody told it of the block";
  EXPECT_EQ(token(wire::OpenInode{confined, inside.inode}), mine + "10+2/15+1");
  EXPECT_EQ(token(wire::GetExtents{confined, inside.inode, 0, 1}), mine + "10+2");
  EXPECT_EQ(token(wire::GetExtents{confined, inside.inode, 8'192, 1}), mine + "15+1");
  EXPECT_EQ(token(wire::GetBlocks{confined, {pack.block}}), mine + "0+0") << "which bytes is not known here";
  const auto opened = ask(wire::OpenInode{confined, inside.inode}, Millis(1'000), "ann");
  EXPECT_EQ(opened->blocks.at(0).pages, (std::vector<wire::PageRange>{{10, 2}, {15, 1}}));
  EXPECT_EQ(opened->blocks.at(0).seal, "sealed " + to_string(pack.block));
}

TEST_F(Confined, IsAnsweredSoManyExtentsAsAreInAToken) {
  const wire::BlockInfo block = allocate(admin);
  wire::Write write;
  write.inode = inside.inode;
  for (uint64_t i = 0; i < 600; ++i) write.extents.push_back({i * 8'192, 4'096, block.block, i * 8'192});
  write.size = 600 * 8'192;
  ASSERT_TRUE(apply(admin, write));
  size_t found = 0;
  for (uint64_t at = 0; at < write.size;) {
    const auto some = ask(wire::GetExtents{confined, inside.inode, at, write.size - at}, Millis(1'000), "ann");
    ASSERT_TRUE(some) << some.error().what;
    ASSERT_GT(some->length, 0u);
    ASSERT_LE(some->extents.size(), 256u);
    EXPECT_EQ(some->blocks.at(0).pages.size(), some->extents.size());
    found += some->extents.size();
    at += some->length;
  }
  EXPECT_EQ(found, 600u);
  EXPECT_EQ(ask(wire::GetExtents{admin, inside.inode, 0, write.size})->extents.size(), 600u) << "others are not held up";
}

// Everybody's files lie in the block: who is not known to be away stays a member of it, whatever a confined session says.
TEST_F(Confined, CannotThrowALivingServerOutOfABlock) {
  start_storage(2);
  const wire::BlockInfo pack = allocate(admin);
  ASSERT_EQ(pack.in_sync.size(), 2u);
  wire::Write write;
  write.inode = inside.inode;
  write.extents = {{0, 4'096, pack.block, 0}};
  write.size = 4'096;
  ASSERT_TRUE(apply(admin, write));
  ASSERT_TRUE(ask(wire::OpenInode{confined, inside.inode}, Millis(1'000), "ann"));
  const wire::ReportFailure report{confined, pack.block, pack.epoch, {pack.in_sync[1]}};
  const auto living = ask(report, Millis(10'000), "ann");
  ASSERT_TRUE(living) << living.error().what;
  EXPECT_EQ(living->blocks.at(0).epoch, pack.epoch);
  EXPECT_EQ(block(pack.block).in_sync, pack.in_sync);
  kill_storage(pack.in_sync[1] == id_of(1) ? 1 : 2);
  ASSERT_TRUE(until(
      [&] {
        const auto away = ask(report, Millis(10'000), "ann");
        return away && away->blocks.at(0).epoch > pack.epoch;
      },
      Millis(3'000)));
  EXPECT_EQ(block(pack.block).in_sync.size(), 1u);
}

TEST_F(Confined, ResumesNothingOutside) {
  simulation.run_for(Millis(100));
  kill_control();
  start_control();
  ASSERT_TRUE(ask(wire::ResumeSession{admin, {}, {}}));
  wire::LockRange foreign{outside.inode, LockOwner{1}, false, 1, 0, 9, 1}, own = foreign;
  own.inode = inside.inode;
  ASSERT_TRUE(ask(wire::ResumeSession{confined, {inside.inode, outside.inode}, {foreign, own}}, Millis(5'000), "ann"));
  EXPECT_EQ(control->sessions.find(confined)->held, std::unordered_set<InodeId>{inside.inode});
  EXPECT_EQ(control->locks.held_by(confined), 1u);
  EXPECT_TRUE(ask(wire::Lock{admin, foreign, false})->granted);
}

// Pointing an own file at a foreign block would be the way to its bytes.
TEST_F(Confined, CannotMapAForeignBlockIntoItsFile) {
  const wire::BlockInfo foreign = allocate(admin);
  make_file_on(admin, "big", foreign.block);
  wire::Write write;
  write.inode = inside.inode;
  write.extents = {{0, 4'096, foreign.block, 0}};
  write.size = 4'096;
  write.layout = inside.layout;
  EXPECT_NE(commit(write), Code{});
}

TEST_F(Confined, CannotSpeakForOthersNorAsAServerNorAskAboutTheCluster) {
  EXPECT_EQ(code_of(wire::GetAttributes{admin, root_inode}), Code::denied);
  EXPECT_EQ(code_of(wire::CloseSession{admin}), Code::denied);
  EXPECT_EQ(code_of(wire::RenewSession{admin}), Code::denied);
  EXPECT_EQ(code_of(wire::WaitEvents{admin, 99, 0}), Code::denied);
  EXPECT_EQ(code_of(wire::Commit{admin, 0, 99, {}}), Code::denied);
  EXPECT_EQ(code_of(wire::ClusterStatus{}), Code::denied);
  EXPECT_EQ(code_of(wire::InspectInode{outside.inode}), Code::denied);
  EXPECT_EQ(code_of(wire::RegisterServer{"", ServerId{0}, "evil", {"tcp://x:1", ""}, 1, 1, 1, 1}), Code::denied);
  EXPECT_EQ(code_of(wire::Heartbeat{}), Code::denied);
  EXPECT_EQ(code_of(wire::ReportCopies{}), Code::denied);
  EXPECT_EQ(code_of(wire::ReportFailure{SessionId{0}, BlockId{1}, 1, {ServerId{1}}}), Code::denied);
  EXPECT_EQ(code_of(wire::OpenSession{"h", "/m", 1, "/secret", false}), Code::denied);
  EXPECT_EQ(code_of(wire::OpenSession{"h", "/m", 1, "/ann/../secret", false}), Code::denied);
  EXPECT_EQ(code_of(wire::OpenSession{"h", "/m", 1, "/annex", false}), Code::denied);
  caller("stranger", {false, "nobody's key"});
  EXPECT_EQ(code_of(wire::OpenSession{"h", "/m", 1, "/", false}, "stranger"), Code::denied);
}

TEST_F(Confined, ReadsButDoesNotWriteWithAReadOnlyKey) {
  ann.read_only = true;
  net::Caller& asker = caller("ann");
  const auto opened = net::decode_answer<wire::OpenSession>(
      asker.call(control_endpoint, net::request_of(wire::OpenSession{"h", "/m", 2, "/", false}), Millis(30'000)));
  ASSERT_TRUE(opened);
  const SessionId reader = opened->reply.session;
  EXPECT_TRUE(opened->reply.read_only);
  EXPECT_EQ(code_of(wire::GetAttributes{reader, inside.inode}), Code{});
  wire::Create create;
  create.parent = top.inode;
  create.name = "x";
  create.mode = S_IFREG;
  EXPECT_EQ(code_of(wire::Commit{reader, 0, 1, {create}}), Code::read_only);
  EXPECT_EQ(code_of(wire::AllocateBlocks{reader, 1}), Code::read_only);
  EXPECT_EQ(code_of(wire::ReportFailure{reader, BlockId{1}, 1, {ServerId{1}}}), Code::read_only);
}

// ---------------------------------------------------------------- bad input

TEST_F(SessionStory, GarbageIsRefusedAndCounted) {
  net::Caller& asker = caller("client");
  auto& random = simulation.random();
  for (int i = 0; i < 2'000; ++i) {
    net::Request request;
    request.kind = static_cast<wire::Kind>(i % 400);
    for (size_t length = random() % 40; length > 0; --length) request.body += static_cast<char>(random());
    const auto answer = asker.call(control_endpoint, request, Millis(100));
    if (!answer) {
      const Code code = answer.error().code;
      EXPECT_TRUE(code == Code::malformed || code == Code::fenced || code == Code::denied || code == Code::no_entry ||
                  code == Code::stale_handle)
          << name_of(code) << " for kind " << i % 400;
    }
  }
  EXPECT_TRUE(ask(wire::ClusterStatus{}));
}

TEST_F(SessionStory, AStorageServerOfAnotherClusterOrWithATakenNameIsRefused) {
  start_storage(1);
  wire::RegisterServer other{"0123456789abcdef0123456789abcdef", ServerId{1}, "storage-9", {"ipc:///x", ""}, 5, 1, 1, 1};
  EXPECT_EQ(ask(other).error().code, Code::denied);
  wire::RegisterServer twin{"", ServerId{0}, "storage-1", {"ipc:///x", ""}, 5, 1, 1, 1};
  EXPECT_EQ(ask(twin).error().code, Code::denied);
  wire::RegisterServer nameless{"", ServerId{0}, "", {"ipc:///x", ""}, 5, 1, 1, 1};
  EXPECT_EQ(ask(nameless).error().code, Code::malformed);
}

}  // namespace
}  // namespace lace::control
