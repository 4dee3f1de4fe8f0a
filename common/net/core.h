// What the loops and callers of one network share.
#pragma once

#include <memory>
#include <mutex>

#include <zmq.hpp>

#include "common/net/gatekeeper.h"
#include "common/net/zmq_network.h"

namespace lace::net {

struct Core {
  Core(const Clock& the_clock, NetworkOptions the_options);
  ~Core();

  // Starts to answer for the keys of those who connect; before the first listen on tcp://. Any thread.
  void guard();

  const Clock& clock;
  const NetworkOptions options;
  NetworkCounters counters;
  zmq::context_t context;

 private:
  std::mutex mutex_;
  std::unique_ptr<Gatekeeper> gatekeeper_;  // guarded by mutex_
};

// For messages that break the protocol: counted each, logged at most once a second.
void count_malformed(NetworkCounters& counters, std::string_view url, std::string_view what);

// Bounds of every socket. A peer that takes more messages than this without reading any loses the rest, and its asker's
// deadline says so.
inline constexpr int queued_messages = 8192;
inline constexpr size_t calls_under_way = 4096;  // per connection: its replies always fit

inline bool is_ipc(std::string_view url) { return url.starts_with("ipc://"); }
inline bool is_tcp(std::string_view url) { return url.starts_with("tcp://"); }

}  // namespace lace::net
