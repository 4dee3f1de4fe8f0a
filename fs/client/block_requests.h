// Many requests, some of them under way: the part that writing and reading blocks have in common.
#pragma once

#include <deque>
#include <optional>

#include "fs/client/storage_channel.h"

namespace lace::fs {

class BlockRequests {
 public:
  BlockRequests(net::Caller& caller, BlockMap& blocks)
      : caller_(caller), blocks_(blocks), backoff_(blocks.control().clock(), blocks.control().timeout()) {}
  virtual ~BlockRequests() = default;

  // Runs requests 0 to count - 1. The first error that can't be mended ends it; those under way are waited for.
  Status run(size_t count);

 protected:
  struct Flight {
    size_t index = 0;
    BlockMap::Info info;
    Servers::Info server;
    net::Caller::Ticket ticket{};
  };
  virtual BlockId block_of(size_t index) const = 0;
  // Which of the block's members to ask; 0 based in in_sync.
  virtual size_t member_of(size_t index, const wire::BlockInfo& info) const = 0;
  // For that member. Errors, which end everything: those of BlockMap::token_for.
  virtual Result<net::Request> request(size_t index, const wire::BlockInfo& info, ServerId member) = 0;
  virtual Millis within() const = 0;
  // Takes an answer. Errors: malformed, treated as a failure of the server.
  virtual Status take(const Flight& flight, net::Answer answer) = 0;
  // What to do about an error before it is tried again with fresh information; a status that fails ends everything.
  virtual Status mend(Flight& flight, const Error& error) = 0;

  net::Caller& caller_;
  BlockMap& blocks_;
  Backoff backoff_;

 private:
  Status start(size_t index);
  Status finish_first();

  std::deque<Flight> flights_;
  std::deque<size_t> again_;
};

}  // namespace lace::fs
