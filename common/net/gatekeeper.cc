#include "common/net/gatekeeper.h"

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "common/net/quiet_thread.h"

namespace lace::net {
namespace {

constexpr size_t curve_key_bytes = 32;
constexpr size_t z85_key_chars = 40;

std::string z85(const std::string& key) {
  char text[z85_key_chars + 1] = {};
  zmq_z85_encode(text, reinterpret_cast<const uint8_t*>(key.data()), key.size());
  return text;
}

void send(zmq::socket_t& socket, std::string_view text, bool more) {
  socket.send(zmq::buffer(text), more ? zmq::send_flags::sndmore : zmq::send_flags::none);
}

}  // namespace

Gatekeeper::Gatekeeper(zmq::context_t& context, Admit admit, NetworkCounters& counters)
    : admit_(std::move(admit)), counters_(counters), socket_(context, zmq::socket_type::rep) {
  socket_.set(zmq::sockopt::linger, 0);
  socket_.bind("inproc://zeromq.zap.01");
  thread_ = quiet_thread([this] { serve(); });
}

Gatekeeper::~Gatekeeper() { thread_.join(); }

void Gatekeeper::serve() {
  try {
    while (answer_one()) {
    }
  } catch (const zmq::error_t& reason) {
    if (reason.num() != ETERM) log::error("net.gatekeeper_ended", {{"reason", reason.what()}});
  }
  socket_.close();
}

// Request: version, request id, domain, address, identity, mechanism, credentials.
// Reply: version, request id, status, text, user id, metadata.
bool Gatekeeper::answer_one() {
  std::vector<std::string> request;
  for (bool more = true; more;) {
    zmq::message_t frame;
    if (!socket_.recv(frame)) return true;
    more = frame.more();
    request.push_back(frame.to_string());
  }
  const bool readable =
      request.size() >= 7 && request[0] == "1.0" && request[5] == "CURVE" && request[6].size() == curve_key_bytes;
  const std::string key = readable ? z85(request[6]) : "";
  const bool welcome = readable && admit_ && admit_(key);
  if (!welcome) {
    ++counters_.refused_keys;
    static log::Limiter limiter;
    if (limiter.pass()) {
      log::warn("net.key_refused", {{"key", key},
                                    {"address", request.size() > 3 ? request[3] : ""},
                                    {"suppressed", limiter.taken()},
                                    {"remedy", "add the key to the --admit file if it belongs"}});
    }
  }
  send(socket_, "1.0", true);
  send(socket_, request.size() > 1 ? request[1] : "", true);
  send(socket_, welcome ? "200" : "400", true);
  send(socket_, welcome ? "OK" : "the key is not admitted", true);
  send(socket_, welcome ? key : "", true);
  send(socket_, "", false);
  return true;
}

}  // namespace lace::net
