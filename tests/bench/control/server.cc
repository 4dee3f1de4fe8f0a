#include "tests/bench/control/server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace lace::bench {
namespace {

std::string read_proc(pid_t pid, const char* name) {
  std::ifstream file("/proc/" + std::to_string(pid) + '/' + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

uint64_t status_bytes(pid_t pid, const std::string& field) {
  const std::string text = read_proc(pid, "status");
  const size_t at = text.find('\n' + field + ':');
  return at == text.npos ? 0 : std::strtoull(text.c_str() + at + field.size() + 2, nullptr, 10) << 10;
}

}  // namespace

Server::Server(std::string program, const std::string& parent)
    : program_(std::move(program)), directory_(parent + "/lace-XXXXXX") {
  if (mkdtemp(directory_.data()) == nullptr) throw std::runtime_error(parent + ": can't make a directory there");
  std::filesystem::create_directory(directory_ + "/data");
}

Server::~Server() {
  kill();
  std::error_code error;
  std::filesystem::remove_all(directory_, error);
}

Status Server::start() {
  const std::string data = directory_ + "/data", listen = url();
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return fail(Code::io, "fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int log = open(log_path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (getppid() != parent || log < 0 || dup2(log, 2) < 0) _exit(126);
    execl(program_.c_str(), program_.c_str(), "--data", data.c_str(), "--name", "control-1", "--listen", listen.c_str(),
          nullptr);
    _exit(127);
  }
  pid_ = pid;
  return {};
}

Status Server::stop() {
  if (pid_ == 0) return {};
  ::kill(pid_, SIGTERM);
  int status = 0;
  while (waitpid(std::exchange(pid_, 0), &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(Code::io, program_ + " did not end well, see its last words in " + log_path());
}

void Server::kill() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(std::exchange(pid_, 0), nullptr, 0);
}

double Server::cpu_seconds() const {
  // Fields 14 and 15, counted from 1; the second one, the name, may hold blanks and ends with a parenthesis.
  std::istringstream fields(read_proc(pid_, "stat"));
  fields.ignore(10'000, ')');
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  uint64_t user = 0, system = 0;
  fields >> user >> system;
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

uint64_t Server::rss_bytes() const { return status_bytes(pid_, "VmRSS"); }
uint64_t Server::peak_rss_bytes() const { return status_bytes(pid_, "VmHWM"); }

uint64_t Server::stored_bytes(const std::string& file) const {
  struct stat found {};
  return stat((directory_ + "/data/" + file).c_str(), &found) == 0 ? static_cast<uint64_t>(found.st_size) : 0;
}

}  // namespace lace::bench
