// Copies on this machine, read straight from their files: a system call instead of a question to the server. Every page is
// verified. It is an optimisation only: whatever is not plainly good is left for the server to answer.
//
// A copy may be read so while its server has a lease from control (control goes on without a server only when its lease is
// over) and the copy's identity page says that it is whole and at the block's epoch (the server changes that page before it
// stops to serve the copy). Both are looked at after the bytes were read.
//
// A thread that reads from a disk which hangs can't be called back. So only some may, and none while one takes long.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "fs/client/block_map.h"

namespace lace::fs {

struct BlockRead;

// Thread-safe; uses the caller's thread only.
class LocalCopies {
 public:
  static constexpr size_t most_open = 256;      // files
  static constexpr Millis answer_within{200};   // of a server that is asked where a copy is
  static constexpr Millis ask_again{5'000};     // when it did not answer
  static constexpr size_t most_at_once = 16;    // reads under way: a disk that hangs must not hold all threads
  static constexpr Millis slow{500};            // one that takes so long: others go to the servers, which have other disks
  static constexpr Millis refused_for{60'000};  // when it does not share its files, or they can't be opened here

  LocalCopies(BlockMap& blocks, bool enabled) : blocks_(blocks), enabled_(enabled) {}

  // False: not read; the server is to be asked.
  bool read(net::Caller& caller, const BlockRead& read);

 private:
  class File;
  using FileRef = std::shared_ptr<const File>;
  struct Host {
    uint64_t incarnation = 0;
    Instant lease_until{};
    Instant not_before{};  // it is not asked
    std::string cluster;
  };
  struct Known {
    FileRef file;
    ServerId server{};
    uint64_t incarnation = 0;
    std::list<BlockId>::iterator used;
  };
  struct Chosen {
    FileRef file;
    ServerId server{};
    uint64_t incarnation = 0;
    std::string cluster;
  };

  class UnderWay;
  std::optional<Chosen> choose(net::Caller& caller, const wire::BlockInfo& info);
  std::optional<Chosen> find(const wire::BlockInfo& info, ServerId server);
  std::optional<Chosen> ask(net::Caller& caller, const wire::BlockInfo& info, const wire::ServerInfo& server);
  bool may_ask(ServerId server);
  void leave(ServerId server, Millis time);
  void forget(BlockId block);
  bool still_good(const Chosen& chosen);

  BlockMap& blocks_;
  const bool enabled_;
  std::mutex mutex_;
  std::unordered_map<ServerId, Host> hosts_;
  std::unordered_map<BlockId, Known> files_;
  std::list<BlockId> used_;       // the latest first
  std::list<Instant> under_way_;  // when each began, the oldest first
};

}  // namespace lace::fs
