// Before pages are shared, all other mounts have stopped writing.
#include "tests/unit/control/cluster_fixture.h"

namespace lace::control {
namespace {

class SharingStory : public ClusterTest {
 protected:
  SharingStory() {
    start_control();
    for (int number : {1, 2}) start_storage(number);
    mine_ = open_id();
    net::Caller& second = caller("second");
    const auto ticket =
        second.start(control_endpoint, net::request_of(wire::OpenSession{"h", "/m", 2, "/", false}), Millis(30'000));
    simulation.run_for(Millis(10));
    acknowledge(mine_, "client");
    const auto opened = net::decode_answer<wire::OpenSession>(second.finish(ticket));
    EXPECT_TRUE(opened);
    other_ = opened ? opened->reply.session : SessionId{};
    from_ = make_file_on(mine_, "from", allocate(mine_).block);
    to_ = make_file(mine_, "to");
  }

  // What the mount is told beyond what it acknowledged.
  std::vector<wire::Event> events(SessionId session, const std::string& who) {
    const auto told = ask(wire::WaitEvents{session, seen_[session], 0}, Millis(5'000), who);
    EXPECT_TRUE(told);
    return told ? told->events : std::vector<wire::Event>{};
  }
  void acknowledge(SessionId session, const std::string& who) {
    const auto told = events(session, who);
    if (!told.empty()) seen_[session] = told.back().number;
    events(session, who);
  }
  net::Caller::Ticket start(wire::Operation operation) {
    const wire::Commit commit{mine_, 1, ++number_, {std::move(operation)}};
    return caller("sharing").start(control_endpoint, net::request_of(commit), Millis(60'000));
  }
  Result<net::Answered<wire::Commit>> finish(net::Caller::Ticket ticket) {
    return net::decode_answer<wire::Commit>(caller("sharing").finish(ticket));
  }
  wire::Share share() { return {to_.inode, 0, from_.inode, 0, 65'536, {5'000, 0}}; }
  bool is_shared() {
    const auto extents = control->names->extents(to_.inode, 0, max_file_bytes, 10);
    return extents && !extents->extents.empty() && extents->extents.front().shared;
  }

  SessionId mine_{};
  SessionId other_{};
  wire::Attributes from_;
  wire::Attributes to_;
  std::map<SessionId, uint64_t> seen_;
  uint64_t number_ = 0;
};

TEST_F(SharingStory, WaitsUntilOtherMountsHaveStoppedWriting) {
  const auto ticket = start(share());
  simulation.run_for(Millis(500));
  EXPECT_FALSE(is_shared());
  const auto told = events(other_, "second");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, wire::EventKind::hold_writes);
  acknowledge(other_, "second");
  ASSERT_TRUE(finish(ticket));
  EXPECT_TRUE(is_shared());
  const auto after = events(other_, "second");
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].kind, wire::EventKind::go_on);
  EXPECT_EQ(after[0].value, raw(from_.inode));
}

TEST_F(SharingStory, GivesUpWhenAnotherMountWritesOn) {
  const Instant before = simulation.now();
  const auto answer = finish(start(share()));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::try_again);
  EXPECT_LT(simulation.now() - before, Millis(3'000));
  EXPECT_FALSE(is_shared());
  const auto told = events(other_, "second");
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1].kind, wire::EventKind::go_on);
  acknowledge(other_, "second");
  // The number was not used.
  --number_;
  const auto ticket = start(share());
  simulation.run_for(Millis(100));
  acknowledge(other_, "second");
  EXPECT_TRUE(finish(ticket));
}

TEST_F(SharingStory, CopiesATreeWhenAMountThatIsGoneCanWriteNoMore) {
  const auto ticket = start(wire::CopyTree{from_.inode, root_inode, "copy", {5'000, 0}});
  keep_alive(mine_, Millis(17'000));
  const auto answer = finish(ticket);
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->reply.results.at(0).outcome.code, 0);
  EXPECT_EQ(control->sessions.size(), 1u);
}

TEST_F(SharingStory, OneHoldIsEnoughForTwoThatShareAtOnce) {
  const auto first = start(share());
  const wire::Commit commit{mine_, 2, 1, {wire::CopyTree{from_.inode, root_inode, "copy", {5'000, 0}}}};
  net::Caller& more = caller("more");
  const auto second = more.start(control_endpoint, net::request_of(commit), Millis(60'000));
  simulation.run_for(Millis(100));
  EXPECT_EQ(events(other_, "second").size(), 1u);
  acknowledge(other_, "second");
  EXPECT_TRUE(finish(first));
  EXPECT_TRUE(net::decode_answer<wire::Commit>(more.finish(second)));
  const auto after = events(other_, "second");
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].value, 0u) << "extents of all inodes are void";
}

}  // namespace
}  // namespace lace::control
