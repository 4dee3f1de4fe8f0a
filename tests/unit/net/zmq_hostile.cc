// What strangers may send: it is refused and counted, and those who behave are served on.
#include <cstring>
#include <random>

#include <sys/socket.h>
#include <sys/un.h>

#include <gtest/gtest.h>
#include <zmq.hpp>

#include "common/wire/envelope.h"
#include "tests/unit/net/running_loop.h"
#include "tests/unit/net/zmq_fixture.h"

namespace lace::net::test {
namespace {

class Hostile : public testing::Test {
 protected:
  Hostile() {
    EXPECT_TRUE(server_->listen(at_, [this](Incoming incoming, Responder responder) {
      ++handled_;
      echo(std::move(incoming), std::move(responder));
    }));
    server_.start();
  }
  uint64_t malformed() { return fixture_.servers().counters().malformed; }
  void wait_for_malformed(uint64_t count) {
    const Instant end = clock_.now() + plenty;
    while (malformed() < count && clock_.now() < end) std::this_thread::yield();
    EXPECT_GE(malformed(), count);
  }
  void expect_service() {
    auto caller = fixture_.clients().make_caller();
    const auto answer = caller->call(at_, numbered(1), plenty);
    EXPECT_TRUE(answer) << answer.error().what;
  }
  zmq::socket_t dealer() {
    zmq::socket_t socket(context_, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvtimeo, static_cast<int>(plenty.count()));
    socket.connect(at_.url);
    return socket;
  }
  static void send(zmq::socket_t& socket, const std::vector<std::string>& frames) {
    for (size_t i = 0; i < frames.size(); ++i) {
      socket.send(zmq::buffer(frames[i]), i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
    }
  }
  static wire::Envelope receive(zmq::socket_t& socket) {
    zmq::message_t envelope;
    zmq::message_t other;
    EXPECT_TRUE(socket.recv(envelope));
    for (bool more = envelope.more(); more; more = other.more()) EXPECT_TRUE(socket.recv(other));
    const auto decoded = wire::decode<wire::Envelope>(envelope.to_string_view());
    EXPECT_TRUE(decoded);
    return decoded.value_or(wire::Envelope{});
  }
  static std::string envelope(uint64_t request, wire::Kind kind = wire::Kind::get_attributes) {
    wire::Envelope made;
    made.kind = kind;
    made.request = request;
    made.deadline_ms = 1000;
    return wire::encode(made);
  }
  void send_raw(const std::string& bytes) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = fixture_.path(1);
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    [[maybe_unused]] const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    close(fd);
  }

  SystemClock clock_;
  ZmqLocal fixture_;
  const wire::Endpoint at_ = fixture_.endpoint(1);
  zmq::context_t context_;
  std::atomic<int> handled_{0};
  RunningLoop server_{fixture_.servers().make_loop()};
};

TEST_F(Hostile, WrongNumbersOfFramesAreRefusedAndCounted) {
  auto socket = dealer();
  const std::vector<std::vector<std::string>> messages = {
      {envelope(1)}, {envelope(2), "body"}, {envelope(3), "body", "payload", "more"}};
  for (size_t i = 0; i < messages.size(); ++i) {
    send(socket, messages[i]);
    const wire::Envelope answer = receive(socket);
    EXPECT_EQ(answer.request, i + 1);
    EXPECT_EQ(static_cast<Code>(answer.outcome.code), Code::malformed);
    EXPECT_EQ(malformed(), i + 1);
  }
  EXPECT_EQ(handled_, 0);
  expect_service();
}

TEST_F(Hostile, ThousandsOfFramesInOneMessageAreDropped) {
  auto socket = dealer();
  std::vector<std::string> frames(10'000, "x");
  frames[0] = envelope(1);
  send(socket, frames);
  EXPECT_EQ(static_cast<Code>(receive(socket).outcome.code), Code::malformed);
  expect_service();
}

TEST_F(Hostile, EnvelopesThatAreNoneAreCounted) {
  auto socket = dealer();
  send(socket, {"garbage", "body", ""});
  send(socket, {"", "", ""});
  send(socket, {std::string(100'000, '\xff'), "", ""});
  wait_for_malformed(3);
  EXPECT_EQ(handled_, 0);
  expect_service();
}

TEST_F(Hostile, AnotherProtocolAndUnknownKindsAreRefused) {
  auto socket = dealer();
  wire::Envelope other;
  other.protocol = 99;
  other.kind = wire::Kind::lookup;
  other.request = 5;
  send(socket, {wire::encode(other), "", ""});
  EXPECT_EQ(static_cast<Code>(receive(socket).outcome.code), Code::malformed);
  send(socket, {envelope(6, static_cast<wire::Kind>(9999)), "", ""});
  EXPECT_EQ(static_cast<Code>(receive(socket).outcome.code), Code::malformed);
  send(socket, {envelope(7, wire::Kind::reply), "", ""});  // not answered: two servers could answer each other for ever
  wait_for_malformed(3);
  EXPECT_EQ(handled_, 0);
  expect_service();
}

TEST_F(Hostile, FramesThatAreTooLargeAreRefusedOrEndTheConnection) {
  auto socket = dealer();
  send(socket, {envelope(1), "", std::string((size_t{16} << 20) + 1, 'x')});
  EXPECT_EQ(static_cast<Code>(receive(socket).outcome.code), Code::malformed);
  auto other = dealer();
  send(other, {envelope(1), "", std::string(size_t{40} << 20, 'x')});
  EXPECT_EQ(handled_, 0);
  expect_service();
}

TEST_F(Hostile, RepliesThatAreNoneAreCountedByTheAsker) {
  zmq::socket_t router(context_, zmq::socket_type::router);
  router.set(zmq::sockopt::linger, 0);
  const wire::Endpoint at = fixture_.endpoint(2);
  router.bind(at.url);
  auto caller = fixture_.clients().make_caller();
  const auto ticket = caller->start(at, numbered(1), plenty);
  zmq::message_t id;
  zmq::message_t envelope_frame;
  zmq::message_t other;
  ASSERT_TRUE(router.recv(id));
  ASSERT_TRUE(router.recv(envelope_frame));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(router.recv(other));
  const std::string to = id.to_string();
  const auto request = wire::decode<wire::Envelope>(envelope_frame.to_string_view()).value().request;
  send(router, {to, "garbage", "", ""});
  send(router, {to, envelope(request, wire::Kind::reply)});
  send(router, {to, envelope(request, wire::Kind::lookup), "", ""});
  send(router, {to, envelope(request + 1000, wire::Kind::reply), "stray", ""});
  send(router, {to, envelope(request, wire::Kind::reply), "good", ""});
  const auto answer = caller->finish(ticket);
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->body, "good");
  EXPECT_EQ(fixture_.clients().counters().malformed, 3u);
}

TEST_F(Hostile, RawBytesOnTheSocketLeaveTheServerAlive) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 200; ++i) {
    std::string bytes(random() % 300, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    if (i % 4 == 1) bytes = std::string("\xff\0\0\0\0\0\0\0\x01\x7f", 10) + bytes;            // a greeting begins so
    if (i % 4 == 2) bytes = std::string("\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL", 16) + bytes;  // and goes on so
    send_raw(bytes);
  }
  expect_service();
}

TEST_F(Hostile, AWrongHandshakeIsCounted) {
  const std::string greeting =
      std::string("\xff\0\0\0\0\0\0\0\x01\x7f\x03\0", 12) + std::string("NONSENSE") + std::string(44, '\0');
  send_raw(greeting + std::string(100, 'x'));
  wait_for_malformed(1);
  expect_service();
}

TEST_F(Hostile, MutatedMessagesNeverStopTheServer) {
  auto socket = dealer();
  std::mt19937_64 random(3);
  const std::string good = envelope(1);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = good;
    for (uint64_t n = random() % 4; n-- > 0;) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 4 == 0) bytes.resize(random() % (bytes.size() + 1));
    send(socket, {bytes, "body", ""});
  }
  expect_service();
}

TEST_F(Hostile, SilentConnectionsDoNotKeepOthersOut) {
  std::vector<int> idle;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = fixture_.path(1);
  std::memcpy(address.sun_path, path.data(), path.size());
  for (int i = 0; i < 100; ++i) {
    idle.push_back(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(connect(idle.back(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  expect_service();
  for (const int fd : idle) close(fd);
}

}  // namespace
}  // namespace lace::net::test
