// A program that a test runs in the background and mistreats. It dies with the test.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"

namespace lace::test {

class Daemon {
 public:
  // `program` is the name of one of LaceFS' programs, or a path. Logs are appended to `log_path`.
  Daemon(std::string name, std::string program, std::vector<std::string> arguments, std::string log_path);
  Daemon(const Daemon&) = delete;
  ~Daemon();  // killed if it still runs

  void start();
  void kill();      // SIGKILL; returns when it is gone
  int terminate();  // SIGTERM; returns its exit code when it is gone; after 30 s the test fails and it is killed
  void stop();      // SIGSTOP: alive, but deaf
  void resume();
  // How it ended by itself: its exit code, or 128 + the signal; nothing when it still runs after `timeout`.
  std::optional<int> wait(Millis timeout);

  bool running();
  pid_t pid() const { return pid_; }
  const std::string& name() const { return name_; }
  const std::string& log_path() const { return log_path_; }
  std::string log() const;
  std::vector<std::string>& arguments() { return arguments_; }  // for the next start()

 private:
  const std::string name_, program_;
  std::vector<std::string> arguments_;
  const std::string log_path_;
  pid_t pid_ = 0;
};

// Where the programs under test are: LACE_BIN, else bin/ beside the directory of this test's program.
std::string program_path(const std::string& name);
std::string read_file(const std::string& path);

}  // namespace lace::test
