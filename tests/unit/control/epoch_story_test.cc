// What becomes of blocks when servers die, come back, lie, or are deaf.
#include "tests/unit/control/cluster_fixture.h"

namespace lace::control {
namespace {

struct EpochStory : ClusterTest {
  SessionId session{};

  void start(int storages, uint32_t copies = 2) {
    options.copies = copies;
    options.timing.repair_grace = Millis(5'000);
    start_control();
    for (int number = 1; number <= storages; ++number) start_storage(number);
    session = open_id();
  }
  int number_of(ServerId server) {
    for (int number = 1; number <= 9; ++number) {
      if (disk(number).server == server) return number;
    }
    return 0;
  }
  // Writes to all members, as a primary does.
  bool write(const wire::BlockInfo& info, uint64_t content) {
    bool all = true;
    for (const ServerId server : info.in_sync) all = storage(number_of(server)).write(info.block, info.epoch, content) && all;
    for (const ServerId server : info.filling) all = storage(number_of(server)).write(info.block, info.epoch, content) && all;
    return all;
  }
  Result<wire::BlockInfo> report(const wire::BlockInfo& info, std::vector<ServerId> failed) {
    auto reply = ask(wire::ReportFailure{session, info.block, info.epoch, std::move(failed)}, Millis(10'000));
    if (!reply) return pass(reply);
    return reply->blocks.at(0);
  }
};

TEST_F(EpochStory, ANewBlockIsOnTwoServers) {
  start(3);
  const wire::BlockInfo info = allocate(session);
  EXPECT_EQ(info.epoch, 1u);
  EXPECT_EQ(info.in_sync.size(), 2u);
  EXPECT_TRUE(write(info, 7));
}

TEST_F(EpochStory, ADeadPrimaryIsReplacedWithinTwoSeconds) {
  start(3);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  kill_storage(number_of(info.in_sync[0]));
  const Instant before = simulation.now();
  const auto after = report(info, {info.in_sync[0]});
  ASSERT_TRUE(after) << after.error().what;
  EXPECT_LT(simulation.now() - before, Millis(2'000));
  EXPECT_EQ(after->epoch, 2u);
  EXPECT_EQ(after->in_sync, std::vector{info.in_sync[1]});
  EXPECT_EQ(storage(number_of(info.in_sync[1])).read(info.block, 2), 7u);
}

TEST_F(EpochStory, ADeadSecondaryIsDroppedWithinTwoSeconds) {
  start(3);
  const wire::BlockInfo info = allocate(session);
  kill_storage(number_of(info.in_sync[1]));
  const Instant before = simulation.now();
  const auto after = report(info, {info.in_sync[1]});
  ASSERT_TRUE(after) << after.error().what;
  EXPECT_LT(simulation.now() - before, Millis(2'000));
  EXPECT_EQ(after->in_sync, std::vector{info.in_sync[0]});
}

TEST_F(EpochStory, AServerThatIsAliveIsDroppedAtOnceAndServesTheBlockNoMore) {
  start(2);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  const Instant before = simulation.now();
  const auto after = report(info, {info.in_sync[1]});
  ASSERT_TRUE(after);
  EXPECT_LT(simulation.now() - before, Millis(50));
  const FakeStorage& dropped = storage(number_of(info.in_sync[1]));
  EXPECT_TRUE(dropped.serves());
  EXPECT_EQ(dropped.read(info.block, 1), std::nullopt);
  EXPECT_EQ(dropped.read(info.block, 2), std::nullopt);
}

TEST_F(EpochStory, ADeafServerLosesItsLeaseBeforeTheBlockGoesOn) {
  start(2);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  FakeStorage& deaf = storage(number_of(info.in_sync[1]));
  deaf.deaf = true;
  bool answered = false;
  net::Caller& asker = caller("client");
  const auto ticket = asker.start(
      control_endpoint, net::request_of(wire::ReportFailure{session, info.block, 1, {info.in_sync[1]}}), Millis(10'000));
  const Instant before = simulation.now();
  // As long as the old set holds, the old copy may be read; never both.
  until(
      [&] {
        const bool raised = block(info.block).epoch > 1;
        EXPECT_FALSE(raised && deaf.read(info.block, 1).has_value());
        answered = raised;
        return raised;
      },
      Millis(3'000));
  EXPECT_TRUE(answered);
  EXPECT_LT(simulation.now() - before, Millis(2'000));
  ASSERT_TRUE(asker.finish(ticket));
}

TEST_F(EpochStory, TheLastCopyIsNeverDropped) {
  start(2);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(report(info, {info.in_sync[0]}));
  const wire::BlockInfo alone = block(info.block);
  const auto again = report(alone, alone.in_sync);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->in_sync, alone.in_sync);
  kill_storage(number_of(alone.in_sync[0]));
  simulation.run_for(Millis(2'000));
  const auto gone = report(alone, alone.in_sync);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::unavailable);
  EXPECT_EQ(block(info.block).in_sync, alone.in_sync);
}

// Both die; the first report must not leave the block to a server that is dead as well.
TEST_F(EpochStory, TwoServersThatDieTogetherBothKeepTheBlock) {
  start(3);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  const int first = number_of(info.in_sync[0]), second = number_of(info.in_sync[1]);
  kill_storage(first);
  kill_storage(second);
  EXPECT_FALSE(report(info, {info.in_sync[0]}));
  EXPECT_EQ(block(info.block).epoch, 1u);
  start_storage(first);
  EXPECT_EQ(storage(first).read(info.block, 1), 7u);
}

TEST_F(EpochStory, AReportOfAnOldEpochIsAnsweredWithThePresentOne) {
  start(3);
  const wire::BlockInfo info = allocate(session);
  const auto first = report(info, {info.in_sync[0]});
  ASSERT_TRUE(first);
  const auto second = report(info, {info.in_sync[0], info.in_sync[1]});
  ASSERT_TRUE(second);
  EXPECT_GE(second->epoch, first->epoch);
  EXPECT_TRUE(contains(second->in_sync, info.in_sync[1]));
}

TEST_F(EpochStory, ManyReportsOfOneBlockRaiseItOnce) {
  start(2);
  const wire::BlockInfo info = allocate(session);
  net::Caller& asker = caller("client");
  std::vector<net::Caller::Ticket> tickets;
  for (int i = 0; i < 20; ++i) {
    const wire::ReportFailure message{session, info.block, info.epoch, {info.in_sync[1]}};
    tickets.push_back(asker.start(control_endpoint, net::request_of(message), Millis(5'000)));
  }
  for (const auto ticket : tickets) {
    const auto answer = net::decode_answer<wire::ReportFailure>(asker.finish(ticket));
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_EQ(answer->reply.blocks.at(0).epoch, 2u);
  }
}

TEST_F(EpochStory, ACopyThatWasAwayIsMadeAnewOnTheSameServer) {
  start(2);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  const int away = number_of(info.in_sync[1]);
  kill_storage(away);
  ASSERT_TRUE(report(info, {info.in_sync[1]}));
  const wire::BlockInfo alone = block(info.block);
  ASSERT_TRUE(write(alone, 8));
  start_storage(away);
  EXPECT_EQ(storage(away).read(info.block, 1), std::nullopt) << "the stale copy is never read";
  ASSERT_TRUE(until([&] { return block(info.block).in_sync.size() == 2; }, Millis(5'000)));
  const wire::BlockInfo healed = block(info.block);
  EXPECT_TRUE(healed.filling.empty());
  EXPECT_GT(healed.epoch, alone.epoch + 1);
  until([&] { return health() == "healthy"; }, Millis(2'000));
  EXPECT_EQ(health(), "healthy");
}

TEST_F(EpochStory, ACopyOfAServerThatStaysAwayIsMadeElsewhere) {
  start(3);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  const int dead = number_of(info.in_sync[0]);
  kill_storage(dead);
  simulation.run_for(Millis(4'000));
  EXPECT_EQ(block(info.block).epoch, 1u) << "within the grace time nothing is moved";
  EXPECT_EQ(health(), "degraded");
  ASSERT_TRUE(until([&] { return block(info.block).in_sync.size() == 2 && block(info.block).epoch > 1; }, Millis(10'000)));
  EXPECT_FALSE(contains(block(info.block).in_sync, id_of(dead)));
  // It comes back: its copy is not needed any more, and is removed.
  start_storage(dead);
  EXPECT_TRUE(until([&] { return disk(dead).copies.empty(); }, Millis(5'000)));
}

TEST_F(EpochStory, AServerThatIsBackWithinTheGraceTimeIsWaitedForBecauseItNeedsOnlyWhatItMissed) {
  start(3);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  const int away = number_of(info.in_sync[1]);
  kill_storage(away);
  ASSERT_TRUE(report(info, {info.in_sync[1]}));
  keep_alive(session, Millis(3'000));
  EXPECT_TRUE(block(info.block).filling.empty()) << "a whole copy elsewhere would cost more";
  EXPECT_EQ(block(info.block).in_sync.size(), 1u);
  start_storage(away);
  ASSERT_TRUE(until([&] { return block(info.block).in_sync.size() == 2; }, Millis(5'000)));
  EXPECT_TRUE(contains(block(info.block).in_sync, id_of(away)));
  // And when it does not come back, the copy is made elsewhere.
  kill_storage(away);
  ASSERT_TRUE(report(block(info.block), {id_of(away)}));
  ASSERT_TRUE(until([&] { return block(info.block).in_sync.size() == 2; }, Millis(12'000)));
  EXPECT_FALSE(contains(block(info.block).in_sync, id_of(away)));
}

TEST_F(EpochStory, AServerThatIsDrainedEndsUpWithNothingAndMayLeave) {
  start(3);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  const int leaving = number_of(info.in_sync[0]);
  const std::string name = control->servers.find(id_of(leaving))->record.name;
  const auto refused = ask(wire::ChangeServer{name, wire::ServerChange::remove});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::busy);
  ASSERT_TRUE(ask(wire::ChangeServer{name, wire::ServerChange::drain}));
  restart_control();  // it goes on over that
  ASSERT_TRUE(until([&] { return *control->names->count_on(id_of(leaving)) == 0; }, Millis(30'000)));
  EXPECT_EQ(block(info.block).in_sync.size(), 2u);
  ASSERT_TRUE(until([&] { return disk(leaving).copies.empty(); }, Millis(10'000)));
  ASSERT_TRUE(ask(wire::ChangeServer{name, wire::ServerChange::remove}));
  EXPECT_EQ(control->servers.find(id_of(leaving)), nullptr);
  simulation.run_for(Millis(5'000));  // it tries to come back, and is refused
  EXPECT_EQ(control->servers.all().size(), 2u);
  EXPECT_TRUE(control->names->check()->empty());
}

TEST_F(EpochStory, AServerThatTakesNewBlocksIsNotRemovedThoughItIsEmpty) {
  start(3);
  const std::string name = control->servers.find(id_of(3))->record.name;
  ASSERT_EQ(*control->names->count_on(id_of(3)), 0u);
  const auto refused = ask(wire::ChangeServer{name, wire::ServerChange::remove});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::busy);
  ASSERT_TRUE(ask(wire::ChangeServer{name, wire::ServerChange::drain}));
  ASSERT_TRUE(check_known(*control->names, {id_of(1), id_of(3)}));
  ASSERT_TRUE(ask(wire::ChangeServer{name, wire::ServerChange::remove}));
  EXPECT_EQ(check_known(*control->names, {id_of(1), id_of(3)}).error().code, Code::unavailable);
}

TEST_F(EpochStory, DrainingEndsWhenItIsCancelled) {
  start(2);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  const std::string name = control->servers.find(id_of(1))->record.name;
  ASSERT_TRUE(ask(wire::ChangeServer{name, wire::ServerChange::drain}));
  simulation.run_for(Millis(3'000));
  EXPECT_EQ(block(info.block).in_sync.size(), 2u) << "there is nowhere to go";
  ASSERT_TRUE(ask(wire::ChangeServer{name, wire::ServerChange::use}));
  simulation.run_for(Millis(2'000));
  EXPECT_EQ(health(), "healthy");
  EXPECT_EQ(ask(wire::ChangeServer{"nobody", wire::ServerChange::drain}).error().code, Code::no_entry);
}

TEST_F(EpochStory, LimitsOfRepairAreKept) {
  start(1);
  const auto before = ask(wire::SetLimits{});
  ASSERT_TRUE(before);
  ASSERT_TRUE(ask(wire::SetLimits{{uint64_t{7} << 20, 0, 0, 48}}));
  restart_control();
  const auto after = ask(wire::SetLimits{});
  ASSERT_TRUE(after);
  EXPECT_EQ(after->fill_bytes_per_second, uint64_t{7} << 20);
  EXPECT_EQ(after->fills_at_once, before->fills_at_once);
  EXPECT_EQ(after->scrub_every_hours, 48u);
  EXPECT_EQ(ask(wire::SetLimits{{1, 0, 0, 0}}).error().code, Code::invalid);
}

TEST_F(EpochStory, ABlockStaysDegradedUntilThereAreServersForIt) {
  start(1);
  const wire::BlockInfo info = allocate(session);
  EXPECT_EQ(info.in_sync.size(), 1u);
  ASSERT_TRUE(write(info, 7));
  simulation.run_for(Millis(3'000));
  EXPECT_EQ(health(), "degraded");
  start_storage(2);
  EXPECT_TRUE(until([&] { return block(info.block).in_sync.size() == 2; }, Millis(5'000)));
}

TEST_F(EpochStory, ARestartOfControlFindsEverythingAgain) {
  start(2);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  restart_control();
  ASSERT_TRUE(until([&] { return storage(1).registered == 2 && storage(2).registered == 2; }, Millis(3'000)));
  ASSERT_TRUE(until([&] { return health() == "healthy"; }, Millis(3'000)));
  EXPECT_EQ(block(info.block).epoch, 1u);
  EXPECT_TRUE(storage(1).serves());
}

TEST_F(EpochStory, AfterARestartNobodyIsDroppedBeforeALeaseTimeIsOver) {
  start(2);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  FakeStorage& cut_off = storage(number_of(info.in_sync[1]));
  kill_control();
  // It can't reach the new control server, but its lease from the old one still runs.
  simulation.cut("control", "storage-" + std::to_string(number_of(info.in_sync[1])));
  start_control();
  net::Caller& asker = caller("client");
  const wire::ReportFailure message{session, info.block, 1, {info.in_sync[1]}};
  const auto ticket = asker.start(control_endpoint, net::request_of(message), Millis(10'000));
  until(
      [&] {
        const bool raised = block(info.block).epoch > 1;
        EXPECT_FALSE(raised && cut_off.read(info.block, 1).has_value());
        return raised;
      },
      Millis(5'000));
  EXPECT_GT(block(info.block).epoch, 1u);
  EXPECT_TRUE(asker.finish(ticket));
}

TEST_F(EpochStory, AServerThatMissedTheEndOfARaiseLearnsItBeforeItServes) {
  start(3);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  const int stays = number_of(info.in_sync[1]);
  kill_storage(number_of(info.in_sync[0]));
  // The survivor answers `inspect`, but dies before it hears of the new epoch.
  net::Caller& asker = caller("client");
  const wire::ReportFailure message{session, info.block, 1, {info.in_sync[0]}};
  const auto ticket = asker.start(control_endpoint, net::request_of(message), Millis(10'000));
  ASSERT_TRUE(until([&] { return block(info.block).epoch == 2; }, Millis(3'000)));
  kill_storage(stays);
  ASSERT_TRUE(asker.finish(ticket));
  start_storage(stays);
  // Repair may be raising it on already.
  const auto reads = [&] { return storage(stays).read(info.block, block(info.block).epoch) == 7u; };
  EXPECT_TRUE(until(reads, Millis(2'000)));
}

TEST_F(EpochStory, ASuspectCopyIsReplacedByAGoodOne) {
  start(2);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  const int crashed = number_of(info.in_sync[0]);
  kill_storage(crashed);
  disk(crashed).copies.at(info.block).state = wire::CopyState::suspect;
  start_storage(crashed);
  ASSERT_TRUE(until([&] { return block(info.block).epoch >= 4 && block(info.block).in_sync.size() == 2; }, Millis(5'000)));
  EXPECT_EQ(block(info.block).in_sync.front(), info.in_sync[1]);
}

TEST_F(EpochStory, SuspectCopiesAreAcceptedWhenThereIsNoBetterOne) {
  start(2);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  for (const int number : {1, 2}) {
    kill_storage(number);
    disk(number).copies.at(info.block).state = wire::CopyState::suspect;
  }
  start_storage(1);
  start_storage(2);
  ASSERT_TRUE(until([&] { return block(info.block).in_sync.size() == 2 && block(info.block).epoch >= 4; }, Millis(15'000)));
  const int primary = number_of(block(info.block).in_sync.front());
  const auto reads = [&] { return storage(primary).read(info.block, block(info.block).epoch) == 7u; };
  EXPECT_TRUE(until(reads, Millis(1'000)));
}

TEST_F(EpochStory, ACopyThatIsLostIsNotTakenForOneThatWasNeverWritten) {
  start(2);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  const int loser = number_of(info.in_sync[1]);
  kill_storage(loser);
  disk(loser).copies.clear();
  start_storage(loser);
  EXPECT_EQ(storage(loser).read(info.block, 1), std::nullopt);
  ASSERT_TRUE(until([&] { return block(info.block).epoch >= 4 && block(info.block).in_sync.size() == 2; }, Millis(5'000)));
}

TEST_F(EpochStory, ACopyThatIsLostIsNotWhatABlockGoesOnWithWhenTheOtherIsSuspect) {
  start(2);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  const int loser = number_of(info.in_sync[1]), other = number_of(info.in_sync[0]);
  kill_storage(loser);
  kill_storage(other);
  disk(loser).copies.clear();
  disk(loser).refused.insert(info.block);
  disk(other).copies.at(info.block).state = wire::CopyState::suspect;
  start_storage(loser);
  start_storage(other);
  static_cast<void>(report(info, {info.in_sync[0]}));  // by a client that it refuses
  ASSERT_TRUE(until([&] { return block(info.block).in_sync.size() == 2 && block(info.block).epoch >= 4; }, Millis(20'000)));
  EXPECT_EQ(block(info.block).in_sync.front(), info.in_sync[0]);
  const auto reads = [&] { return storage(other).read(info.block, block(info.block).epoch) == 7u; };
  EXPECT_TRUE(until(reads, Millis(2'000)));
}

TEST_F(EpochStory, CopiesThatNobodyKnowsGoToQuarantine) {
  start(1);
  kill_storage(1);
  disk(1).copies[BlockId{4'711}] = {3, wire::CopyState::whole, 1, {}};
  start_storage(1);
  EXPECT_TRUE(disk(1).quarantine.contains(BlockId{4'711}));
}

TEST_F(EpochStory, BlocksOfARemovedFileAreDeletedEvenOnAServerThatWasAway) {
  start(2);
  const wire::BlockInfo info = allocate(session);
  ASSERT_TRUE(write(info, 7));
  make_file_on(session, "f", info.block);
  kill_storage(2);
  // The session gives its blocks back, the file goes: nothing points at the block any more.
  wire::Remove remove;
  remove.parent = root_inode;
  remove.name = "f";
  ASSERT_TRUE(apply(session, remove));
  ASSERT_TRUE(ask(wire::CloseSession{session}));
  EXPECT_TRUE(until([&] { return disk(1).copies.empty(); }, Millis(3'000)));
  EXPECT_FALSE(disk(2).copies.empty());
  restart_control();
  start_storage(2);
  EXPECT_TRUE(until([&] { return disk(2).copies.empty(); }, Millis(3'000)));
}

// ---------------------------------------------------------------- punches

struct PunchStory : EpochStory {
  wire::BlockInfo info;
  wire::Attributes file;

  void start_with_file(int storages = 2) {
    start(storages);
    info = allocate(session);
    ASSERT_TRUE(write(info, 7));
    file = make_file_on(session, "f", info.block, 65'536);
  }
  wire::SetAttributes truncate_to(uint64_t size) {
    wire::SetAttributes change;
    change.inode = file.inode;
    change.set = wire::SetAttributes::set_size;
    change.size = size;
    return change;
  }
  size_t punches_on(int number) { return disk(number).copies.at(info.block).punches.size(); }
};

TEST_F(PunchStory, ATruncateIsAnsweredWhenEveryCopyGaveTheSpaceBack) {
  start_with_file();
  ASSERT_TRUE(apply(session, truncate_to(4'096)));
  for (const int number : {1, 2}) {
    ASSERT_EQ(punches_on(number), 1u);
    EXPECT_EQ(disk(number).copies.at(info.block).punches[0].offset, 4'096u);
    EXPECT_EQ(disk(number).copies.at(info.block).punches[0].length, 65'536u - 4'096u);
  }
  EXPECT_EQ(control->names->counts().pending_punches, 0u);
}

TEST_F(PunchStory, AServerThatDiesDuringATruncateIsDroppedAndTheTruncateGoesOn) {
  start_with_file();
  kill_storage(2);
  const Instant before = simulation.now();
  ASSERT_TRUE(apply(session, truncate_to(4'096)));
  EXPECT_LT(simulation.now() - before, Millis(3'000));
  EXPECT_EQ(punches_on(1), 1u);
  EXPECT_EQ(block(info.block).in_sync, std::vector{id_of(1)});
}

TEST_F(PunchStory, ATruncateOnTheLastCopyIsDoneBeforeItServesAgain) {
  start_with_file(1);
  kill_storage(1);
  ASSERT_TRUE(apply(session, truncate_to(4'096)));
  EXPECT_EQ(control->names->counts().pending_punches, 1u);
  start_storage(1);
  EXPECT_EQ(punches_on(1), 1u);
  until([&] { return control->names->counts().pending_punches == 0; }, Millis(1'000));
  EXPECT_EQ(control->names->counts().pending_punches, 0u);
}

TEST_F(PunchStory, ARestartOfControlSendsPunchesBeforeItServesCommits) {
  start_with_file();
  storage(1).deaf = true;
  net::Caller& asker = caller("client");
  // The truncate is durable, but not answered when control dies.
  const wire::Commit commit{session, 1, 1, {truncate_to(4'096)}};
  const auto lost = asker.start(control_endpoint, net::request_of(commit), Millis(300));
  ASSERT_TRUE(until([&] { return control->names->counts().pending_punches == 1; }, Millis(200)));
  kill_control();
  EXPECT_FALSE(asker.finish(lost));
  const size_t before = punches_on(1);
  start_control();
  const auto answer = ask(commit);
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->results.at(0).inode.size, 4'096u);
  const bool member = contains(block(info.block).in_sync, id_of(1));
  EXPECT_TRUE(!member || punches_on(1) > before) << "who did not punch is no member any more";
  EXPECT_GE(punches_on(2), 1u);
}

// What waited for control goes with the simulation. AddressSanitizer watches.
TEST_F(PunchStory, ATruncateThatWaitsWhenControlDiesForGoodIsNotAnswered) {
  start_with_file();
  storage(1).deaf = true;
  net::Caller& asker = caller("client");
  const auto lost =
      asker.start(control_endpoint, net::request_of(wire::Commit{session, 1, 1, {truncate_to(4'096)}}), Millis(50));
  ASSERT_TRUE(until([&] { return control->names->counts().pending_punches == 1; }, Millis(40)));
  kill_control();
  EXPECT_FALSE(asker.finish(lost));
}

}  // namespace
}  // namespace lace::control
