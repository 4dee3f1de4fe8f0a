// Content on its way from memory to the storage servers: many files at once, small ones one after another in their pack, in
// few large messages.
#pragma once

#include <functional>
#include <unordered_set>
#include <vector>

#include "fs/client/flush_batch.h"
#include "fs/client/operation_log.h"

namespace lace::fs {

// One thread. While a file is in it, nobody else flushes or cuts that file.
class FileData::Staging {
 public:
  static constexpr uint64_t enough = uint64_t{16} << 20;  // bytes, to be sent now

  // `hurried`: somebody waits for it, and would have it on stable storage.
  Staging(FileData& data, uint64_t epoch, bool hurried) : data_(data), epoch_(epoch), hurried_(hurried) {}

  enum class Added {
    yes,    // it is sent with the others
    done,   // nothing of it needs to be sent: answered with the operation
    later,  // first control must be told of what was sent before
  };
  // Waits for servers that are away as long as it takes: who closed the file was told that all is well. `place`: for send() to
  // say which it was. Errors: interrupted, fenced (the log's epoch has ended); others: its content is dropped, and the error
  // remembered.
  Result<Added> add(net::Caller& caller, const LogEntry& entry, size_t place, wire::Write& operation);
  bool has(const Inode& inode) const { return files_.contains(inode.id); }
  bool empty() const { return members_.empty(); }
  uint64_t bytes() const { return bytes_; }

  // Everything that was added, to all in-sync copies. `sent` gets what control is to be told, in the order of add(); files
  // whose content could not be stored are left out, with the error remembered. Answers the blocks with bytes where none were.
  std::vector<BlockId> send(net::Caller& caller, const std::function<void(size_t place, wire::Write)>& sent);

 private:
  struct Member {
    InodePtr inode;
    uint64_t number = 0;  // of the log
    size_t place = 0;
    FileTime written;
    Batch batch;
    uint64_t cuts = 0;
    Plan plan;
    Placement placement;
    FlushGate::Pass gate;
  };
  Status place(net::Caller& caller, Member& member);
  Status store_at_last(net::Caller& caller, Member& member);
  static std::vector<BlockWrite> merged(std::span<const Member> members);
  Status store(net::Caller& caller, std::span<Member> members);
  wire::Write finish(Member& member, std::vector<BlockId>& fresh);

  FileData& data_;
  const uint64_t epoch_;  // of the log
  const bool hurried_;
  std::vector<Member> members_;
  std::unordered_set<InodeId> files_;  // of the members
  uint64_t bytes_ = 0;
};

}  // namespace lace::fs
