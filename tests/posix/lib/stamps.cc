#include "tests/posix/lib/stamps.h"

#include <poll.h>

#include "tests/posix/lib/expect.h"
#include "tests/posix/lib/workspace.h"

namespace posix {
namespace {

constexpr timespec old_times[2] = {long_ago, long_ago};

// `floor` is the earliest "now" that is possible.
char letter(char name, const timespec& before, const timespec& now, const timespec& floor) {
  if (before.tv_sec == now.tv_sec && before.tv_nsec == now.tv_nsec) return '\0';
  return earlier(now, floor) ? static_cast<char>(name - 'a' + 'A') : name;
}

}  // namespace

Stamps::Stamps(const std::string& path, Where where) : look_([path] { return lstat_of(path); }), before_{} {
  const int done = utimensat(AT_FDCWD, path.c_str(), old_times, AT_SYMLINK_NOFOLLOW);
  EXPECT_EQ(0, done) << "utimensat " << path << ": " << errno_name(errno);
  start(where);
}

Stamps::Stamps(int fd, Where where) : look_([fd] { return stat_of(fd); }), before_{} {
  EXPECT_OK(futimens(fd, old_times));
  start(where);
}

void Stamps::start(Where where) {
  before_ = look_();
  let_clock_tick(before_, where);
}

std::string Stamps::moved() const {
  const struct stat now = look_();
  std::string letters;
  for (const char one :
       {letter('a', before_.st_atim, now.st_atim, before_.st_ctim), letter('m', before_.st_mtim, now.st_mtim, before_.st_ctim),
        letter('c', before_.st_ctim, now.st_ctim, before_.st_ctim)}) {
    if (one) letters += one;
  }
  return letters;
}

std::string Stamps::changed() const {
  std::string letters = moved();
  std::erase(letters, 'a');
  return letters;
}

bool earlier(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

std::string to_string(const timespec& time) {
  std::string nanoseconds = std::to_string(time.tv_nsec);
  return std::to_string(time.tv_sec) + "." + std::string(9 - nanoseconds.size(), '0') + nanoseconds;
}

void let_clock_tick(const struct stat& past, Where where) {
  const Fd clock = opened(run_dir() + "/clock", O_CREAT | O_RDWR, 0600, where);
  for (int looks = 0; looks < 5'000; ++looks) {
    EXPECT_OK(futimens(clock, nullptr));
    if (earlier(past.st_ctim, stat_of(clock.get()).st_ctim)) return;
    poll(nullptr, 0, 1);
  }
  ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line())) << "the clock of the file system stands still";
}

}  // namespace posix
