#include "tests/posix/lib/files.h"

#include <dirent.h>

#include <algorithm>
#include <cstring>

#include "tests/posix/lib/expect.h"

namespace posix {
namespace {

void complain(const Where& where, const std::string& what) {
  const std::string why = errno_name(errno);
  ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line())) << what << ": " << why;
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

int Fd::reset() { return fd_ < 0 ? 0 : close(std::exchange(fd_, -1)); }

Fd opened(const std::string& path, int flags, mode_t mode, Where where) {
  Fd fd(open(path.c_str(), flags, mode));
  if (fd < 0) complain(where, "open " + path);
  return fd;
}

void make_file(const std::string& path, std::string_view content, mode_t mode, Where where) {
  Fd fd = opened(path, O_CREAT | O_TRUNC | O_RDWR, mode, where);
  put(fd, content, 0, where);
  if (fchmod(fd, mode) != 0) complain(where, "fchmod " + path);
  if (fd.reset() != 0) complain(where, "close " + path);
}

void make_dir(const std::string& path, mode_t mode, Where where) {
  if (mkdir(path.c_str(), mode) != 0) complain(where, "mkdir " + path);
  if (chmod(path.c_str(), mode) != 0) complain(where, "chmod " + path);
}

void make_symlink(const std::string& target, const std::string& path, Where where) {
  if (symlink(target.c_str(), path.c_str()) != 0) complain(where, "symlink " + path);
}

void make_fifo(const std::string& path, mode_t mode, Where where) {
  if (mkfifo(path.c_str(), mode) != 0) complain(where, "mkfifo " + path);
  if (chmod(path.c_str(), mode) != 0) complain(where, "chmod " + path);
}

void put(int fd, std::string_view data, off_t offset, Where where) {
  while (!data.empty()) {
    const ssize_t done = pwrite(fd, data.data(), data.size(), offset);
    if (done <= 0) return complain(where, "pwrite at " + std::to_string(offset));
    data.remove_prefix(static_cast<size_t>(done));
    offset += done;
  }
}

std::string get(int fd, size_t size, off_t offset, Where where) {
  std::string data(size, '\0');
  size_t have = 0;
  while (have < size) {
    const ssize_t done = pread(fd, data.data() + have, size - have, offset + static_cast<off_t>(have));
    if (done < 0) complain(where, "pread at " + std::to_string(offset));
    if (done <= 0) break;
    have += static_cast<size_t>(done);
  }
  data.resize(have);
  return data;
}

std::string content_of(const std::string& path, Where where) {
  const Fd fd = opened(path, O_RDONLY, 0, where);
  if (fd < 0) return {};
  return get(fd, static_cast<size_t>(stat_of(fd.get(), where).st_size) + 1, 0, where);
}

struct stat stat_of(const std::string& path, Where where) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) complain(where, "stat " + path);
  return found;
}

struct stat lstat_of(const std::string& path, Where where) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) complain(where, "lstat " + path);
  return found;
}

struct stat stat_of(int fd, Where where) {
  struct stat found {};
  if (fstat(fd, &found) != 0) complain(where, "fstat");
  return found;
}

ino_t ino_of(const std::string& path, Where where) { return lstat_of(path, where).st_ino; }
nlink_t links_of(const std::string& path, Where where) { return lstat_of(path, where).st_nlink; }
mode_t mode_of(const std::string& path, Where where) { return lstat_of(path, where).st_mode & 07777; }
off_t size_of(const std::string& path, Where where) { return lstat_of(path, where).st_size; }

bool exists(const std::string& path) {
  struct stat found;
  return lstat(path.c_str(), &found) == 0;
}

std::vector<std::string> names_in(const std::string& path, Where where) {
  std::vector<std::string> names;
  DIR* dir = opendir(path.c_str());
  if (!dir) {
    complain(where, "opendir " + path);
    return names;
  }
  while (const dirent* entry = readdir(dir)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

std::string pattern(size_t size, uint32_t seed) {
  std::string bytes(size, '\0');
  uint32_t state = seed * 2654435761u + 1;
  for (char& byte : bytes) {
    state = state * 1664525u + 1013904223u;  // Numerical Recipes' linear congruential generator
    byte = static_cast<char>(1 + (state >> 24) % 255);
  }
  return bytes;
}

std::string zeros(size_t size) { return std::string(size, '\0'); }

testing::AssertionResult same_bytes(std::string_view wanted, std::string_view got) {
  const auto [a, b] = std::mismatch(wanted.begin(), wanted.end(), got.begin(), got.end());
  if (a == wanted.end() && b == got.end()) return testing::AssertionSuccess();
  auto failure = testing::AssertionFailure()
                 << "bytes differ at " << a - wanted.begin() << "; wanted " << wanted.size() << " bytes, got " << got.size();
  if (a != wanted.end() && b != got.end()) {
    failure << "; wanted byte " << int{static_cast<unsigned char>(*a)} << ", got " << int{static_cast<unsigned char>(*b)};
  }
  return failure;
}

}  // namespace posix
