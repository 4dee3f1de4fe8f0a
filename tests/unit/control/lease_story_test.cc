// Leases as mounts see them: given with answers, recalled for others, kept over a restart, ended with their session.
#include <sys/stat.h>

#include "tests/unit/control/cluster_fixture.h"

namespace lace::control {
namespace {

struct LeaseStory : ClusterTest {
  LeaseStory() { start_control(); }

  struct Mount {
    SessionId session{};
    std::string who;
    uint64_t seen = 0;
  };
  // The second one is let in once the first one has heard of it.
  Mount mount(const std::string& who) {
    const auto ticket = caller(who).start(
        control_endpoint, net::request_of(wire::OpenSession{"h", "/" + who, 1, "/", false, {}, 0, true}), Millis(30'000));
    simulation.run_for(Millis(10));
    for (Mount* other : mounts_) acknowledge(*other);
    const auto opened = net::decode_answer<wire::OpenSession>(caller(who).finish(ticket));
    EXPECT_TRUE(opened);
    return {opened ? opened->reply.session : SessionId{}, who, 0};
  }
  void know(Mount& mount) { mounts_.push_back(&mount); }
  std::vector<wire::Event> events(Mount& mount) {
    const auto reply = ask(wire::WaitEvents{mount.session, mount.seen, 0}, Millis(5'000), mount.who);
    return reply ? reply->events : std::vector<wire::Event>{};
  }
  std::vector<wire::Event> acknowledge(Mount& mount) {
    const auto heard = events(mount);
    if (heard.empty()) return heard;
    mount.seen = heard.back().number;
    EXPECT_TRUE(events(mount).empty());
    return heard;
  }
  Result<wire::AttributesReply> look_up(const Mount& mount, InodeId parent, const std::string& name) {
    return ask(wire::Lookup{mount.session, parent, name}, Millis(5'000), mount.who);
  }
  InodeId make_directory(const Mount& mount, const std::string& name) {
    wire::Create create;
    create.parent = root_inode;
    create.name = name;
    create.mode = S_IFDIR | 0755;
    const auto made = apply(mount.session, create, mount.who);
    EXPECT_TRUE(made);
    return made ? made->inode.inode : no_inode;
  }
  net::Caller::Ticket start_create(const Mount& mount, InodeId parent, const std::string& name, uint64_t number = 1) {
    wire::Create create;
    create.parent = parent;
    create.name = name;
    create.mode = S_IFREG | 0644;
    wire::Commit commit{mount.session, 5, number, {create}};
    return caller(mount.who).start(control_endpoint, net::request_of(commit), Millis(70'000));
  }
  Result<net::Answered<wire::Commit>> finish(const Mount& mount, net::Caller::Ticket ticket) {
    return net::decode_answer<wire::Commit>(caller(mount.who).finish(ticket));
  }
  static std::optional<wire::Lease> lease_on(const std::vector<wire::Lease>& leases, InodeId directory) {
    for (const wire::Lease& lease : leases) {
      if (lease.directory == directory) return lease;
    }
    return std::nullopt;
  }

 private:
  std::vector<Mount*> mounts_;
};

struct TwoMounts : LeaseStory {
  TwoMounts() {
    ann = mount("ann");
    directory = make_directory(ann, "d");
    know(ann);
    bob = mount("bob");
  }
  Mount ann, bob;
  InodeId directory{};
};

TEST_F(TwoMounts, TheOneThatLooksFirstMayChangeUntilTheOtherLooks) {
  const auto first = look_up(ann, root_inode, "d");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->home, directory);
  EXPECT_NE(lease_on(first->leases, root_inode)->exclusive, 0u);
  EXPECT_NE(lease_on(first->leases, directory)->exclusive, 0u);

  const auto ticket =
      caller("bob").start(control_endpoint, net::request_of(wire::Lookup{bob.session, root_inode, "d"}), Millis(5'000));
  simulation.run_for(Millis(100));
  const auto heard = acknowledge(ann);
  ASSERT_EQ(heard.size(), 2u);
  for (const wire::Event& event : heard) EXPECT_EQ(event.kind, wire::EventKind::lease_shared);
  EXPECT_GE(heard[0].lease, lease_on(first->leases, root_inode)->exclusive);
  const auto second = net::decode_answer<wire::Lookup>(caller("bob").finish(ticket));
  ASSERT_TRUE(second);
  ASSERT_TRUE(look_up(bob, root_inode, "d"));
  EXPECT_EQ(control->leases.count().exclusive, 0u);
}

TEST_F(TwoMounts, AChangeWaitsUntilAllOthersHaveGivenTheirLeasesBack) {
  ASSERT_TRUE(ask(wire::ReadDirectory{ann.session, directory, 0, 100, true}, Millis(5'000), "ann"));
  ASSERT_EQ(control->leases.count(ann.session).all, 1u);
  const auto ticket = start_create(bob, directory, "f");
  simulation.run_for(Millis(500));
  EXPECT_EQ(ask(wire::Lookup{ann.session, directory, "f"}, Millis(5'000), "ann").error().code, Code::no_entry);
  const auto heard = acknowledge(ann);
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].kind, wire::EventKind::lease_ended);
  EXPECT_EQ(InodeId{heard[0].value}, directory);
  const auto made = finish(bob, ticket);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->reply.results.at(0).outcome.code, 0);
  EXPECT_NE(lease_on(made->reply.leases, directory)->exclusive, 0u) << "it may go on alone";
}

TEST_F(TwoMounts, WhatALogTellsWaitsForNobody) {
  ASSERT_TRUE(ask(wire::ReadDirectory{ann.session, directory, 0, 100, true}, Millis(5'000), "ann"));
  const auto waits = caller("bob").start(
      control_endpoint, net::request_of(wire::ReadDirectory{bob.session, directory, 0, 100, true}), Millis(5'000));
  simulation.run_for(Millis(50));
  wire::Create create;
  create.parent = directory;
  create.name = "decided";
  create.mode = S_IFDIR | 0755;
  create.inode = numbered_by(ann.session, 1);
  ASSERT_TRUE(ask(wire::Commit{ann.session, 0, 2, {create}, true}, Millis(5'000), "ann"));
  acknowledge(ann);
  const auto listed = net::decode_answer<wire::ReadDirectory>(caller("bob").finish(waits));
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->reply.entries.size(), 1u);
  EXPECT_EQ(listed->reply.entries[0].attributes.inode, no_inode) << "its maker may be changing it";
}

TEST_F(TwoMounts, AHolderThatDoesNotAnswerIsFencedAfterItsLease) {
  ASSERT_TRUE(ask(wire::ReadDirectory{ann.session, directory, 0, 100, true}, Millis(5'000), "ann"));
  const Instant before = simulation.now();
  const auto ticket = start_create(bob, directory, "f");
  while (simulation.now() < before + Millis(17'000)) {
    keep_alive(bob.session, Millis(1'000));
    if (control->sessions.find(ann.session) == nullptr) break;
  }
  EXPECT_GE(simulation.now() - before, options.timing.session_lease - Millis(2'000));
  ASSERT_TRUE(finish(bob, ticket));
  EXPECT_EQ(control->leases.count(ann.session).all, 0u);
}

TEST_F(TwoMounts, AHolderThatLivesAndDoesNotGiveALeaseBackIsFencedInTheEnd) {
  ASSERT_TRUE(ask(wire::ReadDirectory{ann.session, directory, 0, 100, true}, Millis(5'000), "ann"));
  const auto ticket = start_create(bob, directory, "f");
  const Instant before = simulation.now();
  while (simulation.now() < before + options.timing.recall_patience + Millis(3'000)) {
    static_cast<void>(ask(wire::RenewSession{ann.session}, Millis(5'000), "ann"));
    keep_alive(bob.session, Millis(1'000));
  }
  EXPECT_EQ(control->sessions.find(ann.session), nullptr);
  ASSERT_TRUE(finish(bob, ticket));
}

TEST_F(TwoMounts, AfterARestartNobodyGetsAheadOfWhoHasALease) {
  const auto lease = lease_on(look_up(ann, root_inode, "d")->leases, directory);
  ASSERT_TRUE(lease);
  restart_control();
  wire::ResumeSession again{bob.session, {}, {}, {}};
  ASSERT_TRUE(ask(again, Millis(5'000), "bob"));
  bob.seen = ann.seen = 0;
  const auto ticket = caller("bob").start(
      control_endpoint, net::request_of(wire::ReadDirectory{bob.session, directory, 0, 100, false}), Millis(10'000));
  simulation.run_for(Millis(1'000));
  EXPECT_EQ(control->leases.waiting(), 1u);
  again = {ann.session, {}, {}, {*lease}};
  const auto resumed = ask(again, Millis(5'000), "ann");
  ASSERT_TRUE(resumed);
  EXPECT_GT(resumed->leases, lease->exclusive);
  simulation.run_for(Millis(100));
  EXPECT_EQ(control->leases.waiting(), 1u) << "it is still ann's";
  const auto heard = acknowledge(ann);
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].kind, wire::EventKind::lease_shared);
  EXPECT_TRUE(net::decode_answer<wire::ReadDirectory>(caller("bob").finish(ticket)));
}

TEST_F(TwoMounts, AfterARestartTheEndOfASilentSessionIsWaitedFor) {
  restart_control();
  ASSERT_TRUE(ask(wire::ResumeSession{bob.session, {}, {}, {}}, Millis(5'000), "bob"));
  const auto ticket = start_create(bob, directory, "f", 1);
  const Instant before = simulation.now();
  while (control->sessions.size() > 1 && simulation.now() < before + Millis(20'000)) keep_alive(bob.session, Millis(500));
  EXPECT_GE(simulation.now() - before, options.timing.session_lease - Millis(1'000));
  EXPECT_TRUE(finish(bob, ticket));
}

TEST_F(TwoMounts, WhoIsAloneAgainHasTheWholeTreeAndNoLeases) {
  ASSERT_TRUE(look_up(bob, root_inode, "d"));
  EXPECT_GT(control->leases.count(bob.session).all, 0u);
  ASSERT_TRUE(ask(wire::CloseSession{ann.session}, Millis(5'000), "ann"));
  const auto heard = events(bob);
  ASSERT_FALSE(heard.empty());
  EXPECT_EQ(heard.back().kind, wire::EventKind::sole_again);
  EXPECT_EQ(control->leases.count().all, 0u);
  const auto status = ask(wire::ClusterStatus{});
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->sessions.at(0).sole);
}

TEST_F(TwoMounts, TheLeaseOfARemovedDirectoryIsGone) {
  ASSERT_TRUE(ask(wire::ReadDirectory{ann.session, directory, 0, 100, true}, Millis(5'000), "ann"));
  ASSERT_EQ(control->leases.count(ann.session).all, 1u);
  wire::Commit commit{ann.session, 0, 2, {wire::Remove{root_inode, "d", true, {}, false}}};
  ASSERT_TRUE(ask(commit, Millis(5'000), "ann"));
  EXPECT_EQ(control->leases.count(ann.session).exclusive, 1u) << "that on the root, which it changed";
  EXPECT_FALSE(control->leases.is_changed_by_other(bob.session, directory));
}

// It may be holding back what the other one waits for.
TEST_F(TwoMounts, WhoSharesDoesNotWaitLongForALease) {
  const auto from = make_file(bob.session, "from");
  const auto to = make_file(ann.session, "to", directory);
  ASSERT_TRUE(ask(wire::ReadDirectory{ann.session, directory, 0, 100, true}, Millis(5'000), "ann"));
  const wire::Share share{to.inode, 0, from.inode, 0, page_bytes, {5'000, 0}};
  const Instant before = simulation.now();
  const auto ticket =
      caller("bob").start(control_endpoint, net::request_of(wire::Commit{bob.session, 5, 1, {share}}), Millis(30'000));
  const auto answer = finish(bob, ticket);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::try_again);
  EXPECT_LT(simulation.now() - before, Millis(4'000));
}

struct WithASnapshot : TwoMounts {
  net::Caller::Ticket start_snapshot(const std::string& name) {
    const wire::CopyTree copy{directory, no_inode, name, {5'000, 0}};
    return caller("ann").start(control_endpoint, net::request_of(wire::Commit{ann.session, 6, ++number, {copy}}),
                               Millis(70'000));
  }
  InodeId make_snapshot(const std::string& name) {
    const auto ticket = start_snapshot(name);
    simulation.run_for(Millis(50));
    acknowledge(bob);
    simulation.run_for(Millis(50));
    acknowledge(bob);
    const auto made = finish(ann, ticket);
    EXPECT_TRUE(made);
    return made ? made->reply.results.at(0).inode.inode : no_inode;
  }
  uint64_t number = 0;
};

TEST_F(WithASnapshot, NobodyHasALeaseInIt) {
  make_file(ann.session, "f", directory);
  const InodeId top = make_snapshot("one");
  const auto listed = ask(wire::ReadDirectory{bob.session, top, 0, 100, true}, Millis(5'000), "bob");
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->entries.size(), 1u);
  EXPECT_TRUE(listed->leases.empty());
  const auto found = look_up(bob, top, "f");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->leases.empty());
  EXPECT_EQ(found->home, no_inode) << "so that control is told who has it open";
}

TEST_F(WithASnapshot, TheFirstOneChangesTheRoot) {
  ASSERT_TRUE(ask(wire::ReadDirectory{bob.session, root_inode, 0, 100, true}, Millis(5'000), "bob"));
  const auto ticket = start_snapshot("one");
  simulation.run_for(Millis(50));
  const auto heard = acknowledge(bob);
  ASSERT_FALSE(heard.empty());
  EXPECT_EQ(heard[0].kind, wire::EventKind::lease_ended);
  EXPECT_EQ(heard[0].value, raw(root_inode));
  simulation.run_for(Millis(50));
  acknowledge(bob);
  ASSERT_TRUE(finish(ann, ticket));
}

TEST_F(TwoMounts, AccessTimesTakeNoLease) {
  const auto file = make_file(ann.session, "f", directory);
  ASSERT_TRUE(ask(wire::ReadDirectory{ann.session, directory, 0, 100, true}, Millis(5'000), "ann"));
  wire::SetAttributes read;
  read.inode = file.inode;
  read.set = wire::SetAttributes::set_accessed | wire::SetAttributes::keep_changed;
  read.accessed = {5, 0};
  ASSERT_TRUE(ask(wire::Commit{bob.session, 5, 1, {read}}, Millis(1'000), "bob"));
  EXPECT_TRUE(events(ann).empty());
}

TEST_F(TwoMounts, AClaimMayWaitForACommitWhenControlStops) {
  const auto needs = [this] { return std::vector{LeaseTable::Need{directory, LeaseTable::Access::change}}; };
  auto claim = control->leases.claim(bob.session, needs);
  ASSERT_NE(claim, nullptr);
  control->group.add([](Namespace&) { return Status{}; }, [claim = std::move(claim)](const Status&) {});
  restart_control();
  EXPECT_EQ(control->leases.count().all, 0u);
}

}  // namespace
}  // namespace lace::control
