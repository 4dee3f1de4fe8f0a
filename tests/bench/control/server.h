// A control server of its own, in a temporary directory: the very program that clusters run, asked over its socket.
#pragma once

#include <sys/types.h>

#include <string>

#include "common/base/result.h"

namespace lace::bench {

class Server {
 public:
  // `program` is lace-control; the directory is made below `parent`.
  Server(std::string program, const std::string& parent);
  Server(const Server&) = delete;
  ~Server();  // ends it, and removes the directory

  // Starts the process; it serves when it answers. Errors: io.
  Status start();
  // Gracefully; returns when it is gone. Errors: io (it ended with another exit code than 0).
  Status stop();
  void kill();

  std::string url() const { return "ipc://" + directory_ + "/control"; }
  double cpu_seconds() const;  // user and system, since its start
  uint64_t rss_bytes() const;
  uint64_t peak_rss_bytes() const;
  uint64_t stored_bytes(const std::string& file) const;  // of a file of its data directory; 0: there is none
  std::string log_path() const { return directory_ + "/log"; }

 private:
  const std::string program_;
  std::string directory_;
  pid_t pid_ = 0;
};

}  // namespace lace::bench
