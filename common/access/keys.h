// Keys on disk: a server's or user's own pair, and the list of those who are let in. Keys are CURVE keys, Z85 text of 40
// characters (net/zmq_network.h makes them).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace lace::access {

bool is_key(std::string_view text);  // 40 characters of Z85

// A key file holds three lines, NAME = VALUE; blank lines and lines that start with "# " or are "#" say nothing.
struct KeyFile {
  std::string name;  // whose it is: letters, digits, '.', '_', '-'; at most 64
  std::string public_key;
  std::string secret_key;
};

// Writes a new file, mode 0600, durable. Errors: exists (never overwritten), invalid (name or keys), no_entry, access, io.
Status make_key_file(const std::string& path, const KeyFile& key);
// Errors: no_entry, denied (others than the owner may read it; `what` says chmod), invalid (names the line), io.
Result<KeyFile> load_key_file(const std::string& path);

// One who is let in.
struct Admission {
  std::string name;
  bool read_only = false;
  bool server = false;        // may register as a storage server and be told the cluster's secret
  std::string subtree = "/";  // an absolute path without "." and ".."; nothing outside is seen
  bool operator==(const Admission&) const = default;
};

// The list, one a line:  KEY NAME ro|rw SUBTREE   or, for the cluster's own servers,  KEY NAME server
class Admissions {
 public:
  // Errors: as of load_key_file (the file may be read, but not written by others); `what` names file and line.
  static Result<Admissions> load(const std::string& path);
  static Result<Admissions> parse(std::string_view text, const std::string& path);

  const Admission* find(const std::string& public_key) const;  // null: not let in; any thread
  size_t size() const { return by_key_.size(); }

 private:
  std::map<std::string, Admission> by_key_;
};

}  // namespace lace::access
