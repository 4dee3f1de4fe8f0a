// A group of control servers in one process and in virtual time, with its record in memory, and a client that asks whoever is
// the master.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "control/group/member.h"
#include "tests/lib/sim_transport.h"

namespace lace::control {

// The register as all see it.
struct SharedRecord {
  std::optional<Stored> stored;
  uint64_t revisions = 0;
  std::set<std::string> away;  // for these members
  uint64_t unsure_one_in = 0;  // so many swaps are done without an answer; 0: none
  uint64_t swaps = 0;
};

class MemoryRegister final : public Register {
 public:
  MemoryRegister(net::Loop& loop, SharedRecord& shared, std::string member)
      : loop_(loop), shared_(shared), member_(std::move(member)) {}
  void read(ReadDone done) override;
  void swap(uint64_t revision, const wire::GroupRecord& record, SwapDone done) override;

 private:
  net::Loop& loop_;
  SharedRecord& shared_;
  const std::string member_;
};

class GroupTest : public testing::Test {
 protected:
  explicit GroupTest(uint64_t seed = 1);
  ~GroupTest() override;

  void start(int number);
  void kill(int number);
  void freeze(int number) { simulation.freeze(name_of(number)); }
  void thaw(int number) { simulation.thaw(name_of(number)); }
  // All of them, until they are in sync.
  void make(int count);
  bool until(const std::function<bool()>& done, Millis limit);
  void run_for(Millis time);
  bool all_in_sync(size_t count);
  // Who may speak now; 0: nobody.
  int master();
  Member& member(int number) { return *nodes_.at(number)->member; }
  static std::string name_of(int number) { return "control-" + std::to_string(number); }
  std::string directory_of(int number) { return (directory_ / name_of(number)).string(); }

  // Asks the members in turn until one answers, like a client.
  template <class Message>
  Result<typename Message::Reply> ask(const Message& message, Millis limit = Millis(20'000)) {
    const Instant end = simulation.now() + limit;
    for (;;) {
      auto answered = net::call<Message>(*caller_, endpoint_of(asked_), message, Millis(1'000));
      restart_those_that_ended();
      if (answered) return std::move(answered->reply);
      const Code code = answered.error().code;
      if ((code != Code::unavailable && code != Code::unknown) || simulation.now() >= end) return pass(answered);
      asked_ = asked_ % most_ + 1;
      run_for(Millis(20));
    }
  }
  SessionId open_session();
  // Exactly once, whatever happens meanwhile.
  Result<wire::OperationResult> apply(SessionId session, wire::Operation operation);
  InodeId make_file(SessionId session, const std::string& name);
  std::vector<std::string> names_in_root(SessionId session);
  // Stops all, and looks whether they hold the same.
  void expect_same_everywhere(int count);

  sim::Simulation simulation;
  SharedRecord shared;
  uint64_t log_bytes = uint64_t{64} << 20;
  std::map<int, std::string> refused;  // why a member gave up
  int starts = 0;

 private:
  struct Node {
    std::unique_ptr<metrics::Registry> registry;
    std::unique_ptr<net::Loop> loop;
    std::unique_ptr<MemoryRegister> record;
    std::unique_ptr<Member> member;
    bool starts_again = false;
  };
  static wire::Endpoint endpoint_of(int number) { return {"ipc:///sim/" + name_of(number), ""}; }
  MemberProcess process_of(int number, Node& node);
  Credentials credentials();
  void restart_those_that_ended();

  std::filesystem::path directory_;
  std::map<int, std::unique_ptr<Node>> nodes_;
  std::unique_ptr<net::Caller> caller_;
  std::map<SessionId, uint64_t> numbers_;
  int asked_ = 1;
  int most_ = 1;
};

}  // namespace lace::control
