#include "fs/cli/local_cluster.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "common/config/files.h"
#include "fs/cli/process.h"

namespace lace::cli {
namespace {

using Json = nlohmann::json;
constexpr int cluster_format = 1;
constexpr size_t longest_socket_path = 100;  // sockaddr_un holds 107
constexpr size_t longest_socket_name = 16;   // "/storage-99.sock"

std::string home_directory() {
  if (const char* home = std::getenv("HOME"); home && *home) return home;
  const passwd* user = getpwuid(geteuid());
  return user ? user->pw_dir : "/";
}

std::string short_directory(const std::string& long_one) {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  std::ostringstream name;
  name << (runtime && *runtime ? runtime : "/tmp") << "/lace-" << geteuid() << '-' << std::hex
       << std::hash<std::string>()(long_one);
  return name.str();
}

Status make_directory(const std::string& path, mode_t mode) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error) return tl::unexpected<Error>(config::file_error("directory " + path, error.value()));
  if (mkdir(path.c_str(), mode) == 0) return {};
  const int number = errno;
  struct stat found {};
  if (number != EEXIST) return tl::unexpected<Error>(config::file_error("directory " + path, number));
  if (stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return {};
  return fail(Code::not_directory, path + " is in the way: it must be a directory; move it, or give another --data");
}

// Who may enter it may talk to the servers, so it must be ours alone.
Status make_private_directory(const std::string& path) {
  if (const auto made = make_directory(path, 0700); !made) return made;
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) return tl::unexpected<Error>(config::file_error(path, errno));
  if (!S_ISDIR(found.st_mode) || found.st_uid != geteuid()) {
    return fail(Code::access, path + " belongs to somebody else: remove it, or give another --data");
  }
  if ((found.st_mode & 0077) != 0 && chmod(path.c_str(), 0700) != 0)
    return tl::unexpected<Error>(config::file_error(path, errno));
  return {};
}

std::vector<std::string> numbered(const std::string& kind, int count) {
  std::vector<std::string> names;
  for (int i = 1; i <= count; ++i) names.push_back(kind + '-' + std::to_string(i));
  return names;
}

}  // namespace

std::string LocalCluster::default_directory() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data && *data == '/') return std::string(data) + "/lace";
  return home_directory() + "/.local/share/lace";
}

LocalCluster::LocalCluster(const std::string& directory) {
  std::error_code error;
  directory_ = std::filesystem::weakly_canonical(directory, error);
  if (error || directory_.empty()) directory_ = std::filesystem::absolute(directory, error).lexically_normal();
  while (directory_.size() > 1 && directory_.ends_with('/')) directory_.pop_back();
  socket_directory_ = directory_ + "/run";
  if (socket_directory_.size() + longest_socket_name > longest_socket_path) socket_directory_ = short_directory(directory_);
}

Result<std::optional<ClusterShape>> LocalCluster::shape() const {
  const std::string path = directory_ + "/cluster.json";
  std::ifstream file(path);
  if (!file) {
    if (errno == ENOENT) return std::nullopt;
    return tl::unexpected<Error>(config::file_error(path, errno));
  }
  std::stringstream content;
  content << file.rdbuf();
  try {
    const Json json = Json::parse(content.str());
    if (json.at("format").get<int>() > cluster_format) {
      return fail(Code::not_supported, path + " has a newer format: use the newer LaceFS that wrote it");
    }
    ClusterShape shape{json.at("controls"), json.at("storages"), json.at("copies"), json.at("mount_point"), {}};
    if (json.contains("removed")) shape.removed = json.at("removed").get<std::vector<int>>();
    if (shape.controls < 1 || shape.storages < 1 || shape.copies < 1 || shape.copies > shape.storages) {
      return fail(Code::corrupt, path + " is broken: its numbers make no cluster; correct them");
    }
    return shape;
  } catch (const Json::exception& error) {
    return fail(Code::corrupt, path + " is broken (" + error.what() + "): correct it, or give another --data");
  }
}

Status LocalCluster::save(const ClusterShape& shape) const {
  const Json json{{"format", cluster_format}, {"controls", shape.controls},       {"storages", shape.storages},
                  {"copies", shape.copies},   {"mount_point", shape.mount_point}, {"removed", shape.removed}};
  return config::replace_file(directory_ + "/cluster.json", json.dump(2) + '\n', 0600);
}

Status LocalCluster::make_directories(const ClusterShape& shape) const {
  std::vector<std::string> paths{directory_, directory_ + "/log"};
  for (const auto& name : control_names(shape)) paths.push_back(data_path(name));
  for (const auto& name : storage_names(shape)) paths.push_back(data_path(name));
  for (const auto& name : etcd_names(shape)) paths.push_back(data_path(name));
  for (const auto& path : paths) {
    if (const auto made = make_directory(path, 0700); !made) return made;
  }
  if (const auto made = make_private_directory(directory_ + "/run"); !made) return made;
  return make_private_directory(socket_directory_);
}

std::vector<std::string> LocalCluster::control_names(const ClusterShape& shape) const {
  return numbered("control", shape.controls);
}
std::vector<std::string> LocalCluster::storage_names(const ClusterShape& shape) const {
  std::vector<std::string> names = numbered("storage", shape.storages);
  for (const int gone : shape.removed) std::erase(names, "storage-" + std::to_string(gone));
  return names;
}

std::vector<std::string> LocalCluster::etcd_names(const ClusterShape& shape) const {
  return shape.controls > 1 ? numbered("etcd", 1) : std::vector<std::string>{};
}

std::string LocalCluster::control_urls(const ClusterShape& shape) const {
  std::string urls;
  for (const auto& name : control_names(shape)) urls += (urls.empty() ? "" : ",") + url(name);
  return urls;
}

std::optional<pid_t> LocalCluster::running(const std::string& name, const ClusterShape& shape) const {
  const auto pid = read_pid(pid_path(name));
  if (!pid) return std::nullopt;
  const bool alive = name == "mount"                ? is_running(*pid, "lace-fs", shape.mount_point)
                     : name.starts_with("control-") ? is_running(*pid, "lace-control", data_path(name))
                     : name.starts_with("etcd-")    ? is_running(*pid, "etcd", data_path(name))
                                                    : is_running(*pid, "lace-storage", data_path(name));
  return alive ? pid : std::nullopt;
}

Result<ClusterLock> ClusterLock::take(const LocalCluster& cluster) {
  const std::string path = cluster.directory() + "/run/lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return tl::unexpected<Error>(config::file_error(path, errno));
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return ClusterLock(fd);
  std::cerr << "lace: waiting for another 'lace up' or 'lace down' that works on " << cluster.directory() << '\n';
  int locked = 0;
  while ((locked = flock(fd, LOCK_EX)) != 0 && errno == EINTR) {
  }
  if (locked == 0) return ClusterLock(fd);
  const int error = errno;
  close(fd);
  return tl::unexpected<Error>(config::file_error(path, error));
}

ClusterLock::~ClusterLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace lace::cli
