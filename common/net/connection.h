// One asker's connection to one endpoint: a DEALER whose life is one connection. When that ends, so does the socket, with
// whatever was still queued in it; the next request makes a fresh one. So nothing old is ever delivered late.
//
// What is sent while it is still connecting waits inside ZeroMQ, so that it leaves without the asker's help; a copy is kept
// until the handshake is done, for another attempt. A peer that has just gone away, or was never asked before, is tried for
// `grace`; requests wait for it meanwhile. One that has been away for longer is tried once per request, and not more often than
// every `retry_every`.
//
// For one thread; never blocks; no callbacks: the owner takes what was completed.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include <poll.h>

#include "common/net/core.h"
#include "common/net/frames.h"
#include "common/net/monitor.h"

namespace lace::net {

class Connection {
 public:
  struct Completed {
    uint64_t request;
    Result<Answer> answer;
  };
  static constexpr Millis grace{100};
  static constexpr Millis retry_every{20};
  static constexpr Millis attempt_limit{1000};  // to connect and shake hands

  Connection(Core& core, wire::Endpoint endpoint);
  ~Connection();

  // Sends, or keeps until connected. It may be completed at once, with an error.
  void send(const wire::Envelope& envelope, Request request);
  // The owner waits no longer; a late answer is dropped. True: the request may have reached the server.
  bool forget(uint64_t request);

  // Does all that can be done now.
  void progress();
  std::vector<Completed> take_completed() { return std::exchange(completed_, {}); }
  bool has_completed() const { return !completed_.empty(); }

  // What to wait for before the next progress(): any of the descriptors, or the time.
  void add_to(std::vector<pollfd>& descriptors);
  Instant wake_at() const;
  // To be asked before waiting: something came in that the descriptors won't tell any more.
  bool needs_progress();
  // After waiting, with what poll(2) made of the descriptors. True: progress() has something to do.
  bool is_ready(const std::vector<pollfd>& descriptors, Instant now) const;
  const wire::Endpoint& endpoint() const { return endpoint_; }

 private:
  struct Channel;
  struct Waiting {
    uint64_t request;
    Frames frames;
  };

  void open();
  Status open_channel();
  void hand_over(Waiting& waiting);
  void read_events();
  void read_replies();
  void connected();
  void ended(Error reason);           // the channel is of no use any more
  void attempt_failed(Error reason);  // it never was
  void fail_waiting(const Error& reason);
  void complete(uint64_t request, Result<Answer> answer);
  void take_reply(Frames frames);

  Core& core_;
  const wire::Endpoint endpoint_;
  std::unique_ptr<Channel> channel_;
  bool up_ = false;              // the channel's handshake is done
  bool touched_ = false;         // the socket was used since it was last seen empty
  size_t first_descriptor_ = 0;  // of the last add_to()
  Instant events_read_{};
  std::optional<Instant> away_since_;  // unset: it is there, or was never tried
  Instant attempt_started_{};
  Error last_error_{Code::unavailable, {}};
  std::deque<Waiting> waiting_;             // not sent yet
  std::unordered_set<uint64_t> under_way_;  // sent, not answered
  std::vector<Completed> completed_;
};

}  // namespace lace::net
