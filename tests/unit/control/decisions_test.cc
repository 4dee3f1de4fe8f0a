// The decisions that need nobody else: placement, copy sets, repair steps, capacity, health, server leases.
#include <gtest/gtest.h>

#include "control/mapping/capacity.h"
#include "control/mapping/copy_set.h"
#include "control/mapping/placement.h"
#include "control/mapping/servers.h"
#include "control/repair/balance.h"
#include "control/repair/health.h"
#include "control/repair/planner.h"

namespace lace::control {
namespace {

constexpr ServerId a{1}, b{2}, c{3};
constexpr uint64_t gib = uint64_t{1} << 30;

std::function<bool(ServerId)> up(std::vector<ServerId> servers) {
  return [servers](ServerId server) { return contains(servers, server); };
}
wire::BlockInfo block(std::vector<ServerId> in_sync, std::vector<ServerId> filling = {}) {
  return {BlockId{1}, 5, std::move(in_sync), std::move(filling), ""};
}

// ---------------------------------------------------------------- copy sets

TEST(CopySet, LosesTheServerThatFailed) {
  const auto plan = plan_copy_set(block({a, b}), {{a}, {}, {}}, up({b}));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->in_sync, std::vector{b});
  EXPECT_EQ(plan->dropped, std::vector{a});
}

TEST(CopySet, NeverLosesTheLastCopyThatIsUp) {
  const auto plan = plan_copy_set(block({a, b}), {{a, b}, {}, {}}, up({a}));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->in_sync, std::vector{a});
  EXPECT_EQ(plan_copy_set(block({a, b}), {{a, b}, {}, {}}, up({})).error().code, Code::unavailable);
  EXPECT_FALSE(plan_copy_set(block({a}), {{a}, {}, {}}, up({a}))->changes);
}

TEST(CopySet, KeepsAnAccusedServerWhenTheOthersAreDown) {
  const auto plan = plan_copy_set(block({a, b}), {{a}, {}, {}}, up({a}));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->in_sync, std::vector{a});
  EXPECT_EQ(plan->dropped, std::vector{b});
}

TEST(CopySet, LosesAllThatAreDownAtOnce) {
  const auto plan = plan_copy_set(block({a, b, c}), {{a}, {}, {}}, up({c}));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->in_sync, std::vector{c});
}

TEST(CopySet, AddsAFillingServerOnlyIfItIsUpAndNoMember) {
  EXPECT_EQ(plan_copy_set(block({a}), {{}, {b}, {}}, up({a, b}))->filling, std::vector{b});
  EXPECT_FALSE(plan_copy_set(block({a}), {{}, {b}, {}}, up({a}))->changes);
  EXPECT_FALSE(plan_copy_set(block({a}), {{}, {a}, {}}, up({a}))->changes);
}

TEST(CopySet, PromotesAFillingServer) {
  const auto plan = plan_copy_set(block({a}, {b}), {{}, {}, {b}}, up({a, b}));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->in_sync, (std::vector{a, b}));
  EXPECT_TRUE(plan->filling.empty());
}

// ---------------------------------------------------------------- placement

TEST(Placement, UsesDifferentServersAndSpreadsPrimaries) {
  PlacementPlan plan;
  const std::vector<Candidate> all{{a, 100 * gib}, {b, 100 * gib}, {c, 100 * gib}};
  std::map<ServerId, int> copies, primaries;
  for (int i = 0; i < 300; ++i) {
    const auto placement = plan.choose(all, 2);
    ASSERT_TRUE(placement);
    ASSERT_EQ(placement->servers.size(), 2u);
    ASSERT_NE(placement->servers[0], placement->servers[1]);
    for (const ServerId server : placement->servers) ++copies[server];
    ++primaries[placement->servers[0]];
  }
  for (const ServerId server : {a, b, c}) {
    EXPECT_NEAR(copies[server], 200, 2);
    EXPECT_NEAR(primaries[server], 100, 2);
  }
}

TEST(Placement, GivesMoreToWhoHasMore) {
  PlacementPlan plan;
  const std::vector<Candidate> all{{a, 300 * gib}, {b, 100 * gib}};
  std::map<ServerId, int> copies;
  for (int i = 0; i < 400; ++i) ++copies[plan.choose(all, 1)->servers[0]];
  EXPECT_NEAR(copies[a], 300, 3);
}

TEST(Placement, TellsFullFromAway) {
  PlacementPlan plan;
  EXPECT_EQ(plan.choose({}, 2).error().code, Code::unavailable);
  EXPECT_EQ(plan.choose({{a, gib}, {b, 1}}, 2).error().code, Code::no_space);
  EXPECT_EQ(plan.choose({{a, gib}}, 2)->servers, std::vector{a});
}

TEST(Placement, DoesNotFloodAServerThatIsNew) {
  PlacementPlan plan;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(plan.choose({{a, 10 * gib}, {b, 10 * gib}}, 1));
  int given = 0;
  for (int i = 0; i < 30; ++i) given += plan.choose({{a, 10 * gib}, {b, 10 * gib}, {c, 10 * gib}}, 1)->servers[0] == c;
  EXPECT_NEAR(given, 10, 1);
}

// ---------------------------------------------------------------- repair

MemberFact member(ServerId server, bool is_up, std::optional<wire::CopyState> state = {}) {
  MemberFact fact{server, is_up, false, {}};
  if (state) fact.report = wire::CopyReport{BlockId{1}, 5, *state, 0};
  return fact;
}
BlockFacts facts(std::vector<MemberFact> in_sync, std::vector<MemberFact> filling = {}) {
  BlockFacts all;
  for (const MemberFact& one : in_sync) all.block.in_sync.push_back(one.server);
  for (const MemberFact& one : filling) all.block.filling.push_back(one.server);
  all.block.epoch = 5;
  all.in_sync = std::move(in_sync);
  all.filling = std::move(filling);
  return all;
}
using wire::CopyState;
MemberFact lost(ServerId server) {  // its server says that it has no copy any more
  MemberFact fact = member(server, true, CopyState::suspect);
  fact.report->missing_bytes = block_bytes;
  return fact;
}

TEST(RepairPlan, LeavesWholeBlocksAlone) {
  EXPECT_EQ(next_repair(facts({member(a, true), member(b, true, CopyState::whole)})).kind, RepairStep::none);
}

TEST(RepairPlan, WaitsTheGraceTimeForAServerThatIsDown) {
  EXPECT_EQ(next_repair(facts({member(a, true), member(b, false)})).kind, RepairStep::none);
  auto away = facts({member(a, true), member(b, false)});
  away.in_sync[1].away_long = true;
  const RepairStep step = next_repair(away);
  EXPECT_EQ(step.kind, RepairStep::drop);
  EXPECT_EQ(step.servers, std::vector{b});
}

TEST(RepairPlan, DropsASuspectCopyIfThereIsAGoodOne) {
  const RepairStep step = next_repair(facts({member(a, true, CopyState::suspect), member(b, true)}));
  EXPECT_EQ(step.kind, RepairStep::drop);
  EXPECT_EQ(step.servers, std::vector{a});
}

TEST(RepairPlan, AcceptsASuspectCopyOnlyWhenNobodyElseCanCome) {
  auto one_away = facts({member(a, true, CopyState::suspect), member(b, false)});
  EXPECT_EQ(next_repair(one_away).kind, RepairStep::none);
  one_away.patience_over = true;
  EXPECT_EQ(next_repair(one_away).kind, RepairStep::accept);
  EXPECT_EQ(next_repair(one_away).server, a);
  const auto both = facts({member(a, true, CopyState::suspect), member(b, true, CopyState::suspect)});
  EXPECT_EQ(next_repair(both).kind, RepairStep::accept);
}

TEST(RepairPlan, GoesOnFromNothingOnlyWhenAllAreThereAndNoneHasAnything) {
  auto one_away = facts({lost(a), member(b, false)});
  one_away.patience_over = true;
  EXPECT_EQ(next_repair(one_away).kind, RepairStep::none);  // who is away may have what was synced
  EXPECT_EQ(next_repair(facts({lost(a), member(b, true, CopyState::suspect)})).server, b);
  EXPECT_EQ(next_repair(facts({lost(a), lost(b)})).kind, RepairStep::accept);
}

TEST(RepairPlan, FillsOneMoreCopyAndPromotesItWhenWhole) {
  EXPECT_EQ(next_repair(facts({member(a, true)})).kind, RepairStep::start_fill);
  const RepairStep order = next_repair(facts({member(a, true)}, {member(b, true, CopyState::filling)}));
  EXPECT_EQ(order.kind, RepairStep::order_fill);
  EXPECT_EQ(order.server, b);
  EXPECT_EQ(order.source, a);
  EXPECT_EQ(next_repair(facts({member(a, true)}, {member(b, true, CopyState::whole)})).kind, RepairStep::promote);
}

TEST(RepairPlan, DoesNotBelieveAReportOfAnOlderEpoch) {
  auto old = facts({member(a, true)}, {member(b, true, CopyState::whole)});
  old.filling[0].report->epoch = 4;
  EXPECT_EQ(next_repair(old).kind, RepairStep::order_fill);
}

TEST(RepairPlan, WaitsForAServerThatMayComeBackAndNeedsOnlyWhatItMissed) {
  auto away = facts({member(a, true)});
  away.returning = true;
  EXPECT_EQ(next_repair(away).kind, RepairStep::none);
  away.returned = true;
  EXPECT_EQ(next_repair(away).kind, RepairStep::start_fill);
}

TEST(RepairPlan, DropsTheCopyOnAServerThatIsDrainedWhenThereIsAnother) {
  auto draining = facts({member(a, true), member(b, true)});
  draining.in_sync[0].leaving = true;
  EXPECT_EQ(next_repair(draining).kind, RepairStep::start_fill);
  draining.in_sync.push_back(member(c, true));
  const RepairStep drop = next_repair(draining);
  EXPECT_EQ(drop.kind, RepairStep::drop);
  EXPECT_EQ(drop.servers, std::vector<ServerId>{a});
}

TEST(RepairPlan, DropsWhatIsMoreThanWantedWhenAllAreWhole) {
  auto many = facts({member(a, true), member(b, true), member(c, true)});
  EXPECT_EQ(next_repair(many).kind, RepairStep::none);
  many.surplus = b;
  EXPECT_EQ(next_repair(many).servers, std::vector<ServerId>{b});
  many.in_sync[2].up = false;
  EXPECT_EQ(next_repair(many).kind, RepairStep::none) << "one that is away may have lost something";
}

TEST(RepairPlan, HealsLostPagesFromAnotherCopyThatCounts) {
  auto bad = facts({member(a, true), member(b, true)});
  bad.in_sync[0].report = wire::CopyReport{bad.block.block, bad.block.epoch, CopyState::whole, 8192};
  const RepairStep heal = next_repair(bad);
  EXPECT_EQ(heal.kind, RepairStep::heal);
  EXPECT_EQ(heal.server, a);
  EXPECT_EQ(heal.source, b);
  EXPECT_EQ(next_repair(facts({bad.in_sync[0]})).kind, RepairStep::start_fill) << "the other pages need a second copy";
  bad.in_sync[1].up = false;
  EXPECT_EQ(next_repair(bad).kind, RepairStep::none);
}

TEST(Balance, MovesFromTheFullestToTheEmptiestWhenTheyDifferByATenth) {
  const auto move = next_move({{a, 5 * gib, 5 * gib}, {b, 6 * gib, 4 * gib}, {c, 0, 10 * gib}});
  ASSERT_TRUE(move);
  EXPECT_EQ(move->from, b);
  EXPECT_EQ(move->to, c);
  EXPECT_FALSE(next_move({{a, 5 * gib, 5 * gib}, {b, 6 * gib, 4 * gib}}));
  EXPECT_FALSE(next_move({{a, 5 * gib, 5 * gib}}));
  EXPECT_FALSE(next_move({{a, gib / 8, gib}, {b, 0, gib}})) << "a block or two would turn it round";
}

TEST(RepairPlan, DoesNothingWhileNobodyIsUp) {
  auto down = facts({member(a, false), member(b, false)});
  down.patience_over = true;
  EXPECT_EQ(next_repair(down).kind, RepairStep::none);
}

// ---------------------------------------------------------------- capacity and health

TEST(Capacity, CountsEveryByteOncePerCopyOnDifferentServers) {
  EXPECT_EQ(usable_bytes({100, 100, 100}, 2), 150u);
  EXPECT_EQ(usable_bytes({100, 100}, 1), 200u);
  EXPECT_EQ(usable_bytes({1000, 100, 100}, 2), 200u);  // the large one can hold only what others hold too
  EXPECT_EQ(usable_bytes({1000, 10}, 2), 10u);
  EXPECT_EQ(usable_bytes({50}, 2), 50u);  // one server: one copy
  EXPECT_EQ(usable_bytes({}, 2), 0u);
  EXPECT_EQ(usable_bytes({1000, 900, 10, 10}, 3), 20u);
}

TEST(Capacity, OfADiskThatServersShareIsCountedOnce) {
  EXPECT_EQ(parts_of({{"x", 90}, {"y", 50}, {"x", 90}, {"x", 90}}), (std::vector<uint64_t>{30, 50, 30, 30}));
  EXPECT_EQ(parts_of({{"", 90}, {"", 90}}), (std::vector<uint64_t>{90, 90})) << "no name: a disk of its own";
}

wire::ServerInfo info(const std::string& name, wire::ServerState state) {
  wire::ServerInfo server;
  server.name = name;
  server.state = state;
  return server;
}

TEST(Health, IsOneWordWithItsReasons) {
  const auto good = wire::ServerState::up, gone = wire::ServerState::down;
  const std::vector<wire::ServerInfo> all{info("s1", good), info("s2", good)}, one_down{info("s1", good), info("s2", gone)};
  EXPECT_EQ(judge({all, {0, 0, 7}, 2, 0, 0}).word, "healthy");
  EXPECT_TRUE(judge({all, {0, 0, 7}, 2, 0, 0}).reasons.empty());
  EXPECT_EQ(judge({one_down, {0, 7}, 2, 0, 0}).word, "degraded");
  EXPECT_EQ(judge({one_down, {0, 7}, 2, 0, 0}).reasons.front(), "s2 is down");
  EXPECT_EQ(judge({all, {0, 7}, 2, 3, 0}).word, "repairing");
  EXPECT_EQ(judge({all, {1, 7}, 2, 3, 0}).word, "unavailable");
  EXPECT_EQ(judge({all, {0, 0, 7}, 2, 0, 1}).word, "repairing") << "it may turn out that copies are worth nothing";
  EXPECT_EQ(judge({all, {0, 0, 7}, 2, 0, 1}).reasons.front(), "the copies of 1 block are to be checked");
  EXPECT_EQ(judge({{}, {}, 2, 0, 0}).word, "unavailable");
}

// ---------------------------------------------------------------- servers

struct ServersTest : testing::Test {
  Timing timing;
  Instant now{std::chrono::hours(1)};
  Servers servers{timing, now};
  wire::RegisterServer message;

  Server& registered(uint64_t incarnation = 77) {
    Server& server = servers.add({a, "storage-1", {"ipc:///s1", ""}, false});
    message.incarnation = incarnation;
    servers.register_incarnation(server, message, now);
    return server;
  }
  Result<uint32_t> beat(uint64_t incarnation = 77) {
    wire::Heartbeat heartbeat;
    heartbeat.server = a;
    heartbeat.incarnation = incarnation;
    return servers.heartbeat(heartbeat, now);
  }
};

TEST_F(ServersTest, GiveNoLeaseBeforeTheReport) {
  Server& server = registered();
  EXPECT_EQ(*beat(), 0u);
  EXPECT_FALSE(servers.is_up(a, now));
  servers.set_reported(server);
  EXPECT_EQ(*beat(), 1'200u);
  EXPECT_TRUE(servers.is_up(a, now));
}

TEST_F(ServersTest, AreDownWhenTheLeaseEnds) {
  servers.set_reported(registered());
  ASSERT_TRUE(beat());
  now += Millis(1'259);
  EXPECT_TRUE(servers.is_up(a, now));
  now += Millis(1);
  EXPECT_FALSE(servers.is_up(a, now));
  EXPECT_TRUE(servers.lease_over(a, now));
  ASSERT_TRUE(beat()) << "it was only late: nothing happened without it";
  EXPECT_TRUE(servers.is_up(a, now));
}

TEST_F(ServersTest, RefuseAnotherIncarnationAndARevokedOne) {
  Server& server = registered();
  servers.set_reported(server);
  EXPECT_EQ(beat(78).error().code, Code::fenced);
  ASSERT_TRUE(beat());
  servers.revoke(server, now);
  EXPECT_EQ(beat().error().code, Code::fenced);
  EXPECT_FALSE(servers.is_up(a, now));
  EXPECT_FALSE(servers.lease_over(a, now)) << "it may still be serving";
}

TEST_F(ServersTest, MayHoldALeaseFromBeforeARestartOfControl) {
  servers.add({b, "storage-2", {"ipc:///s2", ""}, false});
  EXPECT_FALSE(servers.is_up(b, now));
  EXPECT_FALSE(servers.lease_over(b, now));
  EXPECT_TRUE(servers.lease_over(b, now + Millis(1'260)));
}

}  // namespace
}  // namespace lace::control
