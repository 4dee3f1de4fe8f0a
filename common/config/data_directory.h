// A daemon's data directory: who it belongs to, and that only one process uses it.
//
//   lace.json   {"format": 1, "role": "storage", "cluster": "<32 hex digits>", "name": "storage-1", "id": 3}
//   lock        held with flock(2) while the daemon lives; its text is the daemon's pid
//
// lace.json is replaced whole (written aside, synced, renamed, directory synced), so that it is never half there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace lace::config {

inline constexpr uint32_t data_format = 1;  // a directory of a newer format is refused

struct Identity {
  uint32_t format = data_format;
  std::string role;     // "control" or "storage"
  std::string cluster;  // 32 hex digits; empty: does not belong to a cluster yet
  std::string name;     // "storage-1"
  uint64_t id = 0;      // ServerId of a storage server; 0: none yet
};

class DataDirectory {
 public:
  // Locks `path` for a daemon of that role and name; an empty directory becomes one with an identity of no cluster. An empty
  // `name` takes the name that is written there. Every error says what is wrong with which path, and the remedy: the directory
  // is missing, not writable, on a read-only or full disk, in use by a running daemon, holds foreign files, belongs to another
  // role or name, or has a newer format or a broken lace.json. Nothing is changed then.
  static Result<DataDirectory> open(std::string path, std::string_view role, std::string_view name);
  DataDirectory(DataDirectory&& other) noexcept;
  DataDirectory& operator=(DataDirectory&&) = delete;
  ~DataDirectory();  // unlocks

  const std::string& path() const { return path_; }
  const Identity& identity() const { return identity_; }
  // Belongs to this cluster from now on, under this id; durable when answered. Error: denied, if it belongs to another one.
  Status join(std::string_view cluster, uint64_t id);

 private:
  DataDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  Status read_or_make(std::string_view role, std::string_view name);
  Status write() const;

  std::string path_;
  int lock_ = -1;
  Identity identity_;
};

// Reads lace.json of `path` without locking it: for tools. Errors: no_entry, corrupt.
Result<Identity> read_identity(const std::string& path);

}  // namespace lace::config
