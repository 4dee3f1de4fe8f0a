// Who is master, as stories: several members, a register, and time.
#include <gtest/gtest.h>

#include "control/group/mastership.h"

namespace lace::control {
namespace {

using Role = Mastership::Role;

struct Group {
  Instant now{Millis(1'000'000)};
  std::optional<Stored> stored;
  uint64_t revisions = 0;
  bool away = false;          // the register answers nobody
  bool unsure = false;        // it does what it is asked, and nobody hears the answer
  std::set<std::string> cut;  // members that hear and say nothing
  std::map<std::string, std::unique_ptr<Mastership>> members;
  std::map<std::string, std::vector<std::string>> log;  // what each member was told to do

  Mastership& start(const std::string& name, bool founds = true) {
    members[name] =
        std::make_unique<Mastership>(Mastership::Self{{name, {{"ipc:///" + name, ""}}}, "cluster", 0, founds}, GroupTiming{});
    tick(name);
    return *members[name];
  }
  Mastership& operator[](const std::string& name) { return *members.at(name); }

  void step(const std::string& name, const Mastership::Event& event) {
    for (const auto& effect : members.at(name)->step(now, event)) run(name, effect);
  }
  void tick(const std::string& name) { step(name, Mastership::Tick{}); }

  void run(const std::string& name, const Mastership::Effect& effect) {
    if (std::get_if<Mastership::ReadRecord>(&effect) != nullptr) {
      if (away) return step(name, Mastership::RecordRead{fail(Code::unavailable)});
      return step(name, Mastership::RecordRead{stored});
    }
    if (const auto* swap = std::get_if<Mastership::SwapRecord>(&effect)) {
      if (away) return step(name, Mastership::Swapped{fail(Code::unknown)});
      const bool matches = swap->revision == (stored ? stored->revision : 0);
      if (matches) stored = Stored{swap->record, ++revisions};
      if (unsure) return step(name, Mastership::Swapped{fail(Code::unknown)});
      return step(name, Mastership::Swapped{matches ? stored->revision : 0});
    }
    if (std::get_if<Mastership::Lead>(&effect) != nullptr) log[name].push_back("lead");
    if (const auto* over = std::get_if<Mastership::Over>(&effect)) log[name].push_back("over: " + over->why);
    if (const auto* refuse = std::get_if<Mastership::Refuse>(&effect)) log[name].push_back("refuse: " + refuse->error.what);
  }

  std::vector<std::string> masters() {
    std::vector<std::string> names;
    for (const auto& [name, member] : members) {
      if (member->may_speak(now)) names.push_back(name);
    }
    return names;
  }
  // Everybody ticks, and masters send beacons, for so long. At most one may speak at any moment.
  void run_for(Millis time) {
    for (const Instant end = now + time; now < end; now += Millis(50)) {
      for (const auto& [name, member] : members) {
        if (!stopped.contains(name)) tick(name);
      }
      for (const auto& [name, member] : members) {
        if (member->role() == Role::master && !cut.contains(name) && !stopped.contains(name)) beat(name);
      }
      EXPECT_LE(masters().size(), 1u);
    }
  }
  void beat(const std::string& name) {
    for (const auto& [other, member] : members) {
      if (other == name || cut.contains(other) || stopped.contains(other)) continue;
      const wire::GroupBeacon beacon{members[name]->term(), name, members[name]->in_sync(other)};
      if (member->take_beacon(now, beacon)) {
        step(name, Mastership::BeaconAnswered{other, now});
      } else if (member->term() > members[name]->term()) {
        step(name, Mastership::NewerTermSeen{member->term()});
      }
    }
  }
  // A group of these, all in sync.
  void make(const std::vector<std::string>& names) {
    start(names.front());
    for (size_t i = 1; i < names.size(); ++i) {
      start(names[i], false);
      (*this)[names.front()].join({names[i], {{"ipc:///" + names[i], ""}}});
    }
    run_for(Millis(300));
    for (size_t i = 1; i < names.size(); ++i) step(names.front(), Mastership::CaughtUp{names[i]});
    run_for(Millis(300));
    ASSERT_EQ(stored->record.in_sync.size(), names.size());
  }
  std::set<std::string> stopped;
};

TEST(Mastership, TheFirstMemberMakesTheRecordAndLeads) {
  Group group;
  group.start("a");
  EXPECT_EQ(group["a"].role(), Role::master);
  EXPECT_EQ(group.stored->record.master, "a");
  EXPECT_EQ(group.stored->record.term, 1u);
  EXPECT_TRUE(group["a"].may_speak(group.now));
}

TEST(Mastership, AMemberOfAGroupMakesNoSecondRecord) {
  Group group;
  group.start("a", false);
  ASSERT_EQ(group.log["a"].size(), 1u);
  EXPECT_EQ(group.log["a"][0].rfind("refuse", 0), 0u);
}

TEST(Mastership, ASlaveIsWrittenDownWhenItHoldsEverything) {
  Group group;
  group.make({"a", "b"});
  EXPECT_TRUE(group["a"].in_sync("b"));
  EXPECT_EQ(group["a"].required(), std::set<std::string>{"b"});
}

TEST(Mastership, ASlaveThatEntersIsWaitedForBeforeTheRecordSaysSo) {
  Group group;
  group.start("a");
  group.start("b", false);
  group["a"].join({"b", {{"ipc:///b", ""}}});
  group.run_for(Millis(200));
  group.away = true;
  group.step("a", Mastership::CaughtUp{"b"});
  group.tick("a");
  EXPECT_EQ(group["a"].required(), std::set<std::string>{"b"});
  EXPECT_FALSE(group["a"].in_sync("b"));
}

TEST(Mastership, ASlaveTakesOverFromAMasterThatStandsStill) {
  Group group;
  group.make({"a", "b", "c"});
  group.stopped.insert("a");
  group.run_for(Millis(2'500));
  EXPECT_EQ(group.stored->record.term, 2u);
  EXPECT_NE(group.stored->record.master, "a");
  EXPECT_FALSE(group["a"].may_speak(group.now));
  EXPECT_EQ(group.masters().size(), 1u);
  group.stopped.clear();
  group.run_for(Millis(500));
  EXPECT_EQ(group["a"].role(), Role::over);
}

TEST(Mastership, AMasterIsSilentBeforeASlaveTakesOver) {
  Group group;
  group.make({"a", "b"});
  group.cut.insert("a");
  group.away = true;
  group.run_for(Millis(1'100));
  EXPECT_FALSE(group["a"].may_speak(group.now));
  EXPECT_EQ(group["b"].role(), Role::slave);
  group.away = false;
  group.run_for(Millis(1'000));
  EXPECT_EQ(group.masters().size(), 1u);
}

TEST(Mastership, AMasterGoesOnWithoutASlaveThatIsAway) {
  Group group;
  group.make({"a", "b", "c"});
  group.stopped.insert("c");
  group.run_for(Millis(1'500));
  EXPECT_EQ(group.stored->record.in_sync, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(group["a"].may_speak(group.now));
}

TEST(Mastership, AMasterThatStoodStillThrowsNobodyOutBeforeItHasListened) {
  Group group;
  group.make({"a", "b", "c"});
  group.now += Millis(1'200);  // nobody has taken over yet
  group.tick("a");
  EXPECT_EQ(group.stored->record.in_sync.size(), 3u);
  group.beat("a");
  group.run_for(Millis(1'000));
  EXPECT_EQ(group.stored->record.in_sync.size(), 3u);
  EXPECT_EQ(group.stored->record.master, "a");
}

TEST(Mastership, WithoutTheRegisterASlaveThatIsAwayStopsEverything) {
  Group group;
  group.make({"a", "b"});
  group.stopped.insert("b");
  group.away = true;
  group.run_for(Millis(5'000));
  EXPECT_FALSE(group["a"].may_speak(group.now));
  EXPECT_EQ(group.stored->record.in_sync.size(), 2u);
  group.away = false;
  group.run_for(Millis(500));
  EXPECT_TRUE(group["a"].may_speak(group.now));
}

TEST(Mastership, WithoutTheRegisterAGroupThatIsWholeGoesOn) {
  Group group;
  group.make({"a", "b", "c"});
  group.away = true;
  group.run_for(Millis(5'000));
  EXPECT_TRUE(group["a"].may_speak(group.now));
}

TEST(Mastership, ASlaveThatIsNotInSyncNeverTakesOver) {
  Group group;
  group.start("a");
  group.start("b", false);
  group["a"].join({"b", {{"ipc:///b", ""}}});
  group.run_for(Millis(500));
  group.stopped.insert("a");
  group.run_for(Millis(10'000));
  EXPECT_EQ(group.stored->record.master, "a");
  EXPECT_EQ(group["b"].role(), Role::slave);
}

TEST(Mastership, ATakeOverWhoseOutcomeWasNotHeardIsFoundInTheRecord) {
  Group group;
  group.make({"a", "b"});
  group.stopped.insert("a");
  group.unsure = true;
  group.run_for(Millis(1'500));
  EXPECT_EQ(group.stored->record.master, "b");
  EXPECT_EQ(group["b"].role(), Role::slave);
  EXPECT_FALSE(group["b"].take_beacon(group.now, {1, "a", true}));  // it could not keep the promise
  group.unsure = false;
  group.run_for(Millis(500));
  EXPECT_EQ(group["b"].role(), Role::master);
  EXPECT_EQ(group.stored->record.term, 2u);
}

TEST(Mastership, AMasterThatStartsAnewTakesTheNextTerm) {
  Group group;
  group.make({"a", "b"});
  group.start("a", false);
  EXPECT_EQ(group["a"].role(), Role::master);
  EXPECT_EQ(group["a"].term(), 2u);
  EXPECT_FALSE(group["a"].may_speak(group.now));  // not before the slave has promised again
  group.run_for(Millis(200));
  EXPECT_TRUE(group["a"].may_speak(group.now));
}

TEST(Mastership, HandsOverAtOnce) {
  Group group;
  group.make({"a", "b", "c"});
  group.step("a", Mastership::HandOver{"c"});
  EXPECT_EQ(group["a"].role(), Role::over);
  group.step("c", Mastership::NewerTermSeen{2});
  EXPECT_EQ(group["c"].role(), Role::master);
  group.run_for(Millis(200));
  EXPECT_EQ(group.masters(), std::vector<std::string>{"c"});
}

TEST(Mastership, ASlaveThatAnswersButGetsNowhereIsLeftOut) {
  Group group;
  group.make({"a", "b"});
  group.step("a", Mastership::Lags{"b"});
  EXPECT_EQ(group.stored->record.in_sync, std::vector<std::string>{"a"});
  group.step("a", Mastership::CaughtUp{"b"});
  group.run_for(Millis(200));
  EXPECT_TRUE(group["a"].in_sync("b"));
}

}  // namespace
}  // namespace lace::control
