#include "tests/lib/isolation.h"

#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace lace::test {
namespace {

bool isolated = false;

int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

bool loopback_up() {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  bool done = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0;
  request.ifr_flags |= IFF_UP;
  done = done && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  if (fd >= 0) close(fd);
  return done;
}

// The first process of the new world: reaps what others leave, and ends with the test.
[[noreturn]] void run_first_process(int (*body)(int, char**), int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (mount("proc", "/proc", "proc", 0, "") != 0 || !loopback_up()) {
    std::perror("isolation");
    _exit(125);
  }
  const pid_t test = fork();
  if (test == 0) {
    std::exit(body(argc, argv));
  }
  while (true) {
    int status = 0;
    const pid_t ended = waitpid(-1, &status, 0);
    if (ended == test) _exit(exit_code_of(status));
    if (ended < 0 && errno == ECHILD) _exit(125);
  }
}

}  // namespace

bool is_isolated() { return isolated; }

int run_isolated(int (*body)(int argc, char** argv), int argc, char** argv) {
  if (unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET) != 0 || mount("none", "/", "", MS_REC | MS_PRIVATE, "") != 0) {
    return body(argc, argv);
  }
  isolated = true;
  const pid_t first = fork();
  if (first == 0) run_first_process(body, argc, argv);
  int status = 0;
  while (waitpid(first, &status, 0) < 0 && errno == EINTR) {
  }
  return exit_code_of(status);
}

}  // namespace lace::test
