// Who may connect, and what is said when listening fails.
#include <cstring>
#include <fstream>
#include <sstream>

#include <sys/stat.h>
#include <sys/un.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zmq.hpp>

#include "common/wire/envelope.h"
#include "tests/unit/net/running_loop.h"
#include "tests/unit/net/zmq_fixture.h"

namespace lace::net::test {
namespace {

using testing::HasSubstr;

TEST(LocalListening, IsForTheOwnerOnly) {
  ZmqLocal fixture;
  auto loop = fixture.servers().make_loop();
  ASSERT_TRUE(loop->listen(fixture.endpoint(1), echo));
  struct stat about {};
  ASSERT_EQ(stat(fixture.path(1).c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, mode_t{0600});
}

TEST(LocalListening, RemovesItsSocketAtTheEnd) {
  ZmqLocal fixture;
  auto loop = fixture.servers().make_loop();
  ASSERT_TRUE(loop->listen(fixture.endpoint(1), echo));
  loop.reset();
  EXPECT_FALSE(std::filesystem::exists(fixture.path(1)));
}

TEST(LocalListening, IsRefusedWhereSomebodyListens) {
  ZmqLocal fixture;
  auto first = fixture.servers().make_loop();
  ASSERT_TRUE(first->listen(fixture.endpoint(1), echo));
  auto second = fixture.servers().make_loop();
  const Status listening = second->listen(fixture.endpoint(1), echo);
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().code, Code::busy);
  EXPECT_THAT(listening.error().what, HasSubstr(fixture.path(1)));
}

TEST(LocalListening, ReplacesASocketThatNobodyAnswersAt) {
  ZmqLocal fixture;
  zmq::context_t context;
  {
    // What a killed server leaves behind.
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = fixture.path(1);
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    close(fd);
  }
  auto loop = fixture.servers().make_loop();
  EXPECT_TRUE(loop->listen(fixture.endpoint(1), echo));
}

TEST(LocalListening, NeverReplacesAnotherFile) {
  ZmqLocal fixture;
  std::ofstream(fixture.path(1)) << "precious";
  auto loop = fixture.servers().make_loop();
  EXPECT_EQ(loop->listen(fixture.endpoint(1), echo).error().code, Code::exists);
  std::stringstream content;
  content << std::ifstream(fixture.path(1)).rdbuf();
  EXPECT_EQ(content.str(), "precious");
}

TEST(LocalListening, SaysWhatIsWrongWithThePath) {
  ZmqLocal fixture;
  auto loop = fixture.servers().make_loop();
  EXPECT_EQ(loop->listen({"ipc:///no/such/directory/x", ""}, echo).error().code, Code::no_entry);
  EXPECT_EQ(loop->listen({"ipc:///" + std::string(200, 'x'), ""}, echo).error().code, Code::name_too_long);
  EXPECT_EQ(loop->listen({"http://x", ""}, echo).error().code, Code::invalid);
}

// ---------------------------------------------------------------- tcp

TEST(RemoteListening, WithoutKeysIsRefusedWithTheRemedy) {
  ZmqLocal fixture;
  auto loop = fixture.servers().make_loop();
  const Status listening = loop->listen({"tcp://127.0.0.1:" + std::to_string(free_port()), ""}, echo);
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().code, Code::denied);
  EXPECT_THAT(listening.error().what, HasSubstr("lace key new NAME"));
}

TEST(RemoteListening, OnATakenPortIsBusy) {
  ZmqRemote fixture;
  auto first = fixture.servers().make_loop();
  ASSERT_TRUE(first->listen(fixture.endpoint(1), echo));
  auto second = fixture.servers().make_loop();
  const Status listening = second->listen(fixture.endpoint(1), echo);
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().code, Code::busy);
  EXPECT_THAT(listening.error().what, HasSubstr("port is taken"));
}

TEST(RemoteListening, ElsewhereThanOnThisMachineIsInvalid) {
  ZmqRemote fixture;
  auto loop = fixture.servers().make_loop();
  EXPECT_EQ(loop->listen({"tcp://192.0.2.1:7400", ""}, echo).error().code, Code::invalid);
}

class Keyed : public testing::Test {
 protected:
  Keyed() {
    EXPECT_TRUE(server_->listen(at_, [this](Incoming incoming, Responder responder) {
      key_seen_ = incoming.peer.key;
      local_seen_ = incoming.peer.local;
      echo(std::move(incoming), std::move(responder));
    }));
    server_.start();
  }
  Result<Answer> ask_with(const KeyPair& keys, const wire::Endpoint& at) {
    ZmqNetwork network(clock_, {.keys = keys, .admit = {}});
    return network.make_caller()->call(at, numbered(1), plenty);
  }

  SystemClock clock_;
  ZmqRemote fixture_;
  const wire::Endpoint at_ = fixture_.endpoint(1);
  std::string key_seen_;
  bool local_seen_ = true;
  RunningLoop server_{fixture_.servers().make_loop()};
};

TEST_F(Keyed, AnAdmittedKeyIsServedAndSeen) {
  ASSERT_TRUE(ask_with(fixture_.client_key(), at_));
  server_.end();
  EXPECT_EQ(key_seen_, fixture_.client_key().public_key);
  EXPECT_FALSE(local_seen_);
}

TEST_F(Keyed, AnUnknownKeyIsDeniedAndCounted) {
  const auto answer = ask_with(make_key_pair(), at_);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::denied);
  EXPECT_THAT(answer.error().what, HasSubstr("--admit"));
  EXPECT_GE(fixture_.servers().counters().refused_keys, 1u);
  server_.end();
  EXPECT_EQ(key_seen_, "");
}

TEST_F(Keyed, AKeyWithoutItsSecretIsNotServed) {
  const auto answer = ask_with({fixture_.client_key().public_key, make_key_pair().secret_key}, at_);
  ASSERT_FALSE(answer);
  server_.end();
  EXPECT_EQ(key_seen_, "");
}

TEST_F(Keyed, AnotherServersKeyIsNotTalkedTo) {
  const auto answer = ask_with(fixture_.client_key(), {at_.url, make_key_pair().public_key});
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().code, Code::unknown);
  server_.end();
  EXPECT_EQ(key_seen_, "");
}

TEST_F(Keyed, AskingWithoutAKeyOfOnesOwnOrTheServersIsDenied) {
  ZmqNetwork plain(clock_);
  EXPECT_EQ(plain.make_caller()->call(at_, numbered(1), plenty).error().code, Code::denied);
  EXPECT_EQ(ask_with(fixture_.client_key(), {at_.url, ""}).error().code, Code::denied);
}

TEST_F(Keyed, APlainClientIsNotServed) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::dealer);
  socket.set(zmq::sockopt::linger, 0);
  // Whichever side sees first that the other speaks another way ends the connection.
  ASSERT_EQ(
      zmq_socket_monitor(socket.handle(), "inproc://events", ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL), 0);
  zmq::socket_t events(context, zmq::socket_type::pair);
  events.set(zmq::sockopt::rcvtimeo, static_cast<int>(plenty.count()));
  events.set(zmq::sockopt::rcvhwm, 0);
  events.connect("inproc://events");
  socket.connect(at_.url);
  wire::Envelope envelope;
  envelope.kind = wire::Kind::lookup;
  socket.send(zmq::buffer(wire::encode(envelope)), zmq::send_flags::sndmore);
  socket.send(zmq::buffer(std::string("body")), zmq::send_flags::sndmore);
  socket.send(zmq::buffer(std::string()), zmq::send_flags::none);
  zmq::message_t event;
  EXPECT_TRUE(events.recv(event)) << "the handshake neither failed nor ended";
  EXPECT_EQ(fixture_.servers().counters().received, 0u);
  zmq_socket_monitor(socket.handle(), nullptr, 0);
  EXPECT_TRUE(ask_with(fixture_.client_key(), at_));
}

TEST(Keys, AreMadeDifferentEachTime) {
  const KeyPair first = make_key_pair();
  const KeyPair second = make_key_pair();
  EXPECT_EQ(first.public_key.size(), 40u);
  EXPECT_EQ(first.secret_key.size(), 40u);
  EXPECT_NE(first.public_key, second.public_key);
  EXPECT_NE(first.secret_key, second.secret_key);
}

}  // namespace
}  // namespace lace::net::test
