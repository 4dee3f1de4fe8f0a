#include "tests/unit/fuse/mounted.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <fstream>
#include <iostream>

#include "fs/fuse/mount_point.h"

namespace lace::fs::fuse {

namespace {

// A process that serves its own mount can't even be killed while it waits for itself. So a test that hangs is ended from
// inside, and its mount by force.
char directory_of_alarm[256];

void on_alarm(int) {
  static constexpr char words[] = "\n*** the test hangs: its mount is taken away by force ***\n";
  static_cast<void>(!::write(STDERR_FILENO, words, sizeof words - 1));
  ::umount2(directory_of_alarm, MNT_FORCE);
  ::umount2(directory_of_alarm, MNT_DETACH);
  ::_exit(124);
}

void set_alarm(const std::string& directory) {
  directory.copy(directory_of_alarm, sizeof directory_of_alarm - 1);
  struct sigaction action {};
  action.sa_handler = on_alarm;
  ::sigaction(SIGALRM, &action, nullptr);
  ::alarm(90);
}

}  // namespace

void MountedTest::SetUp() {
  if (::access("/dev/fuse", R_OK | W_OK) != 0) {
    std::cerr << "\n*** /dev/fuse is missing: NOTHING IS MOUNTED, and these tests test NOTHING ***\n\n";
    GTEST_SKIP() << "/dev/fuse is missing";
  }
  std::string name = (std::filesystem::temp_directory_path() / "lace-fuse-test-XXXXXX").string();
  directory = std::filesystem::canonical(::mkdtemp(name.data()));
  stop_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  set_alarm(directory);
}

void MountedTest::TearDown() {
  if (directory.empty()) return;
  if (runner.joinable()) {
    stop();
    join();
  }
  EXPECT_FALSE(is_mounted());
  if (is_mounted()) ::umount2(directory.c_str(), MNT_DETACH);
  ::close(stop_fd);
  ::alarm(0);
  std::filesystem::remove_all(directory);
}

void MountedTest::mount(MountFlags flags, int max_threads) {
  auto attached = Mount::attach(file_system, network, clock, {directory, std::move(flags), "ipc:///control", max_threads});
  ASSERT_TRUE(attached) << attached.error().what;
  mounted = std::move(*attached);
  runner = std::thread([this] { mounted->run(stop_fd); });
}

void MountedTest::join() {
  runner.join();
  mounted.reset();
}

bool MountedTest::is_mounted() const { return mounted_at(directory).has_value(); }

void MountedTest::write_file(const std::string& name, const std::string& content) const {
  std::ofstream(path(name)) << content;
}

std::string MountedTest::read_file(const std::string& name) const {
  std::ifstream file(path(name));
  return {std::istreambuf_iterator<char>(file), {}};
}

InodeId MountedTest::inode_of(const std::string& name) const {
  struct stat found {};
  EXPECT_EQ(0, ::lstat(path(name).c_str(), &found)) << name;
  return InodeId{found.st_ino};
}

Child::Child(const std::function<int()>& body) : id_(::fork()) {
  if (id_ != 0) return;
  // Whoever holds a descriptor of the mount's device keeps the mount alive.
  ::close_range(3, ~0u, 0);
  ::_exit(body());
}

Child::~Child() {
  if (id_ <= 0) return;
  ::kill(id_, SIGKILL);
  wait();
}

void Child::signal(int number) const { EXPECT_EQ(0, ::kill(id_, number)); }

int Child::wait() {
  int status = 0;
  while (::waitpid(id_, &status, 0) < 0) {
    if (errno != EINTR) return -1000;
  }
  id_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace lace::fs::fuse
