// What happens to a socket's connections, as ZeroMQ tells it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <zmq.hpp>

namespace lace::net {

class Monitor {
 public:
  struct Event {
    uint16_t type = 0;   // ZMQ_EVENT_*
    uint32_t value = 0;  // as zmq_socket_monitor(3) says
  };

  // To be made before `socket` connects or binds, and to be closed before it. `events`: ZMQ_EVENT_*, or-ed.
  Monitor(zmq::context_t& context, zmq::socket_t& socket, int events);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  std::optional<Event> next();  // never waits
  int fd() const { return fd_; }

 private:
  zmq::socket_t& watched_;
  zmq::socket_t pair_;
  int fd_;
};

}  // namespace lace::net
