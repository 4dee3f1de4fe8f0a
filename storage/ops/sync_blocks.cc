// All writes of these blocks that were answered before are made durable here.
#include "storage/ops/gathering.h"

namespace lace::storage {

void sync_blocks(Server& server, wire::SyncBlocks message, Asked asked) {
  if (Status mine = check_addressee(server, message.to); !mine) return asked.reply.refuse(mine.error());
  const bool each_its_own = message.token.empty();
  if (each_its_own && message.tokens.size() != message.blocks.size()) {
    return asked.reply.refuse(Code::malformed, "one token is needed for each block");
  }
  ++server.counters.syncs;
  gather<wire::SyncBlocksReply>(message.blocks, std::move(asked.reply),
                                [&](const wire::BlockEpoch& block, size_t i, const Done& done) {
                                  const std::string& token = each_its_own ? message.tokens[i] : message.token;
                                  const Status may = server.guard.check_token(token, block.block, access::may_write);
                                  may ? server.store.sync(block.block, block.epoch, done) : done(may);
                                });
}

}  // namespace lace::storage
