// A cluster that runs wholly on this machine, as `lace up` makes it, in one directory:
//
//   cluster.json        {"format": 1, "controls": 1, "storages": 3, "copies": 2, "mount_point": "/mnt"}; "removed": [2] where
//                       storage-2 has left
//   control-1/          data of the control server
//   storage-1/ ...      data of the storage servers
//   log/NAME.log        what each process says
//   run/NAME.pid        process ids; NAME is control-1, storage-1, ..., mount. run/ is for its owner only (0700)
//   run/NAME.sock       where the servers listen
//
// With several control servers there is etcd-1, too, which keeps the record of their group. It has its socket in run/ as well.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace lace::cli {

struct ClusterShape {
  int controls = 1;
  int storages = 3;
  int copies = 2;
  std::string mount_point;     // of the mount that `lace up` made last
  std::vector<int> removed{};  // numbers of storage servers that have left
};

class LocalCluster {
 public:
  // $XDG_DATA_HOME/lace, else ~/.local/share/lace.
  static std::string default_directory();
  explicit LocalCluster(const std::string& directory);

  const std::string& directory() const { return directory_; }
  // Nothing: no cluster was made here yet. Errors: corrupt, not_supported (a newer format), access.
  Result<std::optional<ClusterShape>> shape() const;
  Status save(const ClusterShape& shape) const;
  // Makes what is missing of the directory, and of the servers' directories. Errors say which path and the remedy.
  Status make_directories(const ClusterShape& shape) const;

  std::vector<std::string> control_names(const ClusterShape& shape) const;
  std::vector<std::string> storage_names(const ClusterShape& shape) const;
  // "etcd-1", if there is a group of control servers.
  std::vector<std::string> etcd_names(const ClusterShape& shape) const;
  std::string data_path(const std::string& name) const { return directory_ + '/' + name; }
  std::string pid_path(const std::string& name) const { return directory_ + "/run/" + name + ".pid"; }
  std::string log_path(const std::string& name) const { return directory_ + "/log/" + name + ".log"; }
  // "ipc://..." where that server listens.
  std::string url(const std::string& name) const { return "ipc://" + socket_directory_ + '/' + name + ".sock"; }
  std::string control_urls(const ClusterShape& shape) const;  // separated by commas
  // etcd takes names of sockets as if they were host and port, in the directory in which it runs.
  const std::string& socket_directory() const { return socket_directory_; }
  std::string etcd_socket(const std::string& name, int port) const { return name + ':' + std::to_string(port); }
  std::string etcd_url(const std::string& name) const { return "unix://" + socket_directory_ + '/' + etcd_socket(name, 1); }

  // The pid of a server, or of "mount", while it runs. A pid file whose process is gone or another one counts for nothing.
  std::optional<pid_t> running(const std::string& name, const ClusterShape& shape) const;

 private:
  std::string directory_;
  std::string socket_directory_;  // run/, or a short one where that is too long for a socket's address
};

// Held while one `lace up` or `lace down` works on a directory; others wait.
class ClusterLock {
 public:
  static Result<ClusterLock> take(const LocalCluster& cluster);
  ClusterLock(ClusterLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  ClusterLock& operator=(ClusterLock&&) = delete;
  ~ClusterLock();

 private:
  explicit ClusterLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace lace::cli
