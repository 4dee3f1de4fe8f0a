#include "common/base/process.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace lace {
namespace {

// A child that waits to be killed, and who it is.
class Child {
 public:
  Child() {
    int pipe_ends[2];
    EXPECT_EQ(pipe(pipe_ends), 0);
    pid_ = fork();
    if (pid_ == 0) {
      const uint64_t started = own_process().started;
      if (write(pipe_ends[1], &started, sizeof started) != sizeof started) _exit(1);
      for (;;) pause();
    }
    id_ = own_process();
    id_.number = static_cast<uint32_t>(pid_);
    EXPECT_EQ(read(pipe_ends[0], &id_.started, sizeof id_.started), static_cast<ssize_t>(sizeof id_.started));
    close(pipe_ends[0]);
    close(pipe_ends[1]);
  }
  ~Child() { take_away(); }

  const ProcessId& id() const { return id_; }
  void kill() {  // it stays a zombie
    ::kill(pid_, SIGKILL);
    siginfo_t info;
    EXPECT_EQ(waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT), 0);
  }
  void take_away() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
  ProcessId id_;
};

TEST(Process, ThatRunsHasNotEnded) {
  ASSERT_FALSE(own_process().where.empty());
  EXPECT_FALSE(has_ended(own_process()));
  EXPECT_FALSE(has_ended(Child().id()));
}

TEST(Process, ThatWasKilledHasEndedBeforeAndAfterItsParentKnows) {
  Child child;
  child.kill();
  EXPECT_TRUE(has_ended(child.id()));
  child.take_away();
  EXPECT_TRUE(has_ended(child.id()));
}

TEST(Process, HasEndedWhenAnotherHasItsNumber) {
  ProcessId earlier = own_process();
  --earlier.started;
  EXPECT_TRUE(has_ended(earlier));
}

TEST(Process, HasEndedWhenTheMachineWasStartedAgain) {
  ProcessId earlier = own_process();
  earlier.where = "another-boot" + earlier.where.substr(earlier.where.find('/'));
  EXPECT_TRUE(has_ended(earlier));
}

TEST(Process, ElsewhereOrUnknownIsNeverSaidToHaveEnded) {
  Child child;
  child.take_away();
  ProcessId elsewhere = child.id();
  elsewhere.where += "0";
  EXPECT_FALSE(has_ended(elsewhere));
  elsewhere.where.clear();
  EXPECT_FALSE(has_ended(elsewhere));
  EXPECT_FALSE(has_ended({child.id().where, child.id().number, 0}));
  EXPECT_FALSE(has_ended({}));
}

}  // namespace
}  // namespace lace
