#include <tuple>

#include "cluster_fixture.h"

namespace lace::storage {
namespace {

class ServerTest : public ServerClusterFixture {};

TEST_F(ServerTest, AWriteIsOnEveryMemberWhenItIsAnswered) {
  for (const char* name : {"s1", "s2", "s3"}) start(name);
  const std::string bytes(100'000, 'w');
  ASSERT_TRUE(write({"s1", "s2", "s3"}, 12'345, bytes));
  for (const char* name : {"s1", "s2", "s3"}) EXPECT_EQ(*read(name, 12'345, bytes.size()), bytes);
}

TEST_F(ServerTest, AllMembersHaveOneOrderOfWritesOnTheSameBytes) {
  for (const char* name : {"s1", "s2"}) start(name);
  std::vector<std::unique_ptr<net::Caller>> writers;
  std::vector<net::Caller::Ticket> tickets;
  for (int i = 0; i < 40; ++i) {
    writers.push_back(simulation_.make_caller("writer-" + std::to_string(i)));
    tickets.push_back(writers.back()->start(endpoint_of("s1"),
                                            net::request_of(write_of({"s1", "s2"}, static_cast<uint64_t>(i % 7) * 1000),
                                                            Bytes(std::string(5'000, static_cast<char>('A' + i)))),
                                            Millis(5'000)));
  }
  for (size_t i = 0; i < writers.size(); ++i) EXPECT_TRUE(writers[i]->finish(tickets[i]));
  EXPECT_EQ(*read("s1", 0, 12'000), *read("s2", 0, 12'000));
}

TEST_F(ServerTest, OnlyThePrimaryTakesWrites) {
  for (const char* name : {"s1", "s2"}) start(name);
  wire::WriteBlock message = write_of({"s1", "s2"});
  EXPECT_EQ(ask("s2", message, Bytes(std::string("x"))).error().code, Code::stale);
  message.in_sync.clear();
  EXPECT_EQ(ask("s1", message, Bytes(std::string("x"))).error().code, Code::stale);
}

TEST_F(ServerTest, RefusesWithoutAGoodToken) {
  start("s1");
  wire::WriteBlock message = write_of({"s1"});
  message.token = "";
  EXPECT_EQ(ask("s1", message, Bytes(std::string("x"))).error().code, Code::denied);
  message.token = token(SessionId{1}, BlockId{999});
  EXPECT_EQ(ask("s1", message, Bytes(std::string("x"))).error().code, Code::denied);
  message.token = token(SessionId{1}, block_);
  EXPECT_EQ(ask("s1", message, Bytes(std::string("x"))).error().code, Code::denied) << "without a seal";
  message.seal = seal_of(message);
  EXPECT_TRUE(ask("s1", message, Bytes(std::string("x"))));
  EXPECT_EQ(ask("s1", wire::ReadBlock{"no", block_, 1, 0, 10}).error().code, Code::denied);
  EXPECT_EQ(ask("s1", wire::SetEpochs{token(), {{block_, 1, 2, false, false}}}).error().code, Code::denied);
  EXPECT_EQ(ask("s1", wire::DeleteBlocks{"", {block_}}).error().code, Code::denied);
  wire::ForwardWrite forward;
  forward.block = block_;
  forward.epoch = 1;
  EXPECT_EQ(ask("s1", forward, Bytes(std::string("x"))).error().code, Code::denied);
}

TEST_F(ServerTest, ReadsAndWritesOnlyThePagesOfTheToken) {
  start("s1");
  ASSERT_TRUE(write({"s1"}, 0, std::string(10 * page_bytes, 'o')));
  const std::string some = token_for({{2, 2}, {5, 1}});
  const auto reads = [&](uint64_t offset, uint64_t length) {
    const auto answer = ask("s1", wire::ReadBlock{some, block_, 1, offset, length});
    return answer ? Code{} : answer.error().code;
  };
  const auto writes = [&](uint64_t offset, uint64_t length) {
    wire::WriteBlock message = write_of({"s1"}, offset);
    message.token = some;
    message.seal = seal_of(message);
    const auto answer = ask("s1", message, Bytes(std::string(length, 'x')));
    return answer ? Code{} : answer.error().code;
  };
  const uint64_t page = page_bytes;
  for (const auto& [offset, length, code] :
       std::vector<std::tuple<uint64_t, uint64_t, Code>>{{2 * page, 2 * page, Code{}},
                                                         {2 * page, 1, Code{}},
                                                         {4 * page - 1, 1, Code{}},
                                                         {5 * page + 10, 20, Code{}},
                                                         {0, page, Code::denied},
                                                         {2 * page - 1, 1, Code::denied},
                                                         {2 * page - 1, 2, Code::denied},
                                                         {4 * page - 1, 2, Code::denied},
                                                         {4 * page, 1, Code::denied},
                                                         {2 * page, 4 * page, Code::denied},
                                                         {6 * page, page, Code::denied},
                                                         {block_bytes - 1, 1, Code::denied}}) {
    EXPECT_EQ(reads(offset, length), code) << offset << "+" << length;
    EXPECT_EQ(writes(offset, length), code) << offset << "+" << length;
  }
  EXPECT_FALSE(ask("s1", wire::ReadBlock{some, block_, 1, UINT64_MAX - page + 1, page}));
  EXPECT_FALSE(ask("s1", wire::ReadBlock{some, block_, 1, 2 * page, UINT64_MAX - page}));
  EXPECT_EQ(*read("s1", 0, 2 * page), std::string(2 * page, 'o'));
  EXPECT_EQ(*read("s1", 6 * page, page), std::string(page, 'o'));
}

TEST_F(ServerTest, ARightToReadDoesNotWriteNorSync) {
  start("s1");
  ASSERT_TRUE(write({"s1"}, 0, "x"));
  const std::string reader = token_for({{0, 1}}, access::may_read);
  EXPECT_TRUE(ask("s1", wire::ReadBlock{reader, block_, 1, 0, 1}));
  wire::WriteBlock message = write_of({"s1"});
  message.token = reader;
  message.seal = seal_of(message);
  EXPECT_EQ(ask("s1", message, Bytes(std::string("y"))).error().code, Code::denied);
  const auto synced = [&](const std::string& token) {
    return ask("s1", wire::SyncBlocks{"", {{block_, 1}}, {token}})->reply.outcomes.at(0).code;
  };
  EXPECT_EQ(synced(reader), static_cast<uint16_t>(Code::denied));
  EXPECT_EQ(synced(token(SessionId{1}, BlockId{999})), static_cast<uint16_t>(Code::denied));
  EXPECT_EQ(synced(token_for({{0, 0}})), 0) << "a token for no page is enough";
  EXPECT_EQ(ask("s1", wire::ReadBlock{token_for({{0, 0}}), block_, 1, 0, 1}).error().code, Code::denied);
}

// A write that misses a member would have the next one refused there, and the member thrown out.
TEST_F(ServerTest, AConfinedSessionDoesNotSayWhoTheMembersAre) {
  for (const char* name : {"s1", "s2"}) start(name);
  wire::WriteBlock whole = write_of({"s1", "s2"});
  whole.token = token_for({{0, 1}});
  const std::string seal = whole.seal = seal_of(whole);
  EXPECT_TRUE(ask("s1", whole, Bytes(std::string("x"))));
  wire::WriteBlock alone = write_of({"s1"});
  alone.token = whole.token;
  EXPECT_EQ(ask("s1", alone, Bytes(std::string("y"))).error().code, Code::denied);
  alone.seal = seal;
  EXPECT_EQ(ask("s1", alone, Bytes(std::string("y"))).error().code, Code::denied);
  EXPECT_TRUE(write({"s1", "s2"}, 0, "z"));
  EXPECT_TRUE(control_.failures.empty());
}

TEST_F(ServerTest, RefusesSessionsThatControlHasFenced) {
  start("s1");
  ASSERT_TRUE(write({"s1"}, 0, "x"));
  control_.fenced = {SessionId{1}};
  simulation_.run_for(Millis(600));
  EXPECT_EQ(write({"s1"}, 0, "y").error().code, Code::fenced);
  EXPECT_EQ(read("s1", 0, 1).error().code, Code::fenced);
}

TEST_F(ServerTest, RefusesWhatIsMalformed) {
  start("s1");
  wire::WriteBlock message = write_of({"s1"});
  EXPECT_EQ(ask("s1", message, Bytes()).error().code, Code::malformed);
  message.offset = block_bytes;
  EXPECT_EQ(ask("s1", message, Bytes(std::string("x"))).error().code, Code::malformed);
  message.offset = UINT64_MAX;
  EXPECT_EQ(ask("s1", message, Bytes(std::string("x"))).error().code, Code::malformed);
  EXPECT_EQ(ask("s1", wire::ReadBlock{token(), block_, 1, 0, max_io_bytes + 1}).error().code, Code::malformed);
  EXPECT_FALSE(ask("s1", wire::ReadBlock{token(), block_, 1, UINT64_MAX - 5, 100}));
  EXPECT_FALSE(caller_->call(endpoint_of("s1"), {wire::Kind::lookup, "garbage", {}}, Millis(1'000)));
  EXPECT_FALSE(caller_->call(endpoint_of("s1"), {wire::Kind::write_block, "garbage", {}}, Millis(1'000)));
}

TEST_F(ServerTest, WithoutALeaseItNeitherReadsNorWrites) {
  start("s1");
  ASSERT_TRUE(write({"s1"}, 0, "x"));
  simulation_.cut("s1", "control");
  simulation_.run_for(Millis(900));
  EXPECT_TRUE(read("s1", 0, 1));
  simulation_.run_for(Millis(400));
  EXPECT_EQ(read("s1", 0, 1).error().code, Code::stale);
  EXPECT_EQ(write({"s1"}, 0, "y").error().code, Code::stale);
  simulation_.heal();
  EXPECT_TRUE(simulation_.run_until([&] { return node("s1").storage->membership().serving(); }, Millis(10'000)));
  EXPECT_EQ(*read("s1", 0, 1), "x");
}

TEST_F(ServerTest, TheLeaseIsCountedFromTheMomentTheHeartbeatWasSent) {
  start("s1");
  ASSERT_TRUE(write({"s1"}, 0, "x"));
  simulation_.freeze("s1");  // the process stands still for longer than its lease, then goes on
  simulation_.run_for(Millis(2'000));
  const auto ticket =
      caller_->start(endpoint_of("s1"), net::request_of(wire::ReadBlock{token(), block_, 1, 0, 1}), Millis(5'000));
  simulation_.run_for(Millis(10));
  control_.gives_leases = false;  // control has given it up by now
  simulation_.thaw("s1");
  EXPECT_EQ(caller_->finish(ticket).error().code, Code::stale);
}

TEST_F(ServerTest, RegistersAgainWhenControlHasANewTerm) {
  start("s1");
  const int before = control_.registrations;
  control_.term = 2;
  control_.loop().set_term(2);
  simulation_.run_for(Millis(1'000));
  EXPECT_GT(control_.registrations, before);
  EXPECT_EQ(node("s1").storage->membership().term(), 2u);
  EXPECT_TRUE(node("s1").storage->membership().serving());
  control_.loop().set_term(1);  // a message of the old control that was under way
  EXPECT_EQ(order("s1", wire::DeleteBlocks{"", {block_}}).error().code, Code::stale);
}

TEST_F(ServerTest, AMemberThatDiesIsReportedAndTheWriteIsAnsweredOnce) {
  for (const char* name : {"s1", "s2"}) start(name);
  ASSERT_TRUE(write({"s1", "s2"}, 0, "before"));
  control_.on_failure = [&](const wire::ReportFailure& failure) -> Result<wire::BlockInfo> {
    EXPECT_EQ(failure.failed, std::vector<ServerId>{id("s2")});
    EXPECT_EQ(failure.session, SessionId{0});
    return wire::BlockInfo{block_, 2, {id("s1")}, {}, ""};
  };
  stop("s2");
  const Instant begin = simulation_.now();
  EXPECT_TRUE(write({"s1", "s2"}, 0, "after"));
  EXPECT_LE(simulation_.now() - begin, Millis(1'500));
  EXPECT_EQ(control_.failures.size(), 1u);
}

TEST_F(ServerTest, AWriteIsNotAnsweredWellWhenTheBlockHasMembersThatLackIt) {
  for (const char* name : {"s1", "s2", "s3"}) start(name);
  control_.on_failure = [&](const wire::ReportFailure&) -> Result<wire::BlockInfo> {
    return wire::BlockInfo{block_, 2, {id("s1"), id("s3")}, {}, ""};
  };
  stop("s2");
  EXPECT_EQ(write({"s1", "s2"}, 0, "x").error().code, Code::stale);
  control_.on_failure = nullptr;
  EXPECT_EQ(write({"s1", "s2"}, 0, "x").error().code, Code::unavailable);
}

TEST_F(ServerTest, ManyWritesThatFailTogetherAreReportedOnce) {
  for (const char* name : {"s1", "s2"}) start(name);
  control_.on_failure = [&](const wire::ReportFailure&) -> Result<wire::BlockInfo> {
    return wire::BlockInfo{block_, 2, {id("s1")}, {}, ""};
  };
  stop("s2");
  std::vector<net::Caller::Ticket> tickets;
  for (uint64_t i = 0; i < 20; ++i) {
    tickets.push_back(caller_->start(
        endpoint_of("s1"), net::request_of(write_of({"s1", "s2"}, i * 100), Bytes(std::string(100, 'x'))), Millis(5'000)));
  }
  for (const auto ticket : tickets) EXPECT_TRUE(caller_->finish(ticket));
  EXPECT_LE(control_.failures.size(), 5u);
}

TEST_F(ServerTest, AMemberAtAnotherEpochRefusesForwardedWrites) {
  for (const char* name : {"s1", "s2"}) start(name);
  ASSERT_TRUE(write({"s1", "s2"}, 0, "x"));
  ASSERT_TRUE(order("s2", wire::SetEpochs{"", {{block_, 1, 2, false, false}}}));
  EXPECT_FALSE(write({"s1", "s2"}, 0, "y"));
  EXPECT_EQ(*read("s2", 0, 1, 2), "x");
}

TEST_F(ServerTest, AFillingMemberTakesWritesAndIsFilledFromTheSource) {
  for (const char* name : {"s1", "s2"}) start(name);
  std::string expected(3'000'000, 'o');
  for (uint64_t offset = 0; offset < expected.size(); offset += 1'000'000) {
    ASSERT_TRUE(write({"s1"}, offset, std::string(1'000'000, 'o')));
  }
  const auto made = order("s2", wire::SetEpochs{"", {{block_, 0, 2, true, false}}});
  ASSERT_TRUE(made && made->reply.outcomes[0].code == 0);
  ASSERT_TRUE(order("s1", wire::SetEpochs{"", {{block_, 1, 2, false, false}}}));
  wire::WriteBlock message = write_of({"s1"}, 123'456, 2);
  message.filling = {id("s2")};
  ASSERT_TRUE(ask("s1", message, Bytes(std::string(10'000, 'n'))));  // starts and ends within pages that s2 misses
  expected.replace(123'456, 10'000, std::string(10'000, 'n'));
  EXPECT_EQ(read("s2", 0, 10, 2).error().code, Code::unavailable);
  const auto filling = order("s2", wire::FillBlocks{"", {{block_, 2, id("s1")}}});
  ASSERT_TRUE(filling && filling->reply.outcomes[0].code == 0);
  EXPECT_TRUE(simulation_.run_until([&] { return control_.reported[block_].state == wire::CopyState::whole; }, Millis(30'000)));
  EXPECT_EQ(control_.reported[block_].epoch, 2u);
  for (uint64_t offset = 0; offset < expected.size(); offset += 1'000'000) {
    EXPECT_EQ(*read("s2", offset, 1'000'000, 2), expected.substr(offset, 1'000'000));
  }
  EXPECT_GE(node("s2").storage->totals().received_bytes, 2'900'000u);
}

TEST_F(ServerTest, AFillGoesOnWhenTheSourceWasAwayAndWhenTheServerWasKilled) {
  for (const char* name : {"s1", "s2"}) start(name);
  for (uint64_t offset = 0; offset < 8'000'000; offset += 1'000'000) {
    ASSERT_TRUE(write({"s1"}, offset, std::string(1'000'000, 'o')));
  }
  ASSERT_TRUE(order("s2", wire::SetEpochs{"", {{block_, 0, 1, true, false}}}));
  ASSERT_TRUE(order("s2", wire::FillBlocks{"", {{block_, 1, id("s1")}}}));
  const auto missing = [&] { return node("s2").storage->totals().missing_bytes; };
  EXPECT_TRUE(simulation_.run_until([&] { return missing() < block_bytes - 3'000'000; }, Millis(20'000)));
  stop("s2");
  start("s2");
  EXPECT_LT(missing(), block_bytes - 2'900'000);
  stop("s1");
  ASSERT_TRUE(order("s2", wire::FillBlocks{"", {{block_, 1, id("s1")}}}));
  simulation_.run_for(Millis(1'000));
  start("s1");
  EXPECT_TRUE(simulation_.run_until([&] { return missing() == 0; }, Millis(30'000)));
}

TEST_F(ServerTest, SyncedWritesSurviveThatAllMachinesGoDown) {
  for (const char* name : {"s1", "s2"}) start(name);
  ASSERT_TRUE(write({"s1", "s2"}, 0, "synced"));
  for (const char* name : {"s1", "s2"}) {
    const auto synced = ask(name, wire::SyncBlocks{token(), {{block_, 1}}, {}});
    ASSERT_TRUE(synced && synced->reply.outcomes[0].code == 0);
  }
  ASSERT_TRUE(write({"s1", "s2"}, 6, " and not"));
  for (const char* name : {"s1", "s2"}) {
    stop(name);
    node(name).disk.crash(17);
    start(name);
    EXPECT_EQ(read(name, 0, 6).error().code, Code::unavailable);
  }
  EXPECT_EQ(control_.reported[block_].state, wire::CopyState::suspect);
  ASSERT_TRUE(order("s1", wire::SetEpochs{"", {{block_, 1, 2, false, false}}}));
  EXPECT_EQ(*read("s1", 0, 6, 2), "synced");
}

TEST_F(ServerTest, AWriteThatIsSyncedWithItSurvivesThatAllMachinesGoDown) {
  for (const char* name : {"s1", "s2"}) start(name);
  wire::WriteBlock message = write_of({"s1", "s2"});
  EXPECT_FALSE(ask("s1", message, Bytes(std::string("before")))->reply.synced);
  message.sync = true;
  const auto written = ask("s1", message, Bytes(std::string("synced")));
  ASSERT_TRUE(written) << written.error().what;
  EXPECT_TRUE(written->reply.synced);
  for (const char* name : {"s1", "s2"}) {
    stop(name);
    node(name).disk.crash(17);
    start(name);
  }
  for (const char* name : {"s1", "s2"}) {
    ASSERT_TRUE(order(name, wire::SetEpochs{"", {{block_, 1, 2, false, false}}}));
    EXPECT_EQ(*read(name, 0, 6, 2), "synced");
  }
}

TEST_F(ServerTest, PunchesAndDeletionsAreDoneOnceHoweverOftenTheyAreOrdered) {
  start("s1");
  ASSERT_TRUE(write({"s1"}, 0, std::string(100'000, 'x')));
  for (int i = 0; i < 2; ++i) {
    const auto punched = order("s1", wire::PunchBlocks{"", {{block_, 1, 0, 4 * page_bytes}}});
    ASSERT_TRUE(punched && punched->reply.outcomes[0].code == 0);
  }
  EXPECT_EQ(*read("s1", 0, 4 * page_bytes), std::string(4 * page_bytes, '\0'));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(order("s1", wire::DeleteBlocks{"", {block_}}));
  EXPECT_EQ(write({"s1"}, 0, "late").error().code, Code::stale);
  EXPECT_EQ(node("s1").storage->totals().stored_bytes, 0u);
}

TEST_F(ServerTest, AFullDiskRefusesWritesButReadsAndDeletes) {
  start("s1");
  ASSERT_TRUE(write({"s1"}, 0, std::string(100'000, 'x')));
  node("s1").disk.set_capacity(node("s1").disk.stored_bytes() + 10 * page_bytes);
  EXPECT_EQ(write({"s1"}, 1'000'000, std::string(500'000, 'y')).error().code, Code::no_space);
  EXPECT_EQ(*read("s1", 0, 10), std::string(10, 'x'));
  EXPECT_EQ(*read("s1", 1'000'000, 10), std::string(10, '\0'));
  EXPECT_TRUE(order("s1", wire::DeleteBlocks{"", {block_}}));
}

TEST_F(ServerTest, TellsControlOfACorruptPageAtOnce) {
  start("s1");
  ASSERT_TRUE(write({"s1"}, 0, std::string(page_bytes, 'x')));
  node("s1").disk.flip_bit(copy_path(block_), 17, 2);
  EXPECT_EQ(read("s1", 0, 10).error().code, Code::corrupt);
  EXPECT_TRUE(simulation_.run_until([&] { return control_.reported[block_].missing_bytes == page_bytes; }, Millis(200)));
}

TEST_F(ServerTest, ShowsTheAccountOfACopy) {
  start("s1");
  ASSERT_TRUE(write({"s1"}, 10 * page_bytes, std::string(2 * page_bytes, 'x')));
  const auto shown = ask("s1", wire::InspectBlock{block_, token_for({}, access::may_inspect), {}});
  ASSERT_TRUE(shown);
  EXPECT_TRUE(shown->reply.exists);
  EXPECT_EQ(shown->reply.state, wire::CopyState::whole);
  ASSERT_EQ(shown->reply.runs.size(), 1u);
  EXPECT_EQ(shown->reply.runs[0].page, 10u);
  EXPECT_EQ(shown->reply.runs[0].count, 2u);
  EXPECT_FALSE(ask("s1", wire::InspectBlock{BlockId{9}, {}, control_pass()})->reply.exists);
  EXPECT_EQ(ask("s1", wire::InspectBlock{block_}).error().code, Code::denied);
  EXPECT_EQ(ask("s1", wire::InspectBlock{block_, token_for({}), {}}).error().code, Code::denied)
      << "a right to read is none to look";
  EXPECT_EQ(ask("s1", wire::InspectBlock{BlockId{9}, token_for({}, access::may_inspect), {}}).error().code, Code::denied);
}

}  // namespace
}  // namespace lace::storage
