#include "tests/posix/lib/workspace.h"

#include <signal.h>
#include <sys/wait.h>

#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace posix {
namespace {

constexpr unsigned test_limit_s = 240;
std::string run_path;
char test_name[256];

void on_hang(int) {
  const char text[] = "\nHUNG: a call did not return in ";
  (void)!write(STDOUT_FILENO, text, sizeof text - 1);
  (void)!write(STDOUT_FILENO, test_name, strlen(test_name));
  (void)!write(STDOUT_FILENO, "\n", 1);
  _exit(3);
}

// A mount that lets in only the user who mounted it would fail every test about rights, with no hint at the reason.
void check_others_get_in() {
  const pid_t pid = fork();
  if (pid == 0) {
    const bool in = setresgid(stranger.group, stranger.group, stranger.group) == 0 &&
                    setresuid(stranger.user, stranger.user, stranger.user) == 0 && access(".", X_OK) == 0;
    _exit(in ? 0 : 1);
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
    throw std::runtime_error(run_path + ": other users are not let in: mount it with -o allow_other");
  }
}

}  // namespace

void open_run(const std::string& base) {
  if (geteuid() != 0) throw std::runtime_error("run it as root: it acts as several users");
  run_path = base + "/posix-suite-XXXXXX";
  if (!mkdtemp(run_path.data())) throw std::runtime_error("cannot make a directory in " + base + ": " + errno_name(errno));
  if (chmod(run_path.c_str(), 0755) != 0 || chdir(run_path.c_str()) != 0) {
    throw std::runtime_error("cannot use " + run_path + ": " + errno_name(errno));
  }
  check_others_get_in();
}

void close_run() {
  if (run_path.empty()) return;
  std::error_code ignored;
  (void)!chdir("/");
  std::filesystem::remove_all(run_path, ignored);
  if (ignored) std::fprintf(stderr, "posix_suite: left behind: %s: %s\n", run_path.c_str(), ignored.message().c_str());
  run_path.clear();
}

const std::string& run_dir() { return run_path; }

void Workspace::SetUp() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  const std::string name = std::string(test->test_suite_name()) + "." + test->name();
  strncpy(test_name, name.c_str(), sizeof test_name - 1);
  home_ = run_path + "/" + name;
  umask(022);
  signal(SIGALRM, on_hang);
  alarm(test_limit_s);
  ASSERT_OK(mkdir(home_.c_str(), 0755));
  ASSERT_OK(chdir(home_.c_str()));
}

void Workspace::TearDown() {
  umask(022);
  ASSERT_OK(chdir(run_path.c_str()));
  std::error_code error;
  std::filesystem::remove_all(home_, error);
  EXPECT_FALSE(error) << "removing " << home_ << ": " << error.message();
  alarm(0);
}

}  // namespace posix
