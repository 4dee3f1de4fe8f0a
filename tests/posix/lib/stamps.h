// Which of the three times a call moved. No waiting for time to pass: access and modification time are first set to 2001,
// and the clock of the file system is then watched until it has ticked past the change time this left.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>

#include "tests/posix/lib/files.h"

namespace posix {

class Stamps {
 public:
  /// Of the name itself (symlinks are not followed), or of an open file.
  explicit Stamps(const std::string& path, Where where = Where::current());
  explicit Stamps(int fd, Where where = Where::current());

  /// The times that moved to now, as letters in the order "amc" (access, modification, change): "" is none, "mc" a write.
  /// A time that went anywhere else, backwards for example, is a capital letter.
  std::string moved() const;
  /// The same without 'a': for what reads, where relatime and noatime mounts may differ.
  std::string changed() const;

 private:
  void start(Where where);
  std::function<struct stat()> look_;
  struct stat before_;
};

/// 2001-09-09 01:46:40.123456789 UTC, far before any test.
inline constexpr timespec long_ago{1'000'000'000, 123'456'789};
bool earlier(const timespec& a, const timespec& b);
std::string to_string(const timespec& time);  ///< "seconds.nanoseconds"

/// Returns when the file system gives times later than the change time of `past`. At most 5 s.
void let_clock_tick(const struct stat& past, Where where = Where::current());

}  // namespace posix
