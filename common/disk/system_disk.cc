#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/disk/disk.h"

namespace lace::disk {
namespace {

Code code_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT: return Code::no_space;
    case EROFS: return Code::read_only;
    case ENOENT: return Code::no_entry;
    case EEXIST: return Code::exists;
    case EACCES:
    case EPERM: return Code::access;
    default: return Code::io;
  }
}

tl::unexpected<Error> failed(const char* call, const std::string& path, int error) {
  return fail(code_of(error), std::string(call) + " " + path + ": " + std::strerror(error));
}

constexpr size_t direct_alignment = 4096;  // of offset, length and memory; enough for every disk

// Memory that the disk may read from. It stays with its thread, and so in its caches.
class DirectBuffer {
 public:
  static constexpr size_t size = size_t{1} << 20;
  char* get() {
    if (!memory_) memory_.reset(static_cast<char*>(std::aligned_alloc(direct_alignment, size)));
    return memory_.get();
  }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  std::unique_ptr<char, Free> memory_;
};

template <class Call>
auto retried(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class SystemFile final : public File {
 public:
  SystemFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~SystemFile() override {
    ::close(descriptor_);
    if (const int direct = direct_; direct >= 0) ::close(direct);
  }

  Result<size_t> read(uint64_t offset, char* into, size_t length) override {
    size_t done = 0;
    while (done < length) {
      const auto got = retried([&] { return ::pread(descriptor_, into + done, length - done, at(offset + done)); });
      if (got < 0) return failed("read", path_, errno);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  Result<size_t> read_cached(uint64_t offset, char* into, size_t length) override {
    size_t done = 0;
    while (done < length) {
      iovec part{into + done, length - done};
      const auto got = retried([&] { return ::preadv2(descriptor_, &part, 1, at(offset + done), RWF_NOWAIT); });
      if (got < 0 && (errno == EAGAIN || errno == EOPNOTSUPP)) return fail(Code::try_again);
      if (got < 0) return failed("read", path_, errno);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  Status write(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const auto put = retried([&] { return ::pwrite(descriptor_, bytes.data(), bytes.size(), at(offset)); });
      if (put < 0) return failed("write", path_, errno);
      if (put == 0) return fail(Code::io, "write " + path_ + ": nothing was written");
      offset += static_cast<uint64_t>(put);
      bytes.remove_prefix(static_cast<size_t>(put));
    }
    return {};
  }

  Status write_through(uint64_t offset, std::string_view bytes) override {
    const int direct = direct_descriptor();
    if (direct < 0 || offset % direct_alignment != 0) return write(offset, bytes);
    static thread_local DirectBuffer buffer;
    char* const memory = buffer.get();
    while (memory && bytes.size() >= direct_alignment) {
      const size_t now = std::min(bytes.size(), DirectBuffer::size) / direct_alignment * direct_alignment;
      std::memcpy(memory, bytes.data(), now);
      const auto put = retried([&] { return ::pwrite(direct, memory, now, at(offset)); });
      if (put < 0 && errno == EINVAL) break;  // this disk wants another alignment
      if (put < 0) return failed("write", path_, errno);
      const auto done = static_cast<size_t>(put) / direct_alignment * direct_alignment;
      if (done == 0) break;
      offset += done;
      bytes.remove_prefix(done);
    }
    return bytes.empty() ? Status() : write(offset, bytes);
  }

  Result<size_t> read_through(uint64_t offset, char* into, size_t length) override {
    const int direct = direct_descriptor();
    if (direct < 0 || offset % direct_alignment != 0) return read(offset, into, length);
    static thread_local DirectBuffer buffer;
    char* const memory = buffer.get();
    size_t done = 0;
    while (memory && length - done >= direct_alignment) {
      const size_t now = std::min(length - done, DirectBuffer::size) / direct_alignment * direct_alignment;
      const auto got = retried([&] { return ::pread(direct, memory, now, at(offset + done)); });
      if (got < 0 && errno == EINVAL) break;  // this disk wants another alignment
      if (got < 0) return failed("read", path_, errno);
      if (got == 0) return done;
      std::memcpy(into + done, memory, static_cast<size_t>(got));
      done += static_cast<size_t>(got);
      if (static_cast<size_t>(got) < now) return done;
    }
    if (done == length) return done;
    const auto rest = read(offset + done, into + done, length - done);
    if (!rest) return pass(rest);
    return done + *rest;
  }

  Status truncate(uint64_t size) override {
    if (retried([&] { return ::ftruncate(descriptor_, at(size)); }) < 0) return failed("truncate", path_, errno);
    return {};
  }

  Status punch(uint64_t offset, uint64_t length) override {
    const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (retried([&] { return ::fallocate(descriptor_, mode, at(offset), at(length)); }) == 0) return {};
    if (errno != EOPNOTSUPP) return failed("punch", path_, errno);
    return write_zeros(offset, length);  // a file system without holes: right, though it frees nothing
  }

  Status sync_data() override {
    if (retried([&] { return ::fdatasync(descriptor_); }) < 0) return failed("fdatasync", path_, errno);
    return {};
  }

  Result<uint64_t> size() override {
    struct stat info {};
    if (::fstat(descriptor_, &info) < 0) return failed("stat", path_, errno);
    return static_cast<uint64_t>(info.st_size);
  }

  Result<uint64_t> stored_bytes() override {
    struct stat info {};
    if (::fstat(descriptor_, &info) < 0) return failed("stat", path_, errno);
    return static_cast<uint64_t>(info.st_blocks) * 512;
  }

 private:
  static constexpr int not_opened = -1, impossible = -2;
  static off_t at(uint64_t offset) { return static_cast<off_t>(offset); }

  // Opened when it is first needed; negative where the file system has no direct writes.
  int direct_descriptor() {
    if (direct_ != not_opened) return direct_;
    const std::string self = "/proc/self/fd/" + std::to_string(descriptor_);
    const int opened = ::open(self.c_str(), O_RDWR | O_CLOEXEC | O_DIRECT);
    int expected = not_opened;
    if (!direct_.compare_exchange_strong(expected, opened < 0 ? impossible : opened) && opened >= 0) ::close(opened);
    return direct_;
  }

  Status write_zeros(uint64_t offset, uint64_t length) {
    const auto end = size();
    if (!end) return pass(end);
    const std::string zeros(size_t{64} << 10, '\0');
    const uint64_t stop = std::min(offset + length, *end);
    while (offset < stop) {
      const size_t step = std::min<uint64_t>(zeros.size(), stop - offset);
      if (Status put = write(offset, {zeros.data(), step}); !put) return put;
      offset += step;
    }
    return {};
  }

  const int descriptor_;
  std::atomic<int> direct_ = not_opened;  // a descriptor with O_DIRECT
  const std::string path_;
};

class SystemDisk final : public Disk {
 public:
  explicit SystemDisk(std::string directory) : directory_(std::move(directory)) {}

  Result<std::unique_ptr<File>> open(const std::string& path, bool create) override {
    const std::string full = full_path(path);
    const int flags = O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0);
    const int descriptor = retried([&] { return ::open(full.c_str(), flags, 0600); });
    if (descriptor < 0) return failed("open", full, errno);
    return std::make_unique<SystemFile>(descriptor, full);
  }

  Status remove(const std::string& path) override {
    const std::string full = full_path(path);
    if (::unlink(full.c_str()) < 0) return failed("remove", full, errno);
    return {};
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(full_path(from).c_str(), full_path(to).c_str()) < 0) return failed("rename", full_path(from), errno);
    return {};
  }

  Status make_directory(const std::string& path) override {
    const std::string full = full_path(path);
    for (size_t slash = full.find('/', directory_.size()); slash != full.npos; slash = full.find('/', slash + 1)) {
      if (Status made = make_one(full.substr(0, slash)); !made) return made;
    }
    return make_one(full);
  }

  Result<std::vector<std::string>> list(const std::string& path) override {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(full_path(path), error), end; !error && entry != end;
         entry.increment(error)) {
      names.push_back(entry->path().filename().string());
    }
    if (error) return failed("list", full_path(path), error.value());
    return names;
  }

  Status sync_directory(const std::string& path) override {
    const std::string full = full_path(path);
    const int descriptor = retried([&] { return ::open(full.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (descriptor < 0) return failed("open", full, errno);
    const bool good = retried([&] { return ::fsync(descriptor); }) == 0;
    const int error = errno;
    ::close(descriptor);
    if (!good) return failed("fsync", full, error);
    return {};
  }

  Result<Usage> usage() override {
    struct statvfs info {};
    if (retried([&] { return ::statvfs(directory_.c_str(), &info); }) < 0) return failed("statvfs", directory_, errno);
    return Usage{info.f_blocks * info.f_frsize, info.f_bavail * info.f_frsize};
  }

  Result<std::string> boot_id() override {
    static const std::string path = "/proc/sys/kernel/random/boot_id";
    const int descriptor = retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
    if (descriptor < 0) return failed("open", path, errno);
    char text[64];
    const auto got = retried([&] { return ::read(descriptor, text, sizeof text); });
    const int error = errno;
    ::close(descriptor);
    if (got < 0) return failed("read", path, error);
    std::string id(text, static_cast<size_t>(got));
    while (!id.empty() && id.back() == '\n') id.pop_back();
    return id;
  }

 private:
  std::string full_path(const std::string& path) const { return path.empty() ? directory_ : directory_ + "/" + path; }

  static Status make_one(const std::string& full) {
    if (full.empty() || ::mkdir(full.c_str(), 0700) == 0 || errno == EEXIST) return {};
    return failed("mkdir", full, errno);
  }

  const std::string directory_;
};

}  // namespace

std::unique_ptr<Disk> make_system_disk(const std::string& directory) { return std::make_unique<SystemDisk>(directory); }

// Device numbers are good for one machine from its start to its end.
std::string name_of_file_system(const std::string& directory) {
  struct stat found {};
  if (retried([&] { return ::stat(directory.c_str(), &found); }) < 0) return {};
  const auto boot = SystemDisk(directory).boot_id();
  return boot ? *boot + ':' + std::to_string(found.st_dev) : std::string();
}

}  // namespace lace::disk
