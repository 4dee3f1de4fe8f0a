#include "tests/lib/shell.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace lace::test {
namespace {

constexpr size_t longest_output = 20'000;  // the end is what tells

std::string read_descriptor(int fd) {
  std::string text;
  char piece[16384];
  lseek(fd, 0, SEEK_SET);
  for (ssize_t length; (length = read(fd, piece, sizeof piece)) > 0;) text.append(piece, static_cast<size_t>(length));
  if (text.size() > longest_output) text = "[...]" + text.substr(text.size() - longest_output);
  return text;
}

}  // namespace

struct Background::State {
  pid_t pid = 0;
  int output = -1;
  Ran ran;

  bool wait(Millis timeout) {
    if (pid == 0) return true;
    const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    pollfd wanted{fd, POLLIN, 0};
    const Instant end = SystemClock().now() + timeout;
    int ready = 0;
    while (fd >= 0) {
      const auto left = std::chrono::duration_cast<Millis>(end - SystemClock().now());
      ready = poll(&wanted, 1, static_cast<int>(std::max<int64_t>(0, left.count())));
      if (ready >= 0 || errno != EINTR) break;
    }
    if (fd >= 0) close(fd);
    if (fd >= 0 && ready == 0) return false;
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    ran = {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_descriptor(output)};
    ::kill(-pid, SIGKILL);  // what it left in its process group
    pid = 0;
    return true;
  }
};

Background::Background(const std::string& script, const Environment& environment) : state_(std::make_unique<State>()) {
  state_->output = static_cast<int>(syscall(SYS_memfd_create, "output", 1u));
  std::vector<std::string> variables;
  for (char** each = environ; *each; ++each) variables.emplace_back(*each);
  for (const auto& [name, value] : environment) {
    std::erase_if(variables, [&name = name](const auto& one) { return one.starts_with(name + '='); });
    variables.push_back(name + '=' + value);
  }
  std::vector<char*> pointers;
  for (auto& variable : variables) pointers.push_back(variable.data());
  pointers.push_back(nullptr);
  const std::string whole = "not() { if \"$@\"; then return 1; fi; }; " + script;
  const char* const words[] = {"/bin/bash", "-euo", "pipefail", "-c", whole.c_str(), nullptr};
  const pid_t parent = getpid();
  state_->pid = fork();
  if (state_->pid != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  setpgid(0, 0);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, 0);
  dup2(state_->output, 1);
  dup2(state_->output, 2);
  execve(words[0], const_cast<char* const*>(words), pointers.data());
  _exit(127);
}

Background::Background(Background&&) noexcept = default;
Background::~Background() {
  if (!state_) return;
  kill();
  close(state_->output);
}

bool Background::running() { return !state_->wait(Millis(0)); }

void Background::kill() {
  if (state_->pid == 0) return;
  ::kill(-state_->pid, SIGKILL);
  ::kill(state_->pid, SIGKILL);
  (void)state_->wait(Millis(10'000));
}

Ran Background::wait(Millis timeout) {
  if (state_->wait(timeout)) return state_->ran;
  Ran late{124, read_descriptor(state_->output) + "\n(killed: the time was over)"};
  kill();
  return late;
}

Ran shell(const std::string& script, const Environment& environment, Millis timeout) {
  return Background(script, environment).wait(timeout);
}

testing::AssertionResult shell_passes(const char*, const char*, const Environment& environment, const std::string& script) {
  const Ran ran = shell(script, environment);
  if (ran.ok()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "exit code " << ran.code << " of\n" << script << "\nwhich said:\n" << ran.output;
}

}  // namespace lace::test
