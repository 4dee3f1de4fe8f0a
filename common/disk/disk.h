// The Disk seam: the files of one data directory. Real in the daemons; tests have one that forgets what was not synced.
// Paths are relative to the data directory. Every method may be called from any thread; writes to one file are ordered by
// their callers. Errors: no_space, read_only, io, no_entry, exists.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace lace::disk {

class File {
 public:
  virtual ~File() = default;
  // Reads up to `length` bytes; fewer only at the end of the file.
  virtual Result<size_t> read(uint64_t offset, char* into, size_t length) = 0;
  // The same, but from the disk and not from memory, where the file system can do that. Whole pages.
  virtual Result<size_t> read_through(uint64_t offset, char* into, size_t length) { return read(offset, into, length); }
  // The same as read(), but only what needs no waiting for the disk: `try_again` if it would wait.
  virtual Result<size_t> read_cached(uint64_t offset, char* into, size_t length) = 0;
  virtual Status write(uint64_t offset, std::string_view bytes) = 0;
  // The same for long streams: whole pages go to the disk at once, past the page cache, where the file system can do that.
  // Waits for the disk, and is no more durable than write().
  virtual Status write_through(uint64_t offset, std::string_view bytes) { return write(offset, bytes); }
  virtual Status truncate(uint64_t size) = 0;
  // The range reads as zero and its whole pages take no space. The size stays.
  virtual Status punch(uint64_t offset, uint64_t length) = 0;
  virtual Status sync_data() = 0;  // fdatasync
  virtual Result<uint64_t> size() = 0;
  virtual Result<uint64_t> stored_bytes() = 0;  // what it takes on the disk
};

struct Usage {
  uint64_t capacity_bytes = 0;
  uint64_t available_bytes = 0;
};

class Disk {
 public:
  virtual ~Disk() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, bool create) = 0;  // read and write; modes 0600
  virtual Status remove(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;   // replaces `to`
  virtual Status make_directory(const std::string& path) = 0;                  // with parents, mode 0700; exists: fine
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;  // names, unordered
  virtual Status sync_directory(const std::string& path) = 0;
  virtual Result<Usage> usage() = 0;
  // Another one than before: the machine went down in between, and un-synced writes may be lost.
  virtual Result<std::string> boot_id() = 0;
};

// Files below `directory`, which exists.
std::unique_ptr<Disk> make_system_disk(const std::string& directory);

// Which file system `directory` lies on: the same for all directories on it while this machine runs, and for no directory
// anywhere else. Empty: it can't be told.
std::string name_of_file_system(const std::string& directory);

}  // namespace lace::disk
