// fcntl(2) record locks: of processes (F_SETLK), and of open file descriptions (F_OFD_SETLK).
#include <sys/syscall.h>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;

class FcntlLock : public Workspace {
 protected:
  void SetUp() override {
    Workspace::SetUp();
    make_file("a", pattern(1'000));
  }
};
using OfdLock = FcntlLock;

struct flock range(short type, off_t start, off_t length) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = start;
  lock.l_len = length;
  return lock;
}

int lock(int fd, short type, off_t start, off_t length, int command = F_SETLK) {
  struct flock wanted = range(type, start, length);
  return fcntl(fd, command, &wanted);
}

/// "free" or what is in the way of a write lock of the range, as another process sees it: "w 10+5" (type, start + length).
std::string in_the_way(off_t start, off_t length, pid_t* holder = nullptr) {
  int ends[2];
  EXPECT_OK(pipe(ends));
  Child other([&] {
    struct flock asked = range(F_WRLCK, start, length);
    EXPECT_OK(fcntl(opened("a", O_RDWR), F_GETLK, &asked));
    EXPECT_GIVES(sizeof asked, write(ends[1], &asked, sizeof asked));
  });
  struct flock found {};
  EXPECT_GIVES(sizeof found, read(ends[0], &found, sizeof found));
  other.join();
  close(ends[0]);
  close(ends[1]);
  if (holder) *holder = found.l_pid;
  if (found.l_type == F_UNLCK) return "free";
  return std::string(found.l_type == F_WRLCK ? "w " : "r ") + std::to_string(found.l_start) + "+" + std::to_string(found.l_len);
}

TEST_F(FcntlLock, ExcludesOtherProcessesFromItsRangeOnly) {
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(lock(fd, F_WRLCK, 100, 50));
  Child other([] {
    const Fd theirs = opened("a", O_RDWR);
    EXPECT_ERRNO(either(EAGAIN, EACCES), lock(theirs, F_WRLCK, 149, 1));
    EXPECT_ERRNO(either(EAGAIN, EACCES), lock(theirs, F_RDLCK, 0, 101));
    EXPECT_ERRNO(either(EAGAIN, EACCES), lock(theirs, F_RDLCK, 0, 0));
    EXPECT_OK(lock(theirs, F_WRLCK, 0, 100));
    EXPECT_OK(lock(theirs, F_WRLCK, 150, 0));
  });
  other.join();
}

TEST_F(FcntlLock, SharesReadLocks) {
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(lock(fd, F_RDLCK, 0, 10));
  Child other([] {
    const Fd theirs = opened("a", O_RDWR);
    EXPECT_OK(lock(theirs, F_RDLCK, 5, 10));
    EXPECT_ERRNO(either(EAGAIN, EACCES), lock(theirs, F_WRLCK, 5, 10));
  });
  other.join();
}

TEST_F(FcntlLock, TellsWhoHoldsWhatWithGetlk) {
  const Fd fd = opened("a", O_RDWR);
  EXPECT_EQ("free", in_the_way(0, 0));
  EXPECT_OK(lock(fd, F_WRLCK, 10, 5));
  pid_t holder = 0;
  EXPECT_EQ("w 10+5", in_the_way(0, 0, &holder));
  EXPECT_EQ(getpid(), holder);
  EXPECT_EQ("free", in_the_way(15, 0));
  EXPECT_EQ("free", in_the_way(0, 10));
  EXPECT_OK(lock(fd, F_RDLCK, 20, 0));
  EXPECT_EQ("r 20+0", in_the_way(500, 10)) << "to the end of all files";
  struct flock own = range(F_WRLCK, 0, 0);
  EXPECT_OK(fcntl(fd, F_GETLK, &own));
  EXPECT_EQ(F_UNLCK, own.l_type) << "a process is not in its own way";
}

TEST_F(FcntlLock, SplitsJoinsAndConvertsRanges) {
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(lock(fd, F_WRLCK, 0, 30));
  EXPECT_OK(lock(fd, F_UNLCK, 10, 10));
  EXPECT_EQ("w 0+10", in_the_way(0, 15));
  EXPECT_EQ("free", in_the_way(10, 10));
  EXPECT_EQ("w 20+10", in_the_way(10, 100));
  EXPECT_OK(lock(fd, F_WRLCK, 10, 10));
  EXPECT_EQ("w 0+30", in_the_way(5, 1)) << "joined";
  EXPECT_OK(lock(fd, F_RDLCK, 5, 5));
  EXPECT_EQ("w 0+5", in_the_way(0, 5));
  EXPECT_EQ("r 5+5", in_the_way(5, 5));
  EXPECT_EQ("w 10+20", in_the_way(10, 5));
  EXPECT_OK(lock(fd, F_UNLCK, 0, 0));
  EXPECT_EQ("free", in_the_way(0, 0));
}

TEST_F(FcntlLock, CountsRangesFromTheOffsetTheEndAndBackwards) {
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(lseek(fd, 100, SEEK_SET));
  struct flock here = range(F_WRLCK, 10, 5);
  here.l_whence = SEEK_CUR;
  EXPECT_OK(fcntl(fd, F_SETLK, &here));
  EXPECT_EQ("w 110+5", in_the_way(0, 200));
  struct flock end = range(F_WRLCK, -10, 5);
  end.l_whence = SEEK_END;
  EXPECT_OK(fcntl(fd, F_SETLK, &end));
  EXPECT_EQ("w 990+5", in_the_way(900, 0));
  EXPECT_OK(lock(fd, F_WRLCK, 500, -20));
  EXPECT_EQ("w 480+20", in_the_way(400, 200));
  EXPECT_ERRNO(EINVAL, lock(fd, F_WRLCK, 10, -20));
  EXPECT_ERRNO(EINVAL, lock(fd, F_WRLCK, -1, 5));
}

TEST_F(FcntlLock, NeedsTheRightToReadOrWrite) {
  const Fd reader = opened("a", O_RDONLY), writer = opened("a", O_WRONLY);
  EXPECT_ERRNO(EBADF, lock(reader, F_WRLCK, 0, 1));
  EXPECT_ERRNO(EBADF, lock(writer, F_RDLCK, 0, 1));
  EXPECT_OK(lock(reader, F_RDLCK, 0, 1));
  EXPECT_OK(lock(writer, F_WRLCK, 0, 1));
  EXPECT_ERRNO(EINVAL, lock(reader, 77, 0, 1));
  EXPECT_ERRNO(EBADF, lock(-1, F_RDLCK, 0, 1));
}

TEST_F(FcntlLock, IsReleasedWhenTheProcessClosesAnyDescriptorOfTheFile) {
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(lock(fd, F_WRLCK, 0, 0));
  EXPECT_EQ("w 0+0", in_the_way(0, 0));
  EXPECT_OK(opened("a", O_RDONLY).reset());
  EXPECT_EQ("free", in_the_way(0, 0));
}

TEST_F(FcntlLock, IsNotInherited) {
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(lock(fd, F_WRLCK, 0, 10));
  Child child([&] {
    EXPECT_ERRNO(either(EAGAIN, EACCES), lock(fd, F_WRLCK, 0, 10));
    EXPECT_OK(lock(fd, F_WRLCK, 10, 10));
  });
  child.join();
  EXPECT_EQ("w 0+10", in_the_way(0, 0)) << "the child's end released only the child's";
}

TEST_F(FcntlLock, WaitsUntilTheRangeIsFree) {
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(lock(fd, F_WRLCK, 0, 10));
  Child waiter([] {
    EXPECT_OK(lock(opened("a", O_RDWR), F_WRLCK, 5, 10, F_SETLKW));
    EXPECT_EQ("done", content_of("a").substr(0, 4));
  });
  waiter.wait_until_blocked_in(SYS_fcntl);
  put(fd, "done", 0);
  EXPECT_OK(lock(fd, F_UNLCK, 0, 5));
  EXPECT_FALSE(waiter.ended()) << "half of it is not free yet";
  EXPECT_OK(lock(fd, F_UNLCK, 5, 5));
  waiter.join();
}

TEST_F(FcntlLock, IsReleasedAtTheDeathOfItsProcess) {
  Gate locked, never;
  Child holder([&] {
    const Fd fd = opened("a", O_RDWR);
    EXPECT_OK(lock(fd, F_WRLCK, 0, 0));
    locked.open();
    never.wait();
  });
  locked.wait();
  Child waiter([] { EXPECT_OK(lock(opened("a", O_RDWR), F_RDLCK, 0, 0, F_SETLKW)); });
  waiter.wait_until_blocked_in(SYS_fcntl);
  holder.kill(SIGKILL);
  waiter.join();
}

TEST_F(FcntlLock, IsInterruptedInItsWaitByASignal) {
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(lock(fd, F_WRLCK, 0, 10));
  Child waiter([] {
    const Interrupting usr1(SIGUSR1);
    const Fd theirs = opened("a", O_RDWR);
    EXPECT_ERRNO(EINTR, lock(theirs, F_WRLCK, 0, 10, F_SETLKW));
  });
  waiter.wait_until_blocked_in(SYS_fcntl);
  waiter.kill(SIGUSR1);
  waiter.join();
  EXPECT_OK(lock(fd, F_UNLCK, 0, 0));
  EXPECT_EQ("free", in_the_way(0, 0)) << "nobody waits any more";
}

TEST_F(FcntlLock, DiesInItsWaitOfSigkill) {
  const Fd fd = opened("a", O_RDWR);
  EXPECT_OK(lock(fd, F_WRLCK, 0, 10));
  Child waiter([] { (void)lock(opened("a", O_RDWR), F_WRLCK, 0, 10, F_SETLKW); });
  waiter.wait_until_blocked_in(SYS_fcntl);
  waiter.kill(SIGKILL);
  waiter.wait_status();
  EXPECT_OK(lock(fd, F_UNLCK, 0, 0));
  EXPECT_EQ("free", in_the_way(0, 0));
}

TEST_F(FcntlLock, RefusesOneOfTwoThatWaitForEachOther) {
  int ends[2];
  ASSERT_OK(pipe(ends));
  Gate has[2];
  const auto body = [&](int self) {
    const Fd fd = opened("a", O_RDWR);
    ASSERT_OK(lock(fd, F_WRLCK, self, 1));
    has[self].open();
    has[1 - self].wait();
    const Outcome second(lock(fd, F_WRLCK, 1 - self, 1, F_SETLKW));
    const char result = second.failed ? (second.error == EDEADLK ? 'd' : '?') : 'o';
    EXPECT_GIVES(1, write(ends[1], &result, 1));
  };
  in_processes(2, body);
  char results[3] = {};
  EXPECT_GIVES(2, read(ends[0], results, 2));
  EXPECT_STREQ("do", results) << "d: EDEADLK, o: got the lock after the other one gave up";
  close(ends[0]);
  close(ends[1]);
}

TEST_F(FcntlLock, UpgradesAReadLockOnlyWhenAlone) {
  const Fd fd = opened("a", O_RDWR);
  Gate locked, leave;
  EXPECT_OK(lock(fd, F_RDLCK, 0, 10));
  Child other([&] {
    const Fd theirs = opened("a", O_RDWR);
    EXPECT_OK(lock(theirs, F_RDLCK, 0, 10));
    locked.open();
    leave.wait();
  });
  locked.wait();
  EXPECT_ERRNO(either(EAGAIN, EACCES), lock(fd, F_WRLCK, 0, 10));
  EXPECT_EQ("r 0+10", in_the_way(0, 10)) << "the read lock is kept";
  leave.open();
  EXPECT_OK(lock(fd, F_WRLCK, 0, 10, F_SETLKW));
  other.join();
}

TEST_F(FcntlLock, GivesManyProcessesTheirTurns) {
  put(opened("a", O_RDWR), "0000", 0);
  in_processes(8, [](int) {
    const Fd fd = opened("a", O_RDWR);
    for (int i = 0; i < 25; ++i) {
      ASSERT_OK(lock(fd, F_WRLCK, 0, 4, F_SETLKW));
      const std::string next = std::to_string(10'000 + std::stoi(get(fd, 4, 0)) + 1);
      put(fd, next.substr(1), 0);
      ASSERT_OK(lock(fd, F_UNLCK, 0, 4));
    }
  });
  EXPECT_EQ("0200", content_of("a").substr(0, 4));
}

TEST_F(OfdLock, ExcludesOtherDescriptionsAlsoOfTheSameProcess) {
  const Fd one = opened("a", O_RDWR), two = opened("a", O_RDWR);
  SKIP_IF_REFUSED("ofd_locks", lock(one, F_WRLCK, 0, 10, F_OFD_SETLK));
  EXPECT_OK(lock(one, F_WRLCK, 0, 10, F_OFD_SETLK));
  EXPECT_ERRNO(either(EAGAIN, EACCES), lock(two, F_WRLCK, 5, 10, F_OFD_SETLK));
  EXPECT_OK(lock(two, F_WRLCK, 10, 10, F_OFD_SETLK));
  struct flock asked = range(F_WRLCK, 0, 5);
  EXPECT_OK(fcntl(two, F_OFD_GETLK, &asked));
  EXPECT_EQ(F_WRLCK, asked.l_type);
  EXPECT_EQ(-1, asked.l_pid) << "no process holds it";
}

TEST_F(OfdLock, IsReleasedByTheLastCloseOfItsDescriptionOnly) {
  Fd one = opened("a", O_RDWR);
  const Fd two = opened("a", O_RDWR);
  SKIP_IF_REFUSED("ofd_locks", lock(one, F_WRLCK, 0, 10, F_OFD_SETLK));
  Fd copy(dup(one));
  EXPECT_OK(opened("a", O_RDWR).reset());
  one.reset();
  EXPECT_ERRNO(either(EAGAIN, EACCES), lock(two, F_WRLCK, 0, 10, F_OFD_SETLK));
  copy.reset();
  EXPECT_OK(lock(two, F_WRLCK, 0, 10, F_OFD_SETLK));
}

TEST_F(OfdLock, ConflictsWithLocksOfProcesses) {
  const Fd one = opened("a", O_RDWR);
  SKIP_IF_REFUSED("ofd_locks", lock(one, F_WRLCK, 0, 10, F_OFD_SETLK));
  Child other([] { EXPECT_ERRNO(either(EAGAIN, EACCES), lock(opened("a", O_RDWR), F_WRLCK, 0, 10)); });
  other.join();
}

}  // namespace
