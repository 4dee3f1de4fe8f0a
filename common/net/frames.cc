#include "common/net/frames.h"

#include <memory>
#include <utility>

#include "common/wire/codec.h"

namespace lace::net {
namespace {

constexpr size_t copied_below_bytes = size_t{64} << 10;  // above, handing over the memory is cheaper than copying it

zmq::message_t frame_of(const Bytes& bytes) {
  if (bytes.size() < copied_below_bytes) return zmq::message_t(bytes.data(), bytes.size());
  auto held = std::make_unique<Bytes>(bytes);
  zmq::message_t frame(
      const_cast<char*>(bytes.data()), bytes.size(), [](void*, void* hint) { delete static_cast<Bytes*>(hint); }, held.get());
  held.release();  // the frame's from here on
  return frame;
}

bool send_rest(zmq::socket_t& socket, Frames& frames) {
  // A message goes whole or not at all: once its first frame was taken, the others are.
  socket.send(std::move(frames.body), zmq::send_flags::sndmore | zmq::send_flags::dontwait);
  socket.send(std::move(frames.payload), zmq::send_flags::dontwait);
  return true;
}

}  // namespace

Frames make_frames(const wire::Envelope& envelope, std::string body, const Bytes& payload) {
  const std::string head = wire::encode(envelope);
  const bool small = body.size() < copied_below_bytes;
  return {zmq::message_t(head.data(), head.size()),
          small ? zmq::message_t(body.data(), body.size()) : frame_of(Bytes(std::move(body))), frame_of(payload)};
}

bool send_frames(zmq::socket_t& socket, Frames& frames) {
  const auto flags = zmq::send_flags::sndmore | zmq::send_flags::dontwait;
  if (!socket.send(frames.envelope, flags)) {
    // ZeroMQ looks at what its I/O threads have to say only now and then; asking for the events makes it look.
    if ((socket.get(zmq::sockopt::events) & ZMQ_POLLOUT) == 0 || !socket.send(frames.envelope, flags)) return false;
  }
  return send_rest(socket, frames);
}

bool send_frames_to(zmq::socket_t& router, const std::string& routing_id, Frames& frames) {
  const auto flags = zmq::send_flags::sndmore | zmq::send_flags::dontwait;
  if (!router.send(zmq::buffer(routing_id), flags)) return false;
  router.send(std::move(frames.envelope), flags);
  return send_rest(router, frames);
}

Received receive_frames(zmq::socket_t& socket, std::string* routing_id, Frames& frames) {
  zmq::message_t first;
  if (!socket.recv(first, zmq::recv_flags::dontwait)) return Received::nothing;
  zmq::message_t* const places[] = {&frames.envelope, &frames.body, &frames.payload};
  size_t count = 0;
  bool more = first.more();
  if (routing_id != nullptr) {
    *routing_id = first.to_string();
  } else {
    *places[count++] = std::move(first);
  }
  while (more) {
    zmq::message_t next;
    if (!socket.recv(next, zmq::recv_flags::dontwait)) return Received::malformed;
    more = next.more();
    if (count < 3) *places[count] = std::move(next);
    ++count;
  }
  return count == 3 ? Received::whole : Received::malformed;
}

Bytes bytes_of(zmq::message_t&& frame) {
  if (frame.size() == 0) return {};
  auto held = std::make_shared<zmq::message_t>(std::move(frame));
  const std::string_view view(static_cast<const char*>(held->data()), held->size());
  return Bytes(view, std::move(held));
}

}  // namespace lace::net
