#include "fs/cli/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/config/files.h"

namespace lace::cli {
namespace {

namespace files = std::filesystem;

std::optional<pid_t> pid_of(std::string_view text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc() || pid <= 0) return std::nullopt;
  return pid;
}

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

std::vector<std::string> command_line(pid_t pid) {
  std::vector<std::string> arguments;
  std::istringstream stream(read_whole("/proc/" + std::to_string(pid) + "/cmdline"));
  for (std::string argument; std::getline(stream, argument, '\0');) arguments.push_back(std::move(argument));
  return arguments;
}

// What /proc says the process executes, without the mark of a file that was replaced since.
std::string program_of(pid_t pid) {
  std::error_code error;
  std::string target = files::read_symlink("/proc/" + std::to_string(pid) + "/exe", error).filename();
  if (constexpr std::string_view mark = " (deleted)"; target.ends_with(mark)) target.resize(target.size() - mark.size());
  return error ? "" : target;
}

// In the child, between fork and exec: only calls that are safe there. Returns what failed.
const char* prepare_child(const Program& program, const std::string& pid_aside) {
  if (setsid() < 0) return "setsid";
  const int null = open("/dev/null", O_RDONLY);
  const int log = open(program.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (null < 0 || log < 0) return "opening the log";
  if (dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) return "dup2";
  if (!program.directory.empty() && chdir(program.directory.c_str()) != 0) return "entering the directory";
  if (program.passed_fd >= 0) {
    if (program.passed_fd > 3) syscall(SYS_close_range, 3u, static_cast<unsigned>(program.passed_fd) - 1, 4u);
    syscall(SYS_close_range, static_cast<unsigned>(program.passed_fd) + 1, ~0u, 4u);  // 4: CLOSE_RANGE_CLOEXEC
    if (fcntl(program.passed_fd, F_SETFD, 0) < 0) return "passing a descriptor";
  } else {
    syscall(SYS_close_range, 3u, ~0u, 4u);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  if (program.pid_path.empty()) return nullptr;
  char digits[16];
  const auto [end, _] = std::to_chars(digits, digits + sizeof digits - 1, getpid());
  *end = '\n';
  const int file = open(pid_aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const ssize_t length = end + 1 - digits;
  if (file < 0 || write(file, digits, static_cast<size_t>(length)) != length || close(file) != 0 ||
      rename(pid_aside.c_str(), program.pid_path.c_str()) != 0) {
    return "writing the pid file";
  }
  return nullptr;
}

struct ChildFailure {
  int number;
  char step[60];
};

[[noreturn]] void run_child(const Program& program, const std::string& pid_aside, char* const* arguments, int report) {
  ChildFailure failure{};
  const char* failed = prepare_child(program, pid_aside);
  if (!failed) {
    execv(program.path.c_str(), arguments);
    failed = "running the program";
  }
  failure.number = errno;
  strncpy(failure.step, failed, sizeof failure.step - 1);
  if (write(report, &failure, sizeof failure) < 0) _exit(126);
  _exit(127);
}

}  // namespace

Result<pid_t> start_in_background(const Program& program) {
  std::vector<char*> arguments{const_cast<char*>(program.path.c_str())};
  for (const auto& one : program.arguments) arguments.push_back(const_cast<char*>(one.c_str()));
  arguments.push_back(nullptr);
  const std::string pid_aside = program.pid_path + ".new";
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return tl::unexpected<Error>(config::file_error("pipe", errno));
  const pid_t pid = fork();
  if (pid == 0) run_child(program, pid_aside, arguments.data(), report[1]);
  const int fork_error = errno;
  close(report[1]);
  ChildFailure failure{};
  ssize_t length = 0;
  while (pid > 0 && (length = read(report[0], &failure, sizeof failure)) < 0 && errno == EINTR) {
  }
  close(report[0]);
  if (pid < 0) return fail(Code::no_memory, std::string("can't start a process: ") + std::strerror(fork_error));
  if (length <= 0) return pid;
  waitpid(pid, nullptr, 0);
  return fail(Code::io, "can't start " + program.path + ": " + failure.step + ": " + std::strerror(failure.number));
}

std::optional<pid_t> read_pid(const std::string& pid_path) { return pid_of(read_whole(pid_path)); }

bool is_running(pid_t pid, std::string_view program_name, std::string_view argument) {
  if (program_of(pid) != program_name) return false;
  const auto arguments = command_line(pid);
  return std::find(arguments.begin(), arguments.end(), argument) != arguments.end();
}

std::vector<pid_t> find_running(std::string_view program_name, std::string_view last_argument) {
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& entry : files::directory_iterator("/proc", error)) {
    const auto pid = pid_of(entry.path().filename().string());
    if (!pid || program_of(*pid) != program_name) continue;
    const auto arguments = command_line(*pid);
    if (!arguments.empty() && arguments.back() == last_argument) found.push_back(*pid);
  }
  return found;
}

bool wait_end(pid_t pid, Millis timeout) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return errno == ESRCH;
  pollfd wanted{fd, POLLIN, 0};
  const Instant end = SystemClock().now() + timeout;
  int ready = 0;
  while (true) {
    const auto left = std::chrono::duration_cast<Millis>(end - SystemClock().now());
    ready = poll(&wanted, 1, static_cast<int>(std::max<int64_t>(0, left.count())));
    if (ready >= 0 || errno != EINTR) break;
  }
  close(fd);
  if (ready > 0) waitpid(pid, nullptr, WNOHANG);
  return ready > 0;
}

std::optional<std::string> ended_child(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

Result<Ending> end_process(pid_t pid, Millis grace) {
  const auto send = [pid](int signal_number) -> Status {
    if (kill(pid, signal_number) == 0 || errno == ESRCH) return {};
    return fail(Code::access, "can't end process " + std::to_string(pid) + ": " + std::strerror(errno) + ": run as its owner");
  };
  if (const auto sent = send(SIGTERM); !sent) return pass(sent);
  if (wait_end(pid, grace)) return Ending::graceful;
  if (const auto sent = send(SIGKILL); !sent) return pass(sent);
  if (wait_end(pid, Millis(10'000))) return Ending::killed;
  return fail(Code::unavailable,
              "process " + std::to_string(pid) + " does not end, even killed: it waits for a disk or a mount");
}

Result<std::string> system_program(const std::string& name, const std::string& package) {
  for (const char* directory : {"/usr/local/bin/", "/usr/bin/", "/usr/local/sbin/", "/usr/sbin/"}) {
    if (std::error_code error; files::exists(directory + name, error)) return directory + name;
  }
  return fail(Code::no_entry, "the program " + name + " is missing: install the package " + package);
}

Result<std::string> sibling_program(const std::string& name) {
  std::error_code error;
  const files::path own = files::read_symlink("/proc/self/exe", error);
  const std::string path = own.parent_path() / name;
  if (!error && access(path.c_str(), X_OK) == 0) return path;
  return fail(Code::no_entry, "program " + path + " is missing: build or install all of LaceFS (scripts/build)");
}

}  // namespace lace::cli
