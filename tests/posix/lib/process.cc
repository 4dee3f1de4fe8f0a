#include "tests/posix/lib/process.h"

#include <grp.h>
#include <poll.h>
#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>

#include "tests/posix/lib/expect.h"

namespace posix {
namespace {

constexpr int failed_expectations = 99;
constexpr unsigned child_limit_s = 60;

int failures_so_far() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  int failures = 0;
  for (int i = 0; i < test->result()->total_part_count(); ++i) failures += test->result()->GetTestPartResult(i).failed();
  return failures;
}

[[noreturn]] void run_as_child(const std::function<void()>& body) {
  const int before = failures_so_far();
  signal(SIGALRM, SIG_DFL);
  alarm(child_limit_s);
  body();
  std::fflush(stdout);
  _exit(failures_so_far() > before ? failed_expectations : 0);
}

void become(const Identity& who) {
  ASSERT_OK(setgroups(who.groups.size(), who.groups.data()));
  ASSERT_OK(setresgid(who.group, who.group, who.group));
  ASSERT_OK(setresuid(who.user, who.user, who.user));
}

std::string describe(int status) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return std::string("was killed by SIG") + sigabbrev_np(number) + (number == SIGALRM ? ": it hung" : "");
  }
  if (WEXITSTATUS(status) == failed_expectations) return "found what is printed above";
  return "ended with exit code " + std::to_string(WEXITSTATUS(status));
}

void nap() { poll(nullptr, 0, 1); }  // between two looks at a condition

}  // namespace

void as(const Identity& who, const std::function<void()>& body, Where where) {
  Child child([&] {
    become(who);
    if (!testing::Test::HasFatalFailure()) body();
  });
  child.join(where);
}

Child::Child(const std::function<void()>& body) {
  std::fflush(stdout);
  pid_ = fork();
  if (pid_ == 0) run_as_child(body);
  if (pid_ < 0) {
    ADD_FAILURE() << "fork: " << errno_name(errno);
    reaped_ = true;
  }
}

Child::~Child() {
  if (reaped_) return;
  kill(SIGKILL);
  reap(0);
}

void Child::reap(int flags) {
  if (reaped_) return;
  pid_t found;
  do found = waitpid(pid_, &status_, flags);
  while (found < 0 && errno == EINTR);
  reaped_ = found != 0;
}

int Child::wait_status() {
  reap(0);
  return status_;
}

bool Child::ended() {
  reap(WNOHANG);
  return reaped_;
}

void Child::join(Where where) {
  if (const int status = wait_status(); status != 0) {
    ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line())) << "the child process " << describe(status);
  }
}

void Child::kill(int signal) {
  if (!reaped_) ::kill(pid_, signal);
}

void Child::wait_until_blocked_in(long call, Where where) {
  const std::string file = "/proc/" + std::to_string(pid_) + "/syscall";
  for (int looks = 0; looks < 20'000; ++looks) {
    long now = -1;  // the file says "running" when the process is not in a call
    if (std::ifstream(file) >> now && now == call) return;
    if (ended()) break;
    nap();
  }
  ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line())) << "the child does not wait in the call it should";
}

void in_processes(int count, const std::function<void(int)>& body, Where where) {
  Gate start;
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < count; ++i) {
    children.push_back(std::make_unique<Child>([&, i] {
      start.wait();
      body(i);
    }));
  }
  start.open(count);
  for (auto& child : children) child->join(where);
}

Gate::Gate() {
  int ends[2];
  if (pipe(ends) != 0) return;
  in_ = Fd(ends[1]);
  out_ = Fd(ends[0]);
}

void Gate::open(int tickets) {
  const std::string all(static_cast<size_t>(tickets), '.');
  EXPECT_GIVES(tickets, write(in_, all.data(), all.size()));
}

void Gate::wait(Where where) {
  pollfd ready{out_, POLLIN, 0};
  int found;
  do found = poll(&ready, 1, 60'000);
  while (found < 0 && errno == EINTR);
  char ticket;
  if (found != 1 || read(out_, &ticket, 1) != 1) {
    ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line())) << "nobody opened the gate";
  }
}

Interrupting::Interrupting(int signal) : signal_(signal), before_{} {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(signal_, &action, &before_);
}

Interrupting::~Interrupting() { sigaction(signal_, &before_, nullptr); }

}  // namespace posix
