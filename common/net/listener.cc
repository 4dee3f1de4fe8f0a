#include "common/net/listener.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <unistd.h>

#include "common/base/log.h"
#include "common/net/local_socket.h"
#include "common/wire/codec.h"

namespace lace::net {
namespace {

constexpr int linger_ms = 200;  // for the last answers of a server that stops
constexpr int oversize_margin =
    1 << 20;  // a frame a little too large is refused with an error, one far too large cuts the line
constexpr int heartbeat_every_ms = 2000;  // tcp: so that connections of vanished hosts don't stay for ever
constexpr int heartbeat_timeout_ms = 6000;
constexpr int backlog = 1024;

Status bind_error(const std::string& url, int number, const char* text) {
  if (number == EADDRINUSE) return fail(Code::busy, url + ": the port is taken: stop what listens there, or choose another");
  if (number == EADDRNOTAVAIL || number == ENODEV) return fail(Code::invalid, url + ": not an address of this machine");
  if (number == EACCES) return fail(Code::access, url + ": " + text);
  return fail(Code::invalid, url + ": can't listen: " + text);
}

std::string user_of(Frames& frames) {
  const char* key = zmq_msg_gets(frames.envelope.handle(), "User-Id");
  return key == nullptr ? "" : key;
}

}  // namespace

Result<std::shared_ptr<Listener>> Listener::open(Core& core, const wire::Endpoint& endpoint, Loop::Handler handler) {
  try {
    auto made = std::make_shared<Listener>(core, endpoint.url, std::move(handler));
    if (const Status bound = made->bind(); !bound) return pass(bound);
    return made;
  } catch (const zmq::error_t& reason) {
    return fail(Code::io, endpoint.url + ": " + reason.what());
  }
}

Listener::Listener(Core& core, std::string url, Loop::Handler handler)
    : core_(core),
      url_(std::move(url)),
      local_(is_ipc(url_)),
      handler_(std::move(handler)),
      router_(core.context, zmq::socket_type::router) {
  configure();
}

Listener::~Listener() {
  if (!local_path_.empty()) unlink(local_path_.c_str());
}

void Listener::configure() {
  router_.set(zmq::sockopt::linger, linger_ms);
  router_.set(zmq::sockopt::sndhwm, queued_messages);
  router_.set(zmq::sockopt::rcvhwm, queued_messages);
  router_.set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(core_.options.max_message_bytes) + oversize_margin);
  router_.set(zmq::sockopt::backlog, backlog);
  monitor_ = std::make_unique<Monitor>(core_.context, router_,
                                       ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
  fd_ = router_.get(zmq::sockopt::fd);
}

Status Listener::bind() {
  if (local_) return bind_local();
  if (is_tcp(url_)) return bind_tcp();
  return fail(Code::invalid, url_ + ": not an ipc:// or tcp:// endpoint");
}

Status Listener::bind_local() {
  const std::string path = url_.substr(std::string_view("ipc://").size());
  const auto listening = listen_locally(path);
  if (!listening) return pass(listening);
  local_path_ = path;
  router_.set(zmq::sockopt::use_fd, *listening);
  try {
    router_.bind(url_);
    return {};
  } catch (const zmq::error_t& reason) {
    close(*listening);
    return bind_error(url_, reason.num(), reason.what());
  }
}

Status Listener::bind_tcp() {
  if (!core_.options.keys) {
    return fail(Code::denied,
                url_ + ": tcp:// is only for servers with a key: make one with `lace key new NAME`, give it with --keys");
  }
  core_.guard();
  router_.set(zmq::sockopt::curve_server, true);
  router_.set(zmq::sockopt::curve_secretkey, core_.options.keys->secret_key);
  router_.set(zmq::sockopt::zap_domain, "lace");
  router_.set(zmq::sockopt::heartbeat_ivl, heartbeat_every_ms);
  router_.set(zmq::sockopt::heartbeat_timeout, heartbeat_timeout_ms);
  if (url_.find('[') != std::string::npos) router_.set(zmq::sockopt::ipv6, true);
  try {
    router_.bind(url_);
    return {};
  } catch (const zmq::error_t& reason) {
    return bind_error(url_, reason.num(), reason.what());
  }
}

// ---------------------------------------------------------------- what comes in

bool Listener::drain(size_t limit) {
  read_events();
  for (size_t taken = 0; taken < limit; ++taken) {
    std::string routing_id;
    Frames frames;
    const Received received = receive_frames(router_, &routing_id, frames);
    if (received == Received::nothing) {
      touched_ = false;
      return true;
    }
    take(routing_id, std::move(frames), received == Received::whole);
  }
  return false;
}

void Listener::read_events() {
  while (const auto event = monitor_->next()) {
    // A peer that closes before it has said anything (a port scan, a probe, a client that gave up) is no breach of protocol.
    if (event->type == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) count_malformed(core_.counters, url_, "a handshake that is none");
  }
}

void Listener::take(const std::string& routing_id, Frames frames, bool whole) {
  ++core_.counters.received;
  auto envelope = wire::decode<wire::Envelope>(frames.envelope.to_string_view());
  const auto malformed = [&](const char* what) {
    count_malformed(core_.counters, url_, what);
    if (envelope && envelope->kind != wire::Kind::reply) answer(routing_id, envelope->request, fail(Code::malformed, what));
  };
  if (!envelope) return malformed("an envelope that can't be decoded");
  if (envelope->protocol != wire::protocol_version)
    return malformed("another version of the protocol: use programs of one release");
  if (!whole) return malformed("not three frames");
  if (envelope->kind == wire::Kind::reply || wire::name_of(envelope->kind) == "unknown_kind")
    return malformed("an unknown kind");
  if (std::max(frames.body.size(), frames.payload.size()) > core_.options.max_message_bytes) return malformed("too large");

  Incoming incoming;
  incoming.kind = envelope->kind;
  incoming.body = frames.body.to_string();
  incoming.peer.local = local_;
  if (!local_) incoming.peer.key = user_of(frames);
  incoming.payload = bytes_of(std::move(frames.payload));
  incoming.term = envelope->term;
  incoming.deadline = core_.clock.now() + Millis(envelope->deadline_ms);
  handler_(std::move(incoming),
           Responder([self = weak_from_this(), routing_id, request = envelope->request](Result<Answer> made) {
             if (const auto listener = self.lock()) listener->answer(routing_id, request, std::move(made));
           }));
}

void Listener::answer(const std::string& routing_id, uint64_t request, Result<Answer> answer) {
  wire::Envelope envelope;
  envelope.kind = wire::Kind::reply;
  envelope.request = request;
  envelope.term = term_;
  if (answer && std::max(answer->body.size(), answer->payload.size()) > core_.options.max_message_bytes) {
    log::error("net.answer_too_large", {{"url", url_}, {"body", answer->body.size()}, {"payload", answer->payload.size()}});
    answer = fail(Code::io, "the answer is too large to send");
  }
  if (!answer) envelope.outcome = wire::outcome_of(answer.error());
  Frames frames = answer ? make_frames(envelope, std::move(answer->body), answer->payload) : make_frames(envelope, {}, {});
  touched_ = true;
  ++core_.counters.sent;
  if (!send_frames_to(router_, routing_id, frames)) {
    static log::Limiter limiter;
    if (limiter.pass()) log::warn("net.answer_dropped", {{"url", url_}, {"suppressed", limiter.taken()}});
  }
}

// ---------------------------------------------------------------- waiting

void Listener::add_to(std::vector<pollfd>& descriptors) {
  first_descriptor_ = descriptors.size();
  descriptors.push_back({fd_, POLLIN, 0});
  descriptors.push_back({monitor_->fd(), POLLIN, 0});
}

bool Listener::needs_drain() {
  if (!std::exchange(touched_, false)) return false;
  return (router_.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0;
}

bool Listener::is_ready(const std::vector<pollfd>& descriptors) const {
  return descriptors[first_descriptor_].revents != 0 || descriptors[first_descriptor_ + 1].revents != 0;
}

}  // namespace lace::net
