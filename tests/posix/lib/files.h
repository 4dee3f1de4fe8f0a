// Small words for files: open, make, read whole, look at. A failure of one of them is a failure of the test that uses it,
// reported at the caller's line. Paths are relative to the test's own directory, where each test runs.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posix {

using Where = std::source_location;

/// A file descriptor that is closed at the end of its scope.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }
  operator int() const { return fd_; }  // NOLINT: it stands where a descriptor stands
  int get() const { return fd_; }
  /// Closes; gives what close() gave (0 if it was not open).
  int reset();

 private:
  int fd_ = -1;
};

Fd opened(const std::string& path, int flags, mode_t mode = 0644, Where where = Where::current());
/// Creates or replaces a regular file; the mode holds whatever the umask.
void make_file(const std::string& path, std::string_view content = "", mode_t mode = 0644, Where where = Where::current());
void make_dir(const std::string& path, mode_t mode = 0755, Where where = Where::current());
void make_symlink(const std::string& target, const std::string& path, Where where = Where::current());
void make_fifo(const std::string& path, mode_t mode = 0644, Where where = Where::current());
/// Appends to nothing, keeps the rest: writes all of `data` at `offset`.
void put(int fd, std::string_view data, off_t offset, Where where = Where::current());
/// Up to `size` bytes at `offset`; shorter at the end of the file.
std::string get(int fd, size_t size, off_t offset, Where where = Where::current());
std::string content_of(const std::string& path, Where where = Where::current());

struct stat stat_of(const std::string& path, Where where = Where::current());
struct stat lstat_of(const std::string& path, Where where = Where::current());
struct stat stat_of(int fd, Where where = Where::current());
ino_t ino_of(const std::string& path, Where where = Where::current());  ///< of the name itself, symlinks not followed
nlink_t links_of(const std::string& path, Where where = Where::current());
/// The twelve permission bits.
mode_t mode_of(const std::string& path, Where where = Where::current());
off_t size_of(const std::string& path, Where where = Where::current());
bool exists(const std::string& path);                                                        ///< also a dangling symlink
std::vector<std::string> names_in(const std::string& path, Where where = Where::current());  ///< sorted, without . and ..

/// Bytes without a zero among them that differ from place to place and from seed to seed.
std::string pattern(size_t size, uint32_t seed = 1);
std::string zeros(size_t size);
/// Equal? If not: where the first difference is (never the contents).
testing::AssertionResult same_bytes(std::string_view wanted, std::string_view got);

}  // namespace posix
