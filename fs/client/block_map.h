// Blocks, their copies and the servers that have them: what is cached, asked for again, and reported when it fails. Shared by
// the channels that write, read and sync. Thread-safe.
#pragma once

#include <string>

#include "fs/client/block_cache.h"
#include "fs/client/control_channel.h"
#include "fs/client/servers.h"

namespace lace::fs {

class BlockMap {
 public:
  using Info = BlockCache::Info;
  BlockMap(ControlChannel& control, Servers& servers) : control_(control), servers_(servers) {}

  void learn(const std::vector<wire::BlockInfo>& blocks) { cache_.put(blocks); }
  // From the cache, else from control. Errors: stale (the block is gone), io, interrupted.
  Result<Info> find(net::Caller& caller, BlockId block);
  // Asks control, unless somebody else has heard of a newer epoch than `seen` already.
  Result<Info> refresh(net::Caller& caller, BlockId block, Epoch seen);
  // What `used` says did not work, with `error` from `server`. Answers with what to try next, after a wait where nothing has
  // changed. Errors: stale (the block is gone), io, interrupted.
  Result<Info> recover(net::Caller& caller, const Info& used, ServerId server, const Error& error, Backoff& backoff);

  // Null: not known (any more): the list is asked for.
  Servers::Info server(net::Caller& caller, ServerId server);
  // The right to do something with the block.
  std::string token_for(const wire::BlockInfo& block) const;
  ControlChannel& control() { return control_; }

 private:
  Result<Info> report(net::Caller& caller, const Info& used, ServerId server);

  ControlChannel& control_;
  Servers& servers_;
  BlockCache cache_;
};

// Whether the error says that the server itself was not reached (or its answer did not come), not that it refused. One that is
// merely slow is away only if control has not heard of it either.
bool is_away(const Error& error, const wire::ServerInfo& server);

}  // namespace lace::fs
