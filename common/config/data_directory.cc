#include "common/config/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/config/files.h"

namespace lace::config {
namespace {

using Json = nlohmann::json;
constexpr const char* identity_file = "lace.json";
constexpr const char* lock_file = "lock";

Status check_directory(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return fail(Code::no_entry, "data directory " + path + " does not exist: make it with mkdir -p");
    return fail(Code::io, "data directory " + path + ": " + std::strerror(errno) + ": check the path and its permissions");
  }
  if (!S_ISDIR(found.st_mode)) return fail(Code::not_directory, path + " is not a directory: give --data an empty directory");
  return {};
}

// Anything but our own files in a directory without lace.json was put there by somebody else.
Status check_no_foreign_files(const std::string& path) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    const std::string name = entry.path().filename();
    if (name == lock_file || name == "lost+found" || name.starts_with(identity_file)) continue;
    return fail(Code::not_empty, "data directory " + path + " holds '" + name + "' but no " + identity_file +
                                     ", so it is not one of LaceFS: give --data an empty directory");
  }
  if (error) return fail(Code::io, "data directory " + path + ": " + error.message());
  return {};
}

Result<int> lock_directory(const std::string& path) {
  const std::string name = path + '/' + lock_file;
  const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return tl::unexpected<Error>(file_error("data directory " + path, errno));
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
    const std::string pid = std::to_string(getpid()) + '\n';
    if (ftruncate(fd, 0) == 0 && pwrite(fd, pid.data(), pid.size(), 0) == static_cast<ssize_t>(pid.size())) return fd;
    const int error = errno;
    close(fd);
    return tl::unexpected<Error>(file_error(name, error));
  }
  char pid[32] = {};
  const ssize_t length = pread(fd, pid, sizeof pid - 1, 0);
  const std::string holder(pid, length > 0 ? strcspn(pid, "\n") : 0);
  close(fd);
  return fail(Code::busy, "data directory " + path + " is in use: already running, pid " +
                              (holder.empty() ? "unknown" : holder) + ": end that process first, or give another --data");
}

}  // namespace

Result<Identity> read_identity(const std::string& path) {
  const std::string name = path + '/' + identity_file;
  const auto broken = [&](const std::string& what) {
    return fail(Code::corrupt, name + " is broken (" + what + "): restore it from a backup, or use another data directory");
  };
  std::ifstream file(name);
  if (!file) {
    if (errno == ENOENT) return fail(Code::no_entry, name + " does not exist");
    return tl::unexpected<Error>(file_error(name, errno));
  }
  std::stringstream content;
  content << file.rdbuf();
  try {
    const Json json = Json::parse(content.str());
    Identity identity;
    json.at("format").get_to(identity.format);
    if (identity.format > data_format) {
      return fail(Code::not_supported, path + " has format " + std::to_string(identity.format) + ", this version knows up to " +
                                           std::to_string(data_format) + ": use the newer LaceFS that wrote it");
    }
    json.at("role").get_to(identity.role);
    json.at("cluster").get_to(identity.cluster);
    json.at("name").get_to(identity.name);
    json.at("id").get_to(identity.id);
    return identity;
  } catch (const Json::exception& error) {
    return broken(error.what());
  }
}

Result<DataDirectory> DataDirectory::open(std::string path, std::string_view role, std::string_view name) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (const auto is_there = check_directory(path); !is_there) return pass(is_there);
  const auto lock = lock_directory(path);
  if (!lock) return pass(lock);
  DataDirectory directory(std::move(path), *lock);
  if (const auto ready = directory.read_or_make(role, name); !ready) return pass(ready);
  return directory;
}

Status DataDirectory::read_or_make(std::string_view role, std::string_view name) {
  auto found = read_identity(path_);
  if (!found && found.error().code == Code::no_entry) {
    if (const auto clean = check_no_foreign_files(path_); !clean) return clean;
    identity_ = {data_format, std::string(role), "", std::string(name), 0};
    return write();
  }
  if (!found) return pass(found);
  identity_ = std::move(*found);
  if (identity_.role != role) {
    return fail(Code::invalid, "data directory " + path_ + " belongs to a " + identity_.role + " server (" + identity_.name +
                                   "), not to " + std::string(role) + ": give --data another directory");
  }
  if (!name.empty() && identity_.name != name) {
    return fail(Code::invalid, "data directory " + path_ + " belongs to " + identity_.name + ", not to " + std::string(name) +
                                   ": start it with --name " + identity_.name + ", or give --data another directory");
  }
  // A disk that went read-only must show at the start, not at the first write.
  if (access(path_.c_str(), W_OK) != 0) return tl::unexpected<Error>(file_error("data directory " + path_, errno));
  return {};
}

Status DataDirectory::join(std::string_view cluster, uint64_t id) {
  if (!identity_.cluster.empty() && identity_.cluster != cluster) {
    return fail(Code::denied, "data directory " + path_ + " belongs to cluster " + identity_.cluster + ", not to " +
                                  std::string(cluster) + ": connect to its own cluster, or give --data another directory");
  }
  if (identity_.cluster == cluster && identity_.id == id) return {};
  identity_.cluster = cluster;
  identity_.id = id;
  return write();
}

Status DataDirectory::write() const {
  const Json json{{"format", identity_.format},
                  {"role", identity_.role},
                  {"cluster", identity_.cluster},
                  {"name", identity_.name},
                  {"id", identity_.id}};
  return replace_file(path_ + '/' + identity_file, json.dump(2) + '\n', 0600);
}

DataDirectory::DataDirectory(DataDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)), identity_(std::move(other.identity_)) {}

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) close(lock_);
}

}  // namespace lace::config
