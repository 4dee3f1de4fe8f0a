// A client of the same machine is told where a copy lies.
#include <sys/stat.h>

#include "storage/ops/server.h"

namespace lace::storage {

static Result<wire::OpenCopyReply> answer_to(const Server& server, const wire::OpenCopy& message, bool local) {
  if (!local || server.shared_directory.empty()) return fail(Code::denied, "this server does not share its files with you");
  if (Status may = server.guard.check_token(message.token, BlockId{}, access::may_read); !may) return pass(may);
  if (Status mine = check_addressee(server, message.to); !mine) return pass(mine);
  if (Status lease = server.membership.check_lease(); !lease) return pass(lease);
  const auto copy = server.store.find(message.block);
  if (!copy || copy->epoch != message.epoch) return fail(Code::stale, to_string(message.block) + " is not at that epoch here");
  if (copy->state != State::whole || copy->rotten)
    return fail(Code::unavailable, to_string(message.block) + " is not whole here");
  wire::OpenCopyReply reply;
  reply.path = server.shared_directory + '/' + copy_path(message.block);
  struct stat found {};
  if (stat(reply.path.c_str(), &found) != 0) return fail(Code::no_entry, to_string(message.block) + " has no file yet");
  reply.device = found.st_dev;
  reply.file = found.st_ino;
  reply.cluster = server.membership.cluster();
  reply.incarnation = server.membership.incarnation() + server.distrusted_copies;
  reply.lease_ms = static_cast<uint32_t>(server.membership.lease_left().count());
  return reply;
}

void open_copy(Server& server, wire::OpenCopy message, Asked asked) {
  const auto reply = answer_to(server, message, asked.local);
  reply ? asked.reply.answer(*reply) : asked.reply.refuse(reply.error());
}

}  // namespace lace::storage
