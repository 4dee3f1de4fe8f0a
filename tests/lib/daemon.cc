#include "tests/lib/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace lace::test {
namespace {

[[noreturn]] void become(const std::string& path, char* const* arguments, const std::string& log_path, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  setpgid(0, 0);
  const int null = open("/dev/null", O_RDONLY);
  const int log = open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) _exit(126);
  syscall(SYS_close_range, 3u, ~0u, 0u);
  execv(path.c_str(), arguments);
  _exit(127);
}

bool wait_readable(int fd, Millis timeout) {
  pollfd wanted{fd, POLLIN, 0};
  const Instant end = SystemClock().now() + timeout;
  while (true) {
    const auto left = std::chrono::duration_cast<Millis>(end - SystemClock().now());
    const int ready = poll(&wanted, 1, static_cast<int>(std::max<int64_t>(0, left.count())));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

}  // namespace

Daemon::Daemon(std::string name, std::string program, std::vector<std::string> arguments, std::string log_path)
    : name_(std::move(name)), program_(std::move(program)), arguments_(std::move(arguments)), log_path_(std::move(log_path)) {}

Daemon::~Daemon() { kill(); }

void Daemon::start() {
  ASSERT_EQ(pid_, 0) << name_ << " runs already";
  const std::string path = program_path(program_);
  std::vector<char*> words{const_cast<char*>(path.c_str())};
  for (const auto& argument : arguments_) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become(path, words.data(), log_path_, parent);
  ASSERT_GT(pid, 0) << "fork";
  pid_ = pid;
}

std::optional<int> Daemon::wait(Millis timeout) {
  if (pid_ == 0) return 0;
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  const bool ended = fd < 0 || wait_readable(fd, timeout);
  if (fd >= 0) close(fd);
  if (!ended) return std::nullopt;
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Daemon::kill() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  (void)wait(Millis(60'000));
}

int Daemon::terminate() {
  if (pid_ == 0) return 0;
  ::kill(pid_, SIGTERM);
  const auto code = wait(Millis(30'000));
  if (!code) {
    ADD_FAILURE() << name_ << " does not end on SIGTERM";
    kill();
  }
  return code.value_or(128 + SIGKILL);
}

void Daemon::stop() { ASSERT_EQ(::kill(pid_, SIGSTOP), 0); }
void Daemon::resume() { ASSERT_EQ(::kill(pid_, SIGCONT), 0); }
bool Daemon::running() { return pid_ != 0 && !wait(Millis(0)); }
std::string Daemon::log() const { return read_file(log_path_); }

std::string program_path(const std::string& name) {
  if (name.starts_with('/')) return name;
  if (const char* given = std::getenv("LACE_BIN")) return std::string(given) + '/' + name;
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
  return own.parent_path().parent_path() / "bin" / name;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace lace::test
