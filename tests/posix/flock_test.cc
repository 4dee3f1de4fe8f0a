// flock(2): locks of open file descriptions.
#include <sys/file.h>
#include <sys/syscall.h>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;

class Flock : public Workspace {
 protected:
  void SetUp() override {
    Workspace::SetUp();
    make_file("a");
  }
};

/// What another process, with an open of its own, gets when it tries.
void expect_elsewhere(int operation, bool granted, Where where = Where::current()) {
  Child other([=] {
    const Fd fd = opened("a", O_RDWR);
    if (granted) {
      EXPECT_OK(flock(fd, operation | LOCK_NB));
    } else {
      EXPECT_ERRNO(EWOULDBLOCK, flock(fd, operation | LOCK_NB));
    }
  });
  other.join(where);
}

TEST_F(Flock, SharesAndExcludes) {
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(flock(fd, LOCK_SH));
  expect_elsewhere(LOCK_SH, true);
  expect_elsewhere(LOCK_EX, false);
  EXPECT_OK(flock(fd, LOCK_EX));
  expect_elsewhere(LOCK_SH, false);
  expect_elsewhere(LOCK_EX, false);
  EXPECT_OK(flock(fd, LOCK_UN));
  expect_elsewhere(LOCK_EX, true);
}

TEST_F(Flock, ExcludesTwoOpensOfOneProcess) {
  const Fd one = opened("a", O_RDONLY), two = opened("a", O_RDONLY);
  EXPECT_OK(flock(one, LOCK_EX));
  EXPECT_ERRNO(EWOULDBLOCK, flock(two, LOCK_EX | LOCK_NB));
  EXPECT_OK(flock(one, LOCK_UN));
  EXPECT_OK(flock(two, LOCK_EX | LOCK_NB));
}

TEST_F(Flock, NeedsNoParticularAccessMode) {
  EXPECT_OK(flock(opened("a", O_RDONLY), LOCK_EX | LOCK_NB));
  EXPECT_OK(flock(opened("a", O_WRONLY), LOCK_SH | LOCK_NB));
  make_dir("d");
  EXPECT_OK(flock(opened("d", O_RDONLY), LOCK_EX | LOCK_NB));
}

TEST_F(Flock, IsReleasedByTheLastCloseOfTheDescription) {
  Fd fd = opened("a", O_RDWR);
  EXPECT_OK(flock(fd, LOCK_EX));
  Fd copy(dup(fd));
  fd.reset();
  expect_elsewhere(LOCK_SH, false);
  copy.reset();
  expect_elsewhere(LOCK_EX, true);
}

TEST_F(Flock, IsNotReleasedWhenAnotherOpenIsClosed) {
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(flock(fd, LOCK_EX));
  EXPECT_OK(opened("a", O_RDWR).get());
  expect_elsewhere(LOCK_SH, false);
}

TEST_F(Flock, IsHeldByAChildThatInheritedIt) {
  Gate leave;
  Fd fd = opened("a", O_RDWR);
  EXPECT_OK(flock(fd, LOCK_EX));
  Child child([&] { leave.wait(); });
  fd.reset();
  expect_elsewhere(LOCK_SH, false);
  leave.open();
  child.join();
  expect_elsewhere(LOCK_EX, true);
}

TEST_F(Flock, IsReleasedAtTheDeathOfItsProcess) {
  Gate locked, never;
  Child holder([&] {
    const Fd fd = opened("a", O_RDWR);
    EXPECT_OK(flock(fd, LOCK_EX));
    locked.open();
    never.wait();
  });
  locked.wait();
  expect_elsewhere(LOCK_SH, false);
  Child waiter([] { EXPECT_OK(flock(opened("a", O_RDWR), LOCK_EX)); });
  waiter.wait_until_blocked_in(SYS_flock);
  holder.kill(SIGKILL);
  waiter.join();
}

TEST_F(Flock, WaitsUntilItIsFree) {
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(flock(fd, LOCK_EX));
  Child waiter([] {
    const Fd theirs = opened("a", O_RDWR);
    EXPECT_OK(flock(theirs, LOCK_EX));
    EXPECT_EQ("done", content_of("a"));
  });
  waiter.wait_until_blocked_in(SYS_flock);
  put(fd, "done", 0);
  EXPECT_OK(flock(fd, LOCK_UN));
  waiter.join();
}

TEST_F(Flock, IsInterruptedInItsWaitByASignal) {
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(flock(fd, LOCK_EX));
  Child waiter([] {
    const Interrupting usr1(SIGUSR1);
    const Fd theirs = opened("a", O_RDWR);
    EXPECT_ERRNO(EINTR, flock(theirs, LOCK_SH));
    EXPECT_ERRNO(EWOULDBLOCK, flock(theirs, LOCK_SH | LOCK_NB));
  });
  waiter.wait_until_blocked_in(SYS_flock);
  waiter.kill(SIGUSR1);
  waiter.join();
  EXPECT_OK(flock(fd, LOCK_UN));
  expect_elsewhere(LOCK_EX, true);
}

TEST_F(Flock, ChangesBetweenSharedAndExclusive) {
  const Fd one = opened("a", O_RDWR), two = opened("a", O_RDWR);
  EXPECT_OK(flock(one, LOCK_SH));
  EXPECT_OK(flock(two, LOCK_SH));
  EXPECT_ERRNO(EWOULDBLOCK, flock(one, LOCK_EX | LOCK_NB));
  EXPECT_OK(flock(two, LOCK_UN));
  EXPECT_OK(flock(one, LOCK_EX | LOCK_NB));
  EXPECT_OK(flock(one, LOCK_SH));
  EXPECT_OK(flock(two, LOCK_SH | LOCK_NB));
}

TEST_F(Flock, GivesAFairTurnToManyProcesses) {
  put(opened("a", O_RDWR), "0000", 0);
  in_processes(8, [](int) {
    const Fd fd = opened("a", O_RDWR);
    for (int i = 0; i < 25; ++i) {
      ASSERT_OK(flock(fd, LOCK_EX));
      const std::string next = std::to_string(10'000 + std::stoi(get(fd, 4, 0)) + 1);
      put(fd, next.substr(1), 0);
      ASSERT_OK(flock(fd, LOCK_UN));
    }
  });
  EXPECT_EQ("0200", content_of("a"));
}

TEST_F(Flock, KnowsNothingOfFcntlLocks) {
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(flock(fd, LOCK_EX));
  Child other([] {
    struct flock whole {};
    whole.l_type = F_WRLCK;
    EXPECT_OK(fcntl(opened("a", O_RDWR), F_SETLK, &whole));
  });
  other.join();
}

TEST_F(Flock, RefusesNonsense) {
  EXPECT_ERRNO(EINVAL, flock(opened("a", O_RDWR), 0));
  EXPECT_ERRNO(EBADF, flock(-1, LOCK_EX));
  EXPECT_ERRNO(EBADF, flock(opened("a", O_PATH), LOCK_SH));
}

}  // namespace
