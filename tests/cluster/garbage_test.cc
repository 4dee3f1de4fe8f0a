// Garbage on every socket of a running cluster: it is refused and counted, and the servers go on.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <set>

#include <zmq.h>

#include "common/wire/codec.h"
#include "common/wire/control_messages.h"
#include "common/wire/envelope.h"
#include "common/wire/storage_messages.h"
#include "tests/lib/cluster.h"

namespace lace::test {
namespace {

using Random = std::mt19937;

std::string random_bytes(Random& random, size_t length) {
  std::string bytes(length, 0);
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// What comes before anything is understood: bytes that are no ZeroMQ.
void send_raw(const std::string& path, const std::string& bytes) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(fd, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::copy(path.begin(), path.end(), address.sun_path);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << path;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  (void)send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  close(fd);
}

// Whoever speaks ZeroMQ, but nonsense.
class Talker {
 public:
  explicit Talker(const std::string& url) : context_(zmq_ctx_new()), socket_(zmq_socket(context_, ZMQ_DEALER)) {
    const int linger = 2000, timeout = 5000;
    zmq_setsockopt(socket_, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(socket_, ZMQ_SNDTIMEO, &timeout, sizeof timeout);
    zmq_connect(socket_, url.c_str());
  }
  ~Talker() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }
  void send(const std::vector<std::string>& frames) {
    for (size_t i = 0; i < frames.size(); ++i) {
      zmq_send(socket_, frames[i].data(), frames[i].size(), i + 1 < frames.size() ? ZMQ_SNDMORE : 0);
    }
  }

 private:
  void* const context_;
  void* const socket_;
};

template <class Message>
std::vector<std::string> valid(const Message& message, uint64_t request, const std::string& payload = "") {
  wire::Envelope envelope;
  envelope.kind = Message::kind;
  envelope.request = request;
  envelope.deadline_ms = 1000;
  return {wire::encode(envelope), wire::encode(message), payload};
}

std::vector<std::vector<std::string>> some_messages() {
  wire::Commit commit;
  commit.session = SessionId{1};
  commit.number = 1;
  commit.operations.push_back(wire::Create{root_inode, "garbage", 0100644, 0, 0, 0, 0, "", true, false, {}});
  wire::ReadBlock read;
  read.block = BlockId{1};
  read.length = 4096;
  return {valid(wire::ClusterStatus{}, 1),
          valid(commit, 2),
          valid(wire::Lookup{SessionId{1}, root_inode, "x"}, 3),
          valid(read, 4),
          valid(wire::WriteBlock{}, 5, std::string(4096, 'x')),
          valid(wire::Heartbeat{}, 6),
          valid(wire::RegisterServer{}, 7),
          valid(wire::SetEpochs{}, 8),
          valid(wire::DeleteBlocks{"pass", {BlockId{1}}}, 9),
          valid(wire::FetchPages{}, 10)};
}

void speak_nonsense(const std::string& url, Random& random) {
  Talker talker(url);
  const auto messages = some_messages();
  for (const auto& message : messages) {
    talker.send(message);
    talker.send(message);  // replayed
    for (int i = 0; i < 100; ++i) {
      auto spoiled = message;
      auto& frame = spoiled[random() % 2];
      switch (random() % 4) {
        case 0: frame = random_bytes(random, random() % 300); break;
        case 1: frame.resize(random() % (frame.size() + 1)); break;
        case 2:
          if (!frame.empty()) frame[random() % frame.size()] = static_cast<char>(random());
          break;
        default: frame += random_bytes(random, random() % 50);
      }
      talker.send(spoiled);
    }
    talker.send({message[0]});
    talker.send({message[0], message[1]});
    talker.send({message[0], message[1], message[2], "more", "more"});
  }
  // MessagePack that promises more than there is, and nests without end.
  talker.send({messages[0][0], std::string("\xdd\xff\xff\xff\xff", 5), ""});
  talker.send({std::string("\xdd\xff\xff\xff\xff", 5), "", ""});
  talker.send({messages[0][0], std::string(200'000, '\x91'), ""});
  talker.send({std::string(200'000, '\x91'), "", ""});
  talker.send({messages[4][0], messages[4][1], std::string(4 << 20, 'x')});
  talker.send(std::vector<std::string>(5'000, "x"));
  Talker(url).send({messages[0][0], messages[0][1], std::string(40 << 20, 'x')});
}

TEST(Garbage, OnEverySocketLeavesTheClusterAtWork) {
  Cluster cluster;
  ASSERT_SHELL(cluster.environment(), "head -c 3M /dev/urandom >$T/a; cp $T/a $M/a; sync $M/a; ls $M >$T/names");
  Random random(20'261'122);
  std::vector<std::string> urls{cluster.control_url()};
  for (int i = 1; i <= 3; ++i) urls.push_back(cluster.storage_url(i));
  for (const auto& url : urls) {
    const std::string path = url.substr(6);
    for (int i = 0; i < 50; ++i) send_raw(path, random_bytes(random, random() % 2'000));
    send_raw(path, "GET / HTTP/1.0\r\n\r\n");
    send_raw(path, std::string(100'000, '\0'));
    // A good greeting of ZMTP 3.0, and then silence or nonsense.
    std::string greeting = std::string("\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL", 16) + std::string(48, '\0');
    send_raw(path, greeting);
    send_raw(path, greeting + random_bytes(random, 500));
    speak_nonsense(url, random);
  }
  EXPECT_TRUE(cluster.control().running());
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(cluster.storage(i).running());
  EXPECT_SHELL(cluster.environment(), "cmp $T/a $M/a; ls $M | cmp - $T/names; cp $T/a $M/b; sync $M/b; cmp $T/a $M/b");
  cluster.wait_healthy();
  // Said, but not once for each.
  EXPECT_SHELL(
      cluster.environment(),
      "for n in control-1 storage-1 storage-2 storage-3; do grep -q 'net\\.' $D/$n.log; [ $(wc -l <$D/$n.log) -lt 300 ]; done");
}

}  // namespace
}  // namespace lace::test
