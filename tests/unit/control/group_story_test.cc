// Groups of control servers: what clients were told is true, whatever happens to the members.
#include "tests/unit/control/group_fixture.h"

namespace lace::control {
namespace {

using Names = std::vector<std::string>;

Names numbered(int count) {
  Names names;
  for (int i = 1; i <= count; ++i) names.push_back("f" + std::to_string(i));
  return names;
}

TEST_F(GroupTest, FormsFromEmptyDirectoriesAndFollows) {
  make(3);
  const SessionId session = open_session();
  for (const std::string& name : numbered(20)) make_file(session, name);
  EXPECT_EQ(names_in_root(session), numbered(20));
  expect_same_everywhere(3);
}

TEST_F(GroupTest, GoesOnWhereItsMasterWasKilled) {
  make(3);
  const SessionId session = open_session();
  make_file(session, "f1");
  const int first = master();
  kill(first);
  const Instant killed = simulation.now();
  make_file(session, "f2");
  EXPECT_LT(simulation.now() - killed, Millis(3'000));
  EXPECT_EQ(names_in_root(session), numbered(2));
  start(first);
  expect_same_everywhere(3);
}

TEST_F(GroupTest, LosesAndRepeatsNothingWhileItsMasterIsKilledAgainAndAgain) {
  make(3);
  const SessionId session = open_session();
  for (int i = 1; i <= 60; ++i) {
    if (i % 10 == 5) {
      const int victim = master();
      ASSERT_NE(victim, 0);
      kill(victim);
      make_file(session, "f" + std::to_string(i));
      start(victim);
      ASSERT_TRUE(until([&] { return all_in_sync(3); }, Millis(20'000)));
    } else {
      make_file(session, "f" + std::to_string(i));
    }
  }
  EXPECT_EQ(names_in_root(session), numbered(60));
  expect_same_everywhere(3);
}

TEST_F(GroupTest, ObeysNoMasterThatStoodStillWhileAnotherTookOver) {
  make(3);
  const SessionId session = open_session();
  const int first = master();
  freeze(first);
  make_file(session, "f1");
  EXPECT_NE(master(), first);
  thaw(first);
  make_file(session, "f2");
  EXPECT_EQ(names_in_root(session), numbered(2));
  expect_same_everywhere(3);
}

TEST_F(GroupTest, TakesBackWhatOnlyTheOldMasterHas) {
  make(3);
  const SessionId session = open_session();
  make_file(session, "f1");
  const int first = master();
  for (int other = 1; other <= 3; ++other) {
    if (other != first) simulation.cut(name_of(first), name_of(other));
  }
  shared.away.insert(name_of(first));
  // It takes the change in, and can't tell anybody.
  wire::Create create;
  create.parent = root_inode;
  create.name = "lost";
  create.mode = S_IFREG | 0644;
  static_cast<void>(ask(wire::Commit{session, 1, 1, {create}}, Millis(0)));
  ASSERT_TRUE(until([&] { return master() != 0 && master() != first; }, Millis(5'000)));
  EXPECT_GT(member(first).names()->position().number, 0u);
  simulation.heal();
  shared.away.clear();
  make_file(session, "f2");
  expect_same_everywhere(3);
  const Names names = names_in_root(session);
  EXPECT_LE(std::count(names.begin(), names.end(), "lost"), 1);
  EXPECT_EQ(std::count(names.begin(), names.end(), "f2"), 1);
}

TEST_F(GroupTest, WritesWithoutASlaveThatIsAwayAndTakesItBack) {
  make(3);
  const SessionId session = open_session();
  const int slave = master() % 3 + 1;
  kill(slave);
  for (const std::string& name : numbered(10)) make_file(session, name);
  EXPECT_EQ(shared.stored->record.in_sync.size(), 2u);
  start(slave);
  expect_same_everywhere(3);
}

TEST_F(GroupTest, SendsASnapshotToASlaveThatWasAwayForLong) {
  log_bytes = 5'000;
  make(2);
  const SessionId session = open_session();
  const int slave = master() % 2 + 1;
  kill(slave);
  for (const std::string& name : numbered(60)) make_file(session, name);
  start(slave);
  expect_same_everywhere(2);
}

TEST_F(GroupTest, NeedsNoRegisterWhileNobodyGoesAway) {
  make(3);
  const SessionId session = open_session();
  for (int i = 1; i <= 3; ++i) shared.away.insert(name_of(i));
  run_for(Millis(10'000));
  for (const std::string& name : numbered(5)) make_file(session, name);
  EXPECT_EQ(names_in_root(session), numbered(5));
}

TEST_F(GroupTest, HandsOverWithoutAPauseThatAnybodyFeels) {
  make(3);
  const SessionId session = open_session();
  make_file(session, "f1");
  const std::string next = name_of(master() % 3 + 1);
  const Instant asked = simulation.now();
  ASSERT_TRUE(ask(wire::PromoteControl{next}));
  make_file(session, "f2");
  EXPECT_LT(simulation.now() - asked, Millis(500));
  EXPECT_EQ(name_of(master()), next);
  expect_same_everywhere(3);
}

TEST_F(GroupTest, ForgetsAMemberThatIsRemoved) {
  make(3);
  const int slave = master() % 3 + 1;
  EXPECT_EQ(ask(wire::RemoveControl{name_of(slave)}).error().code, Code::busy);
  kill(slave);
  run_for(Millis(3'000));
  ASSERT_TRUE(ask(wire::RemoveControl{name_of(slave)}));
  run_for(Millis(500));
  EXPECT_EQ(shared.stored->record.members.size(), 2u);
  EXPECT_EQ(ask(wire::RemoveControl{name_of(slave)}).error().code, Code::no_entry);
}

TEST_F(GroupTest, StartsWhereAllMembersWereKilled) {
  make(3);
  const SessionId session = open_session();
  for (const std::string& name : numbered(5)) make_file(session, name);
  for (int number = 1; number <= 3; ++number) kill(number);
  for (int number = 1; number <= 3; ++number) start(number);
  EXPECT_EQ(names_in_root(session), numbered(5));
  expect_same_everywhere(3);
}

// ---------------------------------------------------------------- storms

class GroupStorm : public GroupTest, public testing::WithParamInterface<uint64_t> {
 protected:
  GroupStorm() : GroupTest(GetParam()) {}

  void something_happens() {
    const auto pick = [&](uint64_t below) { return static_cast<int>(simulation.random()() % below); };
    const int one = 1 + pick(3), other = 1 + pick(3);
    switch (pick(9)) {
      case 0:
        if (down_ == 0) kill(down_ = one);
        break;
      case 1:
        if (down_ != 0) start(std::exchange(down_, 0));
        break;
      case 2:
        if (frozen_ == 0 && one != down_) freeze(frozen_ = one);
        break;
      case 3:
        if (frozen_ != 0) thaw(std::exchange(frozen_, 0));
        break;
      case 4: simulation.cut(name_of(one), name_of(other)); break;
      case 5: simulation.cut_one_way(name_of(one), name_of(other)); break;
      case 6: simulation.heal(); break;
      case 7: shared.away.insert(name_of(one)); break;
      default: shared.away.clear(); break;
    }
    if (frozen_ != 0 && frozen_ == down_) frozen_ = 0;
  }
  void calm_down() {
    if (frozen_ != 0) thaw(std::exchange(frozen_, 0));
    if (down_ != 0) start(std::exchange(down_, 0));
    simulation.heal();
    shared.away.clear();
  }

  int down_ = 0, frozen_ = 0;
};

TEST_P(GroupStorm, EverythingAcknowledgedIsThereOnce) {
  shared.unsure_one_in = 5;
  simulation.set_drift("control-2", 0.01);
  simulation.set_drift("control-3", -0.01);
  make(3);
  const SessionId session = open_session();
  int made = 0;
  for (int round = 0; round < 30; ++round) {
    something_happens();
    wire::Create create;
    create.parent = root_inode;
    create.name = "f" + std::to_string(made + 1);
    create.mode = S_IFREG | 0644;
    auto reply = ask(wire::Commit{session, 0, static_cast<uint64_t>(made) + 1, {create}}, Millis(4'000));
    if (!reply) {  // nobody can answer in this weather
      calm_down();
      reply = ask(wire::Commit{session, 0, static_cast<uint64_t>(made) + 1, {create}}, Millis(12'000));
    }
    ASSERT_TRUE(reply) << "round " << round << ": " << reply.error().what;
    ASSERT_EQ(reply->results.at(0).outcome.code, 0) << reply->results[0].outcome.what;
    ++made;
    static_cast<void>(ask(wire::ResumeSession{session, {}, {}}, Millis(1'000)));
  }
  calm_down();
  expect_same_everywhere(3);
  EXPECT_EQ(names_in_root(session), numbered(made));
}

INSTANTIATE_TEST_SUITE_P(Seeds, GroupStorm, testing::Range<uint64_t>(1, 41));

}  // namespace
}  // namespace lace::control
