#include "common/net/monitor.h"

#include <atomic>
#include <cstring>

namespace lace::net {

Monitor::Monitor(zmq::context_t& context, zmq::socket_t& socket, int events)
    : watched_(socket), pair_(context, zmq::socket_type::pair) {
  static std::atomic<uint64_t> next_number{1};
  const std::string address = "inproc://lace-monitor-" + std::to_string(next_number++);
  if (zmq_socket_monitor(socket.handle(), address.c_str(), events) != 0) throw zmq::error_t();
  pair_.set(zmq::sockopt::linger, 0);
  pair_.set(zmq::sockopt::rcvhwm, 0);  // a full queue would stop the I/O thread; whoever has a monitor reads it
  pair_.connect(address);
  fd_ = pair_.get(zmq::sockopt::fd);
  // The descriptor tells that a queue is not empty any more: so somebody must have seen it empty.
  zmq::message_t none;
  [[maybe_unused]] const auto got = pair_.recv(none, zmq::recv_flags::dontwait);
}

// An I/O thread that tells an event to nobody would wait for ever: so the telling ends first.
Monitor::~Monitor() { zmq_socket_monitor(watched_.handle(), nullptr, 0); }

std::optional<Monitor::Event> Monitor::next() {
  zmq::message_t head;
  if (!pair_.recv(head, zmq::recv_flags::dontwait)) return std::nullopt;
  Event event;
  if (head.size() >= sizeof event.type + sizeof event.value) {
    std::memcpy(&event.type, head.data(), sizeof event.type);
    std::memcpy(&event.value, static_cast<const char*>(head.data()) + sizeof event.type, sizeof event.value);
  }
  if (head.more()) {
    zmq::message_t address;
    [[maybe_unused]] const auto got = pair_.recv(address, zmq::recv_flags::dontwait);
  }
  return event;
}

}  // namespace lace::net
