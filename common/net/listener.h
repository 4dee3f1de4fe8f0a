// What a loop listens at: a ROUTER on one endpoint. It checks every message before the handler sees it, and answers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <poll.h>

#include "common/net/core.h"
#include "common/net/frames.h"
#include "common/net/monitor.h"
#include "common/net/transport.h"

namespace lace::net {

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  // Errors: busy, denied (tcp:// without keys), invalid, and those of listen_locally().
  static Result<std::shared_ptr<Listener>> open(Core& core, const wire::Endpoint& endpoint, Loop::Handler handler);
  Listener(Core& core, std::string url, Loop::Handler handler);
  ~Listener();

  void set_term(uint64_t term) { term_ = term; }
  // Handles what waits, up to `limit` messages. True: that was all.
  bool drain(size_t limit);

  void add_to(std::vector<pollfd>& descriptors);
  // To be asked before waiting: something came in that the descriptors won't tell any more.
  bool needs_drain();
  // After waiting, with what poll(2) made of the descriptors. True: drain() has something to do.
  bool is_ready(const std::vector<pollfd>& descriptors) const;

 private:
  Status bind();
  Status bind_local();
  Status bind_tcp();
  void configure();
  void read_events();
  void take(const std::string& routing_id, Frames frames, bool whole);
  void answer(const std::string& routing_id, uint64_t request, Result<Answer> answer);

  Core& core_;
  const std::string url_;
  const bool local_;
  const Loop::Handler handler_;
  zmq::socket_t router_;
  std::unique_ptr<Monitor> monitor_;  // closed before the router
  int fd_ = -1;
  std::string local_path_;  // of the socket file to be removed at the end
  uint64_t term_ = 0;
  bool touched_ = true;          // the socket was used since it was last seen empty
  size_t first_descriptor_ = 0;  // of the last add_to()
};

}  // namespace lace::net
