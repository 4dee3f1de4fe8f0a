// Programs in the background: started, recognised by their pid file, ended.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace lace::cli {

struct Program {
  std::string path;
  std::vector<std::string> arguments;  // without the program's name
  std::string log_path;                // standard output and error are appended to it
  std::string pid_path;                // written before the program runs; empty: none
  int passed_fd = -1;                  // stays open in the program under the same number; -1: none
  std::string directory = {};          // where it runs; empty: here
};

// Starts it in a session of its own, without a terminal, as our child. Answered when the program runs; an error says why not.
Result<pid_t> start_in_background(const Program& program);

// The number in a pid file, if there is one.
std::optional<pid_t> read_pid(const std::string& pid_path);

// Whether `pid` lives and is this program with `argument` on its command line. A pid that was given to another process since is
// not.
bool is_running(pid_t pid, std::string_view program_name, std::string_view argument);

// Processes of this program whose command line ends with `last_argument`.
std::vector<pid_t> find_running(std::string_view program_name, std::string_view last_argument);

// Waits until the process is gone; false when `timeout` passed first. Reaps it if it is our child.
bool wait_end(pid_t pid, Millis timeout);

// How our child ended ("exit code 1", "signal 9"), or nothing while it runs.
std::optional<std::string> ended_child(pid_t pid);

// Asks with SIGTERM, waits, then kills. Says whether it had to kill. Errors: access, unavailable (it does not even die).
enum class Ending { graceful, killed };
Result<Ending> end_process(pid_t pid, Millis grace);

// A program of the system. Error: no_entry, with the package that has it.
Result<std::string> system_program(const std::string& name, const std::string& package);

// A program of LaceFS: it lies beside this one. Error: no_entry.
Result<std::string> sibling_program(const std::string& name);

}  // namespace lace::cli
