// Several storage servers over disks that forget, and a control that does what the test says, in one process and virtual time.
#pragma once

#include <map>
#include <optional>

#include <gtest/gtest.h>

#include "common/access/tokens.h"
#include "common/disk/forgetful_disk.h"
#include "common/wire/control_messages.h"
#include "storage/storage.h"
#include "tests/lib/sim_transport.h"

namespace lace::storage {

inline wire::Endpoint endpoint_of(const std::string& name) { return {"ipc:///" + name, ""}; }

// Answers registrations, reports and heartbeats; counts what it hears.
class FakeControl {
 public:
  explicit FakeControl(sim::Simulation& simulation) : loop_(simulation.make_loop("control")) {
    const Status heard = loop_->listen(
        endpoint_of("control"), [this](net::Incoming incoming, net::Responder reply) { answer(incoming, std::move(reply)); });
    EXPECT_TRUE(heard);
    loop_->set_term(term);
  }

  uint64_t term = 1;
  uint32_t lease_ms = 1'200;
  bool gives_leases = true;
  std::vector<SessionId> fenced;
  const std::string secret = std::string(access::secret_bytes, 's');
  std::map<std::string, wire::ServerInfo> servers;
  std::map<BlockId, wire::CopyReport> reported;  // last word on each copy, of any server
  std::vector<wire::ReportFailure> failures;
  std::function<Result<wire::BlockInfo>(const wire::ReportFailure&)> on_failure;
  int registrations = 0;
  wire::RepairLimits limits;
  uint64_t scrub_order = 0;

  net::Loop& loop() { return *loop_; }

 private:
  void answer(const net::Incoming& incoming, net::Responder reply) {
    switch (incoming.kind) {
      case wire::Kind::register_server: {
        const auto message = *wire::decode<wire::RegisterServer>(incoming.body);
        wire::ServerInfo& info = servers[message.name];
        if (info.server == ServerId{}) info.server = ServerId{static_cast<uint32_t>(servers.size())};
        info.name = message.name;
        info.endpoint = message.endpoint;
        ++registrations;
        return reply.answer(wire::RegisterServerReply{info.server, std::string(32, 'c'), term, secret});
      }
      case wire::Kind::report_copies: {
        const auto message = *wire::decode<wire::ReportCopies>(incoming.body);
        for (const wire::CopyReport& copy : message.copies) reported[copy.block] = copy;
        return reply.answer(wire::ReportCopiesReply{});
      }
      case wire::Kind::heartbeat: {
        const auto message = *wire::decode<wire::Heartbeat>(incoming.body);
        for (const wire::CopyReport& copy : message.changed) reported[copy.block] = copy;
        if (incoming.term != term) return reply.refuse(Code::fenced, "another term");
        wire::HeartbeatReply answer{term, gives_leases ? lease_ms : 0, {}, fenced, limits, scrub_order};
        for (const auto& [name, info] : servers) answer.servers.push_back(info);
        return reply.answer(answer);
      }
      case wire::Kind::report_failure: {
        const auto message = *wire::decode<wire::ReportFailure>(incoming.body);
        failures.push_back(message);
        if (!on_failure) return reply.refuse(Code::unavailable, "not told what to do");
        const auto info = on_failure(message);
        return info ? reply.answer(wire::BlocksReply{{*info}}) : reply.refuse(info.error());
      }
      default: return reply.refuse(Code::malformed, "not a question for control");
    }
  }

  std::unique_ptr<net::Loop> loop_;
};

class ServerClusterFixture : public testing::Test {
 protected:
  struct Node {
    disk::ForgetfulDisk disk;
    std::unique_ptr<net::Loop> loop;
    std::unique_ptr<Storage> storage;
    ServerId id{};
    std::string cluster;
  };

  ServerClusterFixture() : simulation_(1), control_(simulation_), caller_(simulation_.make_caller("client")) {}
  ~ServerClusterFixture() override {
    for (auto& [name, node] : nodes_) stop(name);
  }

  Node& start(const std::string& name) {
    auto& slot = nodes_[name];
    if (!slot) slot = std::make_unique<Node>();
    Node& node = *slot;
    node.loop = simulation_.make_loop(name);
    StorageOptions options;
    options.membership.name = name;
    options.membership.cluster = node.cluster;
    options.membership.server = node.id;
    options.membership.endpoint = endpoint_of(name);
    options.membership.controls = {endpoint_of("control")};
    options.membership.incarnation = ++incarnations_ * 1000;
    node.storage = std::make_unique<Storage>(*node.loop, node.disk, options, [&node](const std::string& cluster, ServerId id) {
      node.cluster = cluster;
      node.id = id;
      return Status();
    });
    EXPECT_TRUE(node.storage->open());
    EXPECT_TRUE(node.storage->listen(endpoint_of(name)));
    node.storage->start(nullptr);
    EXPECT_TRUE(simulation_.run_until([&] { return node.storage->membership().serving(); }, Millis(5'000)));
    simulation_.run_for(Millis(600));  // the others hear of it with their next heartbeat
    return node;
  }
  void stop(const std::string& name) {  // kill -9
    Node& node = *nodes_[name];
    if (!node.loop) return;
    simulation_.kill(name);
    node.storage.reset();
    node.loop.reset();
  }
  Node& node(const std::string& name) { return *nodes_[name]; }
  ServerId id(const std::string& name) { return nodes_[name]->id; }

  std::string token(SessionId session = SessionId{1}, BlockId block = BlockId{}) {
    const int64_t expires = simulation_.clock().wall().seconds + 3'600;
    return access::TokenMaker(control_.secret).make({session, block, access::may_read | access::may_write, expires});
  }
  // Of a confined session; rights as access::Rights.
  std::string token_for(std::vector<wire::PageRange> pages, uint8_t rights = access::may_read | access::may_write) {
    const int64_t expires = simulation_.clock().wall().seconds + 3'600;
    return access::TokenMaker(control_.secret).make({SessionId{1}, block_, rights, expires, std::move(pages)});
  }
  std::string seal_of(const wire::WriteBlock& message) {
    return access::TokenMaker(control_.secret).seal({message.block, message.epoch, message.in_sync, message.filling, {}});
  }
  std::string control_pass() {
    return access::PassMaker(control_.secret, access::Role::control, ServerId{}, simulation_.clock()).make();
  }

  template <class Message>
  Result<net::Answered<Message>> ask(const std::string& server, const Message& message, Bytes payload = {}) {
    return net::call(*caller_, endpoint_of(server), message, Millis(10'000), std::move(payload));
  }
  // As control does.
  template <class Message>
  Result<net::Answered<Message>> order(const std::string& server, Message message) {
    message.pass = control_pass();
    std::optional<Result<net::Answered<Message>>> result;
    net::call<Message>(control_.loop(), endpoint_of(server), message, Millis(10'000),
                       [&](Result<net::Answered<Message>> answer) { result = std::move(answer); });
    simulation_.run_until([&] { return result.has_value(); }, Millis(20'000));
    return *result;
  }

  wire::WriteBlock write_of(const std::vector<std::string>& members, uint64_t offset = 0, Epoch epoch = 1) {
    wire::WriteBlock message;
    message.token = token();
    message.block = block_;
    message.epoch = epoch;
    message.offset = offset;
    for (const std::string& member : members) message.in_sync.push_back(id(member));
    message.inode = InodeId{5};
    message.file_offset = offset;
    return message;
  }
  Status write(const std::vector<std::string>& members, uint64_t offset, const std::string& bytes, Epoch epoch = 1) {
    const auto answer = ask(members.front(), write_of(members, offset, epoch), Bytes(bytes));
    return answer ? Status() : pass(answer);
  }
  Result<std::string> read(const std::string& server, uint64_t offset, uint64_t length, Epoch epoch = 1) {
    const auto answer = ask(server, wire::ReadBlock{token(), block_, epoch, offset, length});
    if (!answer) return pass(answer);
    std::string bytes(length, '\0');
    std::string_view left = answer->payload.view();
    for (const wire::DataRange& range : answer->reply.data) {
      bytes.replace(range.offset - offset, range.length, left.substr(0, range.length));
      left.remove_prefix(range.length);
    }
    return bytes;
  }

  sim::Simulation simulation_;
  FakeControl control_;
  std::unique_ptr<net::Caller> caller_;
  std::map<std::string, std::unique_ptr<Node>> nodes_;
  uint64_t incarnations_ = 0;
  BlockId block_{0x77};
};

}  // namespace lace::storage
