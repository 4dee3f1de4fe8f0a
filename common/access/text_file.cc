#include "common/access/text_file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lace::access {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

tl::unexpected<Error> system_error(const std::string& path, int number) {
  const Code code = number == ENOENT                       ? Code::no_entry
                    : number == EACCES || number == EPERM  ? Code::access
                    : number == EEXIST                     ? Code::exists
                    : number == ENOSPC || number == EDQUOT ? Code::no_space
                    : number == EROFS                      ? Code::read_only
                                                           : Code::io;
  return fail(code, path + ": " + std::strerror(number));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

Status sync_directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const Descriptor fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || fsync(fd.get()) != 0) return system_error(directory, errno);
  return {};
}

}  // namespace

Result<TextFile> read_text_file(const std::string& path, size_t max_bytes) {
  const Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return system_error(path, errno);
  struct stat about {};
  if (fstat(fd.get(), &about) != 0) return system_error(path, errno);
  if (!S_ISREG(about.st_mode)) return fail(Code::invalid, path + ": not a regular file");
  TextFile file;
  file.mode = about.st_mode & 07777;
  char buffer[4096];
  for (;;) {
    const ssize_t got = read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(path, errno);
    if (got == 0) return file;
    file.text.append(buffer, static_cast<size_t>(got));
    if (file.text.size() > max_bytes)
      return fail(Code::invalid, path + ": larger than " + std::to_string(max_bytes) + " bytes");
  }
}

Status write_new_secret_file(const std::string& path, std::string_view text) {
  const Descriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (fd.get() < 0 && errno == EEXIST) return fail(Code::exists, path + ": is there already: remove it or choose another name");
  if (fd.get() < 0) return system_error(path, errno);
  if (!write_all(fd.get(), text) || fsync(fd.get()) != 0) {
    const int failed = errno;
    unlink(path.c_str());
    return system_error(path, failed);
  }
  return sync_directory_of(path);
}

std::string_view meaning_of_line(std::string_view line) {
  constexpr std::string_view blanks = " \t\r";
  const size_t start = line.find_first_not_of(blanks);
  if (start == line.npos) return {};
  line = line.substr(start, line.find_last_not_of(blanks) - start + 1);
  // A key may start with '#' too, but is followed by no blank there.
  const bool comment = line[0] == '#' && (line.size() == 1 || blanks.find(line[1]) != blanks.npos);
  return comment ? std::string_view{} : line;
}

}  // namespace lace::access
