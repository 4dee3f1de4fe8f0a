#include "common/net/connection.h"

#include <algorithm>
#include <utility>

#include "common/wire/codec.h"

namespace lace::net {
namespace {

constexpr int never_ms = 3'600'000;         // ZeroMQ's own reconnecting is not wanted: after an hour the socket is long gone
constexpr int heartbeat_every_ms = 300;     // tcp: a cut cable is noticed within this
constexpr int heartbeat_timeout_ms = 1000;  // and this
constexpr Millis events_trusted_for{5};  // a request in that time goes out without asking whether the connection still stands
constexpr int watched_events = ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

Error nobody_there(const std::string& url) {
  return {Code::unavailable, url + ": nobody answers there: is the server running?"};
}

Error not_admitted(const std::string& url) {
  return {Code::denied, url + ": the server does not admit our key: have it added to the server's --admit file"};
}

Error no_understanding(const std::string& url) {
  return {Code::denied,
          url + ": the handshake failed: check the server's public key behind '#', and that it speaks tcp:// with keys"};
}

}  // namespace

struct Connection::Channel {
  Channel(Core& core, const wire::Endpoint& endpoint)
      : socket(core.context, zmq::socket_type::dealer), monitor(core.context, socket, watched_events) {
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::sndhwm, queued_messages);
    socket.set(zmq::sockopt::rcvhwm, queued_messages);
    socket.set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(core.options.max_message_bytes));
    socket.set(zmq::sockopt::reconnect_ivl, never_ms);
    socket.set(zmq::sockopt::connect_timeout, static_cast<int>(attempt_limit.count()));
    socket.set(zmq::sockopt::handshake_ivl, static_cast<int>(attempt_limit.count()));
    if (is_tcp(endpoint.url)) {
      socket.set(zmq::sockopt::heartbeat_ivl, heartbeat_every_ms);
      socket.set(zmq::sockopt::heartbeat_timeout, heartbeat_timeout_ms);
      if (endpoint.url.find('[') != std::string::npos) socket.set(zmq::sockopt::ipv6, true);
      socket.set(zmq::sockopt::curve_serverkey, endpoint.key);
      socket.set(zmq::sockopt::curve_publickey, core.options.keys->public_key);
      socket.set(zmq::sockopt::curve_secretkey, core.options.keys->secret_key);
    }
    fd = socket.get(zmq::sockopt::fd);
    socket.connect(endpoint.url);
  }

  zmq::socket_t socket;
  Monitor monitor;  // closed before the socket
  int fd = -1;
};

Connection::Connection(Core& core, wire::Endpoint endpoint) : core_(core), endpoint_(std::move(endpoint)) {}
Connection::~Connection() = default;

// ---------------------------------------------------------------- requests

void Connection::send(const wire::Envelope& envelope, Request request) {
  if (std::max(request.body.size(), request.payload.size()) > core_.options.max_message_bytes) {
    return complete(envelope.request, fail(Code::malformed, "the message is too large to send"));
  }
  if (waiting_.size() + under_way_.size() >= calls_under_way) {
    return complete(envelope.request, fail(Code::unavailable, endpoint_.url + ": too many requests are under way"));
  }
  const Instant now = core_.clock.now();
  if (channel_ && now - events_read_ > events_trusted_for) read_events();
  Frames frames = make_frames(envelope, std::move(request.body), request.payload);
  if (up_) {
    if (!send_frames(channel_->socket, frames)) {
      return complete(envelope.request, fail(Code::unavailable, endpoint_.url + ": no room to send"));
    }
    touched_ = true;
    ++core_.counters.sent;
    under_way_.insert(envelope.request);
    return;
  }
  if (!channel_ && waiting_.empty() && away_since_ && now - *away_since_ > grace && now - attempt_started_ < retry_every) {
    return complete(envelope.request, tl::unexpected<Error>(last_error_));
  }
  waiting_.push_back({envelope.request, std::move(frames)});
  if (channel_) {
    hand_over(waiting_.back());
  } else if (now - attempt_started_ >= retry_every) {
    open();
  }
}

bool Connection::forget(uint64_t request) {
  if (under_way_.erase(request) > 0) return true;
  std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.request == request; });
  return channel_ != nullptr;  // the handshake may be done by now
}

void Connection::complete(uint64_t request, Result<Answer> answer) { completed_.push_back({request, std::move(answer)}); }

// ---------------------------------------------------------------- connecting

void Connection::open() {
  attempt_started_ = core_.clock.now();
  if (const Status opened = open_channel(); !opened) {
    last_error_ = opened.error();
    return fail_waiting(last_error_);
  }
  for (Waiting& waiting : waiting_) hand_over(waiting);
}

void Connection::hand_over(Waiting& waiting) {
  Frames copy;
  copy.envelope.copy(waiting.frames.envelope);
  copy.body.copy(waiting.frames.body);
  copy.payload.copy(waiting.frames.payload);
  // If there is no room, the handshake has failed, and an event that says so is on its way.
  if (send_frames(channel_->socket, copy)) touched_ = true;
}

Status Connection::open_channel() {
  if (is_tcp(endpoint_.url)) {
    if (!core_.options.keys) {
      return fail(Code::denied,
                  endpoint_.url + ": tcp:// needs a key of our own: make one with `lace key new NAME`, give it with --keys");
    }
    if (endpoint_.key.empty()) {
      return fail(Code::denied, endpoint_.url + ": the server's public key is missing: write tcp://HOST:PORT#KEY");
    }
  } else if (!is_ipc(endpoint_.url)) {
    return fail(Code::invalid, endpoint_.url + ": not an ipc:// or tcp:// endpoint");
  }
  try {
    channel_ = std::make_unique<Channel>(core_, endpoint_);
    return {};
  } catch (const zmq::error_t& reason) {
    return fail(Code::unavailable, endpoint_.url + ": " + reason.what());
  }
}

void Connection::connected() {
  up_ = true;
  away_since_.reset();
  core_.counters.sent += waiting_.size();
  for (const Waiting& waiting : std::exchange(waiting_, {})) under_way_.insert(waiting.request);
}

void Connection::ended(Error reason) {
  if (!up_) return attempt_failed(std::move(reason));
  read_replies();  // those that came before the end
  channel_.reset();
  up_ = false;
  away_since_ = core_.clock.now();
  last_error_ = std::move(reason);
  for (const uint64_t request : std::exchange(under_way_, {})) {
    complete(request, fail(Code::unknown, endpoint_.url + ": the connection ended before the answer came"));
  }
}

void Connection::attempt_failed(Error reason) {
  channel_.reset();
  if (!away_since_) away_since_ = attempt_started_;
  last_error_ = std::move(reason);
  // Waiting is only of use where the other side may be about to start.
  if (last_error_.code != Code::unavailable || core_.clock.now() - *away_since_ >= grace) fail_waiting(last_error_);
}

void Connection::fail_waiting(const Error& reason) {
  for (const Waiting& waiting : std::exchange(waiting_, {})) complete(waiting.request, tl::unexpected<Error>(reason));
}

// ---------------------------------------------------------------- what comes in

void Connection::progress() {
  if (channel_) read_events();
  if (up_) read_replies();
  const Instant now = core_.clock.now();
  if (channel_ && !up_ && now - attempt_started_ >= attempt_limit) ended(nobody_there(endpoint_.url));
  if (!channel_ && !waiting_.empty() && now - attempt_started_ >= retry_every) open();
}

void Connection::read_events() {
  events_read_ = core_.clock.now();
  while (channel_) {
    const auto event = channel_->monitor.next();
    if (!event) return;
    switch (event->type) {
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: connected(); break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: ended(not_admitted(endpoint_.url)); break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: ended(no_understanding(endpoint_.url)); break;
      default: ended(nobody_there(endpoint_.url)); break;
    }
  }
}

void Connection::read_replies() {
  for (;;) {
    Frames frames;
    switch (receive_frames(channel_->socket, nullptr, frames)) {
      case Received::nothing: touched_ = false; return;
      case Received::whole:
        take_reply(std::move(frames));
        if (!under_way_.empty()) break;
        touched_ = true;  // most likely empty; whoever waits next makes sure
        return;
      case Received::malformed: count_malformed(core_.counters, endpoint_.url, "a reply of another number of frames"); break;
    }
  }
}

void Connection::take_reply(Frames frames) {
  ++core_.counters.received;
  auto envelope = wire::decode<wire::Envelope>(frames.envelope.to_string_view());
  if (!envelope || envelope->protocol != wire::protocol_version || envelope->kind != wire::Kind::reply) {
    return count_malformed(core_.counters, endpoint_.url, "a reply that is none");
  }
  if (under_way_.erase(envelope->request) == 0) return;  // too late: nobody waits for it any more
  if (const Status status = wire::status_of(envelope->outcome); !status) {
    return complete(envelope->request, pass(status));
  }
  complete(envelope->request, Answer{frames.body.to_string(), bytes_of(std::move(frames.payload)), envelope->term});
}

// ---------------------------------------------------------------- waiting

void Connection::add_to(std::vector<pollfd>& descriptors) {
  first_descriptor_ = descriptors.size();
  if (!channel_) return;
  descriptors.push_back({channel_->fd, POLLIN, 0});
  descriptors.push_back({channel_->monitor.fd(), POLLIN, 0});
}

Instant Connection::wake_at() const {
  if (channel_) return up_ ? Instant::max() : attempt_started_ + attempt_limit;
  return waiting_.empty() ? Instant::max() : attempt_started_ + retry_every;
}

bool Connection::needs_progress() {
  if (!completed_.empty()) return true;
  if (!touched_ || !channel_) return false;
  touched_ = false;
  return (channel_->socket.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0;
}

bool Connection::is_ready(const std::vector<pollfd>& descriptors, Instant now) const {
  if (!completed_.empty() || now >= wake_at()) return true;
  if (!channel_) return false;
  return descriptors[first_descriptor_].revents != 0 || descriptors[first_descriptor_ + 1].revents != 0;
}

}  // namespace lace::net
