// Blocks, their copies and the servers that have them: what is cached, asked for again, and reported when it fails. Shared by
// the channels that write, read and sync. Thread-safe.
#pragma once

#include <string>

#include "fs/client/block_cache.h"
#include "fs/client/block_tokens.h"
#include "fs/client/control_channel.h"
#include "fs/client/servers.h"

namespace lace::fs {

class BlockMap {
 public:
  using Info = BlockCache::Info;
  BlockMap(ControlChannel& control, Servers& servers) : control_(control), servers_(servers) {}

  // What an answer that has just come says.
  void learn(const std::vector<wire::BlockInfo>& blocks);
  // From the cache; null: not there.
  Info known(BlockId block) { return cache_.find(block); }
  Servers::Info known_server(ServerId server) const { return servers_.find(server); }
  // From the cache, else from control. Errors: stale (the block is gone), io, interrupted.
  Result<Info> find(net::Caller& caller, BlockId block);
  // Asks control, unless somebody else has heard of a newer epoch than `seen` already.
  Result<Info> refresh(net::Caller& caller, BlockId block, Epoch seen);
  // What `used` says did not work, with `error` from `server`. Answers with what to try next, after a wait where nothing has
  // changed. Errors: stale (the block is gone), io, interrupted.
  Result<Info> recover(net::Caller& caller, const Info& used, ServerId server, const Error& error, Backoff& backoff);

  // Null: not known (any more): the list is asked for.
  Servers::Info server(net::Caller& caller, ServerId server);
  // The right to these bytes of the block (one at least). Errors: stale (a confined session must ask for the extents of the
  // file again: that gives it the right), io, interrupted.
  Result<std::string> token_for(net::Caller& caller, BlockId block, uint64_t offset, uint64_t length);
  // The same for bytes that lie at `file_offset` of the inode, or are to lie there: the extents are asked for here.
  Result<std::string> token_for(net::Caller& caller, BlockId block, uint64_t offset, uint64_t length, InodeId inode,
                                uint64_t file_offset);
  // The right to have the block synced; empty: none.
  std::string token_to_sync(net::Caller& caller, BlockId block);
  // A server has refused them again.
  void distrust_tokens(BlockId block) { tokens_.forget(block); }
  ControlChannel& control() { return control_; }

 private:
  Result<Info> ask(net::Caller& caller, BlockId block);
  Result<Info> report(net::Caller& caller, const Info& used, ServerId server);

  ControlChannel& control_;
  Servers& servers_;
  BlockCache cache_;
  BlockTokens tokens_;  // of a confined session
};

// Whether the error says that the server itself was not reached (or its answer did not come), not that it refused. One that is
// merely slow is away only if control has not heard of it either.
bool is_away(const Error& error, const wire::ServerInfo& server);

}  // namespace lace::fs
