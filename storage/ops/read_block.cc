// A client reads from a copy that is in sync.
#include "storage/ops/server.h"

namespace lace::storage {

void read_block(Server& server, wire::ReadBlock message, Asked asked) {
  Status may;
  if (message.length == 0 || message.length > max_io_bytes || message.offset > block_bytes - message.length)
    may = fail(Code::malformed, "a read outside of the block, too long or of nothing");
  if (may) may = server.guard.check_read(message);
  if (may) may = check_addressee(server, message.to);
  if (may) may = server.membership.check_lease();
  if (!may) {
    ++server.counters.refused;
    return asked.reply.refuse(may.error());
  }
  ++server.counters.reads;
  auto reply = std::make_shared<net::Responder>(std::move(asked.reply));
  server.store.read(message.block, message.epoch, message.offset, message.length, [&server, reply](Result<ReadData> data) {
    // The disk may have taken its time: what is answered now must still be the block.
    if (Status lease = server.membership.check_lease(); data && !lease) data = pass(lease);
    if (!data) {
      ++server.counters.refused;
      return reply->refuse(data.error());
    }
    wire::ReadBlockReply answer;
    for (const Range& range : data->ranges) answer.data.push_back({range.offset, range.length});
    server.counters.read_bytes += data->bytes.size();
    reply->answer(answer, std::move(data->bytes));
  });
}

}  // namespace lace::storage
