// Other processes and other users. Failed expectations in a child fail the test that started it; their text is on stdout.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <functional>
#include <source_location>
#include <vector>

#include "tests/posix/lib/files.h"

namespace posix {

/// Who asks. Nobody of the machine needs to have these numbers.
struct Identity {
  uid_t user;
  gid_t group;
  std::vector<gid_t> groups;  ///< supplementary
};
inline const Identity owner{65533, 65533, {}};
inline const Identity stranger{65534, 65534, {}};

/// Runs `body` as somebody else (all three user and group ids) in a child, and waits for it.
void as(const Identity& who, const std::function<void()>& body, Where where = Where::current());

/// A process that runs `body` and ends. It is killed when this goes out of scope, and by itself after a minute.
class Child {
 public:
  explicit Child(const std::function<void()>& body);
  Child(const Child&) = delete;
  ~Child();

  pid_t pid() const { return pid_; }
  /// Waits for the end, and expects that all expectations in it held.
  void join(Where where = Where::current());
  /// Waits for the end; the status as waitpid gives it.
  int wait_status();
  void kill(int signal);
  /// Returns when the process sleeps in this system call (SYS_...); a failure if it does not within 20 s.
  void wait_until_blocked_in(long call, Where where = Where::current());
  /// Has it ended? Does not wait.
  bool ended();

 private:
  void reap(int flags);
  pid_t pid_;
  int status_ = 0;
  bool reaped_ = false;
};

/// Runs body(0) ... body(count - 1) in as many processes at the same time, started together; waits for all.
void in_processes(int count, const std::function<void(int)>& body, Where where = Where::current());

/// Lets processes wait for one another: each wait() takes one ticket.
class Gate {
 public:
  Gate();
  void open(int tickets = 1);
  void wait(Where where = Where::current());  ///< a failure after 60 s

 private:
  Fd in_, out_;
};

/// From here to the end of its scope the signal only interrupts system calls (no SA_RESTART).
class Interrupting {
 public:
  explicit Interrupting(int signal);
  ~Interrupting();

 private:
  int signal_;
  struct sigaction before_;
};

}  // namespace posix
