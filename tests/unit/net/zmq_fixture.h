// ZeroMQ networks for tests: ipc:// in a temporary directory, tcp:// on free ports of the loopback with keys.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "common/net/zmq_network.h"

namespace lace::net::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lace-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(fd);
  return ntohs(address.sin_port);
}

class ZmqLocal {
 public:
  ZmqNetwork& servers() { return servers_; }
  ZmqNetwork& clients() { return clients_; }
  wire::Endpoint endpoint(int number) { return {"ipc://" + directory_.path(std::to_string(number)), {}}; }
  std::string path(int number) { return directory_.path(std::to_string(number)); }

 private:
  TemporaryDirectory directory_;
  SystemClock clock_;
  ZmqNetwork servers_{clock_};
  ZmqNetwork clients_{clock_};
};

class ZmqRemote {
 public:
  ZmqNetwork& servers() { return servers_; }
  ZmqNetwork& clients() { return clients_; }
  wire::Endpoint endpoint(int number) {
    const auto found = ports_.emplace(number, uint16_t{0});
    if (found.second) found.first->second = free_port();
    return {"tcp://127.0.0.1:" + std::to_string(found.first->second), server_key_.public_key};
  }
  const KeyPair& server_key() const { return server_key_; }
  const KeyPair& client_key() const { return client_key_; }

 private:
  SystemClock clock_;
  const KeyPair server_key_ = make_key_pair();
  const KeyPair client_key_ = make_key_pair();
  std::map<int, uint16_t> ports_;
  ZmqNetwork servers_{clock_,
                      {.keys = server_key_, .admit = [this](const std::string& key) { return key == client_key_.public_key; }}};
  ZmqNetwork clients_{clock_, {.keys = client_key_, .admit = {}}};
};

}  // namespace lace::net::test
