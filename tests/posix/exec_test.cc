// Programs on the file system: they run, and what runs is not written (ETXTBSY).
#include <sys/utsname.h>
#include <sys/wait.h>

#include <cstdio>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;

class Exec : public Workspace {
 protected:
  void SetUp() override {
    Workspace::SetUp();
    make_file("cat", content_of("/bin/cat"), 0755);
  }
};

// Linux 6.11 and 6.12 let running programs be written; before and after they are protected.
bool kernel_lets_programs_be_written() {
  utsname system{};
  int major = 0, minor = 0;
  uname(&system);
  return std::sscanf(system.release, "%d.%d", &major, &minor) == 2 && major == 6 && (minor == 11 || minor == 12);
}

int run(const char* program) {
  execl(program, program, "/dev/null", nullptr);
  return -1;
}

TEST_F(Exec, RunsAProgramThatWasJustWritten) {
  Child child([] {
    SKIP_IF_REFUSED("exec", run("./cat"));
    FAIL() << "exec: " << errno_name(errno);
  });
  EXPECT_EQ(0, child.wait_status());
}

TEST_F(Exec, RefusesWhatHasNoExecuteBitEvenToRoot) {
  EXPECT_OK(chmod("cat", 0644));
  Child child([] { EXPECT_ERRNO(EACCES, run("./cat")); });
  child.join();
  make_dir("dir");
  Child other([] { EXPECT_ERRNO(EACCES, run("./dir")); });
  other.join();
}

TEST_F(Exec, RunsAScriptThroughItsInterpreter) {
  make_file("script", "#!/bin/sh\nexit 7\n", 0755);
  Child child([] {
    SKIP_IF_REFUSED("exec", run("./script"));
    FAIL() << "exec: " << errno_name(errno);
  });
  const int status = child.wait_status();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_TRUE(WEXITSTATUS(status) == 7 || differs("exec"));
}

TEST_F(Exec, KeepsARunningProgramFromBeingWritten) {
  if (kernel_lets_programs_be_written() && differs("text_busy")) GTEST_SKIP() << "this kernel does not protect them";
  int input[2], output[2];
  ASSERT_OK(pipe(input));
  ASSERT_OK(pipe(output));
  Child child([&] {
    dup2(input[0], STDIN_FILENO);
    dup2(output[1], STDOUT_FILENO);
    close(input[1]);
    execl("./cat", "./cat", nullptr);
    (void)!write(output[1], errno == EACCES ? "E" : "?", 1);
  });
  ASSERT_GIVES(1, write(input[1], "x", 1));
  char echo = 0;
  ASSERT_GIVES(1, read(output[0], &echo, 1));
  if (echo == 'E' && differs("exec")) GTEST_SKIP() << "mounted noexec";
  ASSERT_EQ('x', echo) << "cat runs when it echoes";
  EXPECT_ERRNO(ETXTBSY, open("cat", O_WRONLY));
  EXPECT_ERRNO(ETXTBSY, open("cat", O_RDWR | O_TRUNC));
  EXPECT_ERRNO(ETXTBSY, truncate("cat", 0));
  EXPECT_OK(opened("cat", O_RDONLY).get());
  EXPECT_OK(rename("cat", "tac"));
  EXPECT_OK(unlink("tac"));
  for (int end : {input[0], input[1], output[0], output[1]}) close(end);
}

TEST_F(Exec, RefusesToRunWhatIsOpenForWriting) {
  if (kernel_lets_programs_be_written() && differs("text_busy")) GTEST_SKIP() << "this kernel does not protect them";
  const Fd writer = opened("cat", O_WRONLY);
  Child child([] {
    errno = 0;
    SKIP_IF_REFUSED("exec", run("./cat"));
    EXPECT_EQ(ETXTBSY, errno) << errno_name(errno);
  });
  child.join();
}

}  // namespace
