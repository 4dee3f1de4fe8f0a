// A control server with its namespace in a temporary directory, storage servers that are fakes, and clients that are plain
// askers: all in one process and in virtual time.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "control/control.h"
#include "tests/unit/control/fake_storage.h"

namespace lace::control {

class ClusterTest : public testing::Test {
 protected:
  explicit ClusterTest(uint64_t seed = 1);
  ~ClusterTest() override;

  void start_control();
  void kill_control();
  void restart_control() {
    kill_control();
    start_control();
  }
  FakeStorage& start_storage(int number, bool wait = true);
  void kill_storage(int number);
  FakeStorage& storage(int number) { return *storages_.at(number); }
  FakeDisk& disk(int number) { return disks_[number]; }
  ServerId id_of(int number) { return disks_.at(number).server; }

  // A question by a client, answered in virtual time.
  template <class Message>
  Result<typename Message::Reply> ask(const Message& message, Millis timeout = Millis(30'000),
                                      const std::string& who = "client") {
    auto answered = net::call<Message>(caller(who), control_endpoint, message, timeout);
    if (!answered) return pass(answered);
    return std::move(answered->reply);
  }
  net::Caller& caller(const std::string& who, net::Peer peer = {true, ""});

  wire::OpenSessionReply open(wire::OpenSession message = {"host", "/mnt", 1, "/", false}, const std::string& who = "client");
  SessionId open_id() { return open().session; }
  // One operation in slot 0, numbered on.
  Result<wire::OperationResult> apply(SessionId session, wire::Operation operation, const std::string& who = "client");
  wire::Attributes make_file(SessionId session, const std::string& name, InodeId parent = root_inode);
  wire::BlockInfo allocate(SessionId session);
  // A file of `length` bytes that lie at the start of `block`.
  wire::Attributes make_file_on(SessionId session, const std::string& name, BlockId block, uint64_t length = 65'536);
  wire::BlockInfo block(BlockId id);
  bool until(const std::function<bool()>& done, Millis limit) { return simulation.run_until(done, limit); }
  std::string health();
  // Renews the session now and then while virtual time passes.
  void keep_alive(SessionId session, Millis time);

  const std::filesystem::path& directory() const { return directory_; }

  sim::Simulation simulation;
  ControlOptions options;
  std::function<PeerRights(const net::Peer&)> rights = [](const net::Peer& peer) {
    return peer.local ? PeerRights{true, true, false, "/"} : PeerRights{};
  };
  const wire::Endpoint control_endpoint{"ipc:///sim/control", ""};
  std::unique_ptr<Control> control;

 private:
  std::filesystem::path directory_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<net::Loop> loop_;
  std::map<int, FakeDisk> disks_;
  std::map<int, std::unique_ptr<FakeStorage>> storages_;
  std::map<std::string, std::unique_ptr<net::Caller>> callers_;
  std::map<SessionId, uint64_t> numbers_;
};

}  // namespace lace::control
