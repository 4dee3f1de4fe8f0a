// A member takes a write from the primary, in the primary's order.
#include "storage/ops/sync_soon.h"

namespace lace::storage {

static Status check_message(const Server& server, const wire::ForwardWrite& message, size_t bytes) {
  if (Status may = server.guard.check_pass(message.pass, access::Role::storage); !may) return may;
  if (Status mine = check_addressee(server, message.to); !mine) return mine;
  // Padded to page borders a write is a little longer than a client may send.
  if (bytes == 0 || bytes > max_io_bytes + 2 * page_bytes || message.offset >= block_bytes ||
      bytes > block_bytes - message.offset) {
    return fail(Code::malformed, "a write outside of the block, or too long");
  }
  const auto copy = server.store.find(message.block);
  const Epoch epoch = copy ? copy->epoch : 1;
  if (epoch == message.epoch) return {};
  return fail(Code::stale, to_string(message.block) + " is at epoch " + std::to_string(epoch) + " here");
}

void forward_write(Server& server, wire::ForwardWrite message, Asked asked) {
  if (Status may = check_message(server, message, asked.payload.size()); !may) {
    ++server.counters.refused;
    return asked.reply.refuse(may.error());
  }
  switch (server.forwarding.heard(message.block, message.epoch, {message.stream, message.number})) {
    case Forwarding::Verdict::repeated: return asked.reply.answer(wire::Written{});
    case Forwarding::Verdict::lost: return asked.reply.refuse(Code::unavailable, "a write in front of this one did not arrive");
    case Forwarding::Verdict::take: break;
  }
  ++server.counters.writes;
  server.counters.written_bytes += asked.payload.size();
  auto reply = std::make_shared<net::Responder>(std::move(asked.reply));
  server.store.write(
      message.block, message.epoch, message.offset, std::move(asked.payload), message.inode, message.file_offset, false,
      [&server, reply, block = message.block, epoch = message.epoch, sync = message.sync](const Result<Bytes>& written) {
        if (!written) return reply->refuse(written.error());
        if (!sync) return reply->answer(wire::Written{});
        sync_soon(server, block, epoch, [reply](bool synced) { reply->answer(wire::Written{synced}); });
      });
}

}  // namespace lace::storage
