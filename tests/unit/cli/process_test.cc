#include "fs/cli/process.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fs/cli/log_tail.h"

namespace lace::cli {
namespace {

using testing::Contains;
using testing::HasSubstr;

class ProcessTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(directory_); }
  void TearDown() override {
    if (pid_ > 0) (void)end_process(pid_, Millis(0));
    std::filesystem::remove_all(directory_);
  }
  Program program(std::string path, std::vector<std::string> arguments) {
    return {std::move(path), std::move(arguments), directory_ + "/log", directory_ + "/pid", -1};
  }
  void start(const Program& what) {
    const auto pid = start_in_background(what);
    ASSERT_TRUE(pid) << pid.error().what;
    pid_ = *pid;
  }
  std::string log() {
    std::stringstream text;
    text << std::ifstream(directory_ + "/log").rdbuf();
    return text.str();
  }
  std::string directory_ = testing::TempDir() + "lace-process-" + std::to_string(getpid());
  pid_t pid_ = 0;
};

TEST_F(ProcessTest, RunsInASessionOfItsOwnWithAPidFile) {
  start(program("/bin/sleep", {"1000"}));
  EXPECT_EQ(getsid(pid_), pid_);
  EXPECT_EQ(read_pid(directory_ + "/pid"), pid_);
  EXPECT_TRUE(is_running(pid_, "sleep", "1000"));
  EXPECT_THAT(find_running("sleep", "1000"), Contains(pid_));
}

TEST_F(ProcessTest, OfAnotherProgramOrArgumentIsNotTakenForOurs) {
  start(program("/bin/sleep", {"1001"}));
  EXPECT_FALSE(is_running(pid_, "lace-control", "1001"));
  EXPECT_FALSE(is_running(pid_, "sleep", "1002"));
  EXPECT_FALSE(is_running(1, "sleep", "1001"));
}

TEST_F(ProcessTest, EndsWhenAskedOrIsKilled) {
  start(program("/bin/sleep", {"1000"}));
  EXPECT_EQ(end_process(pid_, Millis(5'000)).value(), Ending::graceful);
  EXPECT_FALSE(is_running(pid_, "sleep", "1000"));
  start(program("/bin/sh", {"-c", "trap '' TERM; echo deaf; while :; do read x </dev/zero; done"}));
  while (log().find("deaf") == std::string::npos) std::this_thread::yield();
  EXPECT_EQ(end_process(pid_, Millis(100)).value(), Ending::killed);
}

TEST_F(ProcessTest, ThatFailsSaysHowAndLeavesItsLastWords) {
  std::ofstream(directory_ + "/log") << "old words\n";
  const LogTail tail(directory_ + "/log");
  start(program("/bin/sh", {"-c", "echo 2026-11-22T16:56:29.123Z info x; echo 'x: broken: mend it' >&2; exit 3"}));
  ASSERT_TRUE(wait_end(pid_, Millis(5'000)));
  EXPECT_EQ(tail.last_words(), "\n  x: broken: mend it");
}

TEST_F(ProcessTest, TellsItsExitCodeOnce) {
  start(program("/bin/sh", {"-c", "exit 3"}));
  std::optional<std::string> how;
  while (!how) how = ended_child(pid_);
  EXPECT_EQ(how, "exit code 3");
}

TEST_F(ProcessTest, ThatCantStartSaysWhy) {
  const auto missing = start_in_background(program("/nowhere/program", {}));
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().what, HasSubstr("/nowhere/program: running the program: No such file"));
  Program no_log = program("/bin/true", {});
  no_log.log_path = "/nowhere/log";
  const auto refused = start_in_background(no_log);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().what, HasSubstr("opening the log"));
}

TEST_F(ProcessTest, GetsOneDescriptorAndNoOther) {
  int passed[2];
  const int other = fcntl(0, F_DUPFD, 100);  // beyond what the listing itself opens
  ASSERT_EQ(pipe2(passed, O_CLOEXEC), 0);
  Program lister = program("/bin/sh", {"-c", "echo ready >&" + std::to_string(passed[1]) + "; ls /proc/self/fd"});
  lister.passed_fd = passed[1];
  start(lister);
  close(passed[1]);
  char word[16] = {};
  EXPECT_EQ(read(passed[0], word, sizeof word - 1), 6);
  ASSERT_TRUE(wait_end(pid_, Millis(5'000)));
  std::istringstream listed(log());
  std::vector<int> fds;
  for (int fd; listed >> fd;) fds.push_back(fd);
  EXPECT_THAT(fds, Contains(passed[1]));
  EXPECT_THAT(fds, testing::Not(Contains(other)));
  for (const int fd : {passed[0], other}) close(fd);
}

}  // namespace
}  // namespace lace::cli
