// Messages as ZeroMQ frames: envelope, message, payload; in front of them, on a ROUTER, the routing id of the peer.
#pragma once

#include <optional>
#include <string>

#include <zmq.hpp>

#include "common/base/bytes.h"
#include "common/wire/envelope.h"

namespace lace::net {

struct Frames {
  zmq::message_t envelope;
  zmq::message_t body;
  zmq::message_t payload;
};

// Large bodies and payloads are not copied: the frame keeps them alive until they are sent.
Frames make_frames(const wire::Envelope& envelope, std::string body, const Bytes& payload);

// Never waits. False: the socket has no room, or no peer; nothing was sent.
bool send_frames(zmq::socket_t& socket, Frames& frames);
bool send_frames_to(zmq::socket_t& router, const std::string& routing_id, Frames& frames);

enum class Received {
  nothing,
  whole,
  malformed,  // another number of frames than a message has; what there was of it is in the frames, the rest is dropped
};
// Never waits. `routing_id` is for ROUTER sockets, else null.
Received receive_frames(zmq::socket_t& socket, std::string* routing_id, Frames& frames);

// The frame's memory, shared, not copied.
Bytes bytes_of(zmq::message_t&& frame);

}  // namespace lace::net
