// A disk for tests that does what disks may do when the machine goes down: it forgets what was not synced, page by page, keeps
// it, or tears it within a page, as a seed decides. In memory. It lives on through crash() while the users' objects do not.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <vector>

#include "common/disk/disk.h"

namespace lace::disk {

class ForgetfulDisk final : public Disk {
 public:
  explicit ForgetfulDisk(uint64_t capacity_bytes = uint64_t{1} << 40);
  ~ForgetfulDisk() override;

  // The machine goes down and comes up. Files that are open stay with what they were and must not be used any more.
  void crash(uint64_t seed);

  // Whole pages past this many bytes are refused with no_space.
  void set_capacity(uint64_t bytes);
  // The next `skip` writes, syncs and truncations succeed, the `count` behind them fail with `code`.
  void fail_changes(Code code, uint64_t skip, uint64_t count);
  // One in `n` cached reads says try_again; 0: none does, 1: all do.
  void set_cold(uint32_t n);
  void flip_bit(const std::string& path, uint64_t byte, int bit);
  uint64_t stored_bytes() const;  // of all files
  uint64_t syncs() const;         // how many sync_data() there were

  Result<std::unique_ptr<File>> open(const std::string& path, bool create) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status make_directory(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<Usage> usage() override;
  Result<std::string> boot_id() override;

 private:
  class Node;
  class OpenFile;
  using Names = std::map<std::string, std::shared_ptr<Node>>;  // path -> file; directories have a null file
  struct NameChange {
    std::string from;  // empty: something new comes to be at `to`; `to` empty: `from` goes away
    std::string to;
    std::shared_ptr<Node> node;
  };

  static void apply(Names& names, const NameChange& change);
  Status may_change();              // the injected errors
  Status may_store(int64_t pages);  // space for so many pages more

  mutable std::mutex mutex_;
  Names names_;
  Names durable_names_;
  std::vector<NameChange> unsynced_names_;
  uint64_t capacity_bytes_;
  int64_t stored_pages_ = 0;
  uint64_t boots_ = 1;
  uint64_t syncs_ = 0;
  Code fail_code_ = Code::io;
  uint64_t fail_skip_ = 0;
  uint64_t fail_count_ = 0;
  uint32_t cold_ = 0;
  std::mt19937_64 random_{1};
};

}  // namespace lace::disk
