// The account of a copy, for `lace info` and for control. It shows no bytes, but what others have written, and when.
#include "storage/ops/server.h"

namespace lace::storage {

void inspect_block(Server& server, wire::InspectBlock message, Asked asked) {
  const Status may = message.pass.empty() ? server.guard.check_token(message.token, message.block, access::may_inspect)
                                          : server.guard.check_pass(message.pass, access::Role::control);
  if (!may) return asked.reply.refuse(may.error());
  const auto info = server.store.find(message.block);
  wire::InspectBlockReply answer;
  if (!info) {
    if (!server.store.may_appear(message.block)) answer.state = wire::CopyState::gone;
    return asked.reply.answer(answer);
  }
  answer.exists = true;
  answer.epoch = info->epoch;
  answer.stored_bytes = info->stored_bytes;
  answer.missing_bytes = info->missing_bytes;
  answer.state = wire::CopyState::suspect;
  if (info->state == State::whole && !info->rotten) answer.state = wire::CopyState::whole;
  if (info->state == State::filling) answer.state = wire::CopyState::filling;
  auto reply = std::make_shared<net::Responder>(std::move(asked.reply));
  server.store.inspect(message.block, [answer, reply](Result<std::vector<Run>> runs) mutable {
    if (!runs) return reply->refuse(runs.error());
    for (const Run& run : *runs) answer.runs.push_back({run.page, run.count, run.epoch, run.zero});
    reply->answer(answer);
  });
}

}  // namespace lace::storage
