// The master's copies of the namespace for slaves that the log does not reach back to: one at a time, made while the server
// works, in pieces, and kept for whoever wants it until nobody has asked for a while.
#pragma once

#include <fstream>
#include <memory>
#include <string>

#include "common/net/transport.h"
#include "common/wire/group_messages.h"
#include "control/namespace/namespace.h"

namespace lace::control {

// Loop thread only. What it is handed outlives it.
class Snapshots {
 public:
  Snapshots(net::Loop& loop, Namespace& ns, const std::string& directory, uint64_t term);
  ~Snapshots();

  void give(const wire::FetchSnapshot& question, net::Responder responder);

 private:
  enum class State { none, making, ready };
  void begin();
  void go_on();
  void drop();
  void look();

  net::Loop& loop_;
  Namespace& namespace_;
  const std::string path_;
  State state_ = State::none;
  std::unique_ptr<db::BackupFile> backup_;
  std::ifstream file_;
  uint64_t id_;  // of the present one, or the next
  uint64_t total_bytes_ = 0;
  Instant last_asked_;
  std::shared_ptr<bool> lives_ = std::make_shared<bool>(true);
};

}  // namespace lace::control
