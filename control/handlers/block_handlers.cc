#include "control/handlers/handlers.h"

namespace lace::control {
namespace {

constexpr size_t max_blocks = 10'000;  // of one question

bool may_see_block(Control& control, const Session& session, BlockId block) {
  if (!session.confined() || session.granted.contains(block)) return true;
  const auto own = control.names->allocated_by(block, session.record.session);
  return own && *own;
}

void answer_block(Control& control, SessionId id, wire::BlockInfo block, Responder& responder) {
  if (const Session* session = control.sessions.find(id)) add_token(control, *session, block);
  wire::BlocksReply reply;
  reply.blocks.push_back(std::move(block));
  responder.answer(reply);
}

}  // namespace

void handle(Control& control, const Asker& asker, wire::Commit& message, Responder responder) {
  if (session_of(control, asker, message.session, responder) == nullptr) return;
  control.commits.add(std::move(message), std::move(responder));
}

void handle(Control& control, const Asker& asker, wire::AllocateBlocks& message, Responder responder) {
  const Session* session = session_of(control, asker, message.session, responder);
  if (session == nullptr) return;
  if (session->record.read_only) return responder.refuse(Code::read_only, "the session is read-only");
  if (message.count < 1 || message.count > 64) return responder.refuse(Code::malformed, "1 to 64 blocks at a time");
  std::vector<Placement> placements;
  const std::vector<Candidate> candidates = control.candidates();
  for (uint32_t i = 0; i < message.count; ++i) {
    auto placement = control.placement.choose(candidates, control.options.copies);
    if (!placement) return responder.refuse(placement.error());
    placements.push_back(std::move(*placement));
  }

  const auto reply = std::make_shared<wire::BlocksReply>();
  const auto kept = std::make_shared<Responder>(std::move(responder));
  const SessionId id = message.session;
  const auto apply = [id, placements = std::move(placements), reply](Namespace& ns) -> Status {
    auto blocks = ns.allocate(id, placements);
    if (!blocks) return pass(blocks);
    reply->blocks = std::move(*blocks);
    return {};
  };
  control.group.add(apply, [&control, id, reply, kept](const Status& status) {
    if (!status) return kept->refuse(status.error());
    if (const Session* asks = control.sessions.find(id)) {
      for (wire::BlockInfo& block : reply->blocks) add_token(control, *asks, block);
    }
    kept->answer(*reply);
  });
}

void handle(Control& control, const Asker& asker, wire::GetBlocks& message, Responder responder) {
  const Session* session = session_of(control, asker, message.session, responder);
  if (session == nullptr) return;
  if (message.blocks.size() > max_blocks) return responder.refuse(Code::malformed, "at most 10,000 blocks at a time");
  std::erase_if(message.blocks, [&](BlockId block) { return !may_see_block(control, *session, block); });
  auto blocks = control.names->blocks(message.blocks);
  if (!blocks) return responder.refuse(blocks.error());
  wire::BlocksReply reply{std::move(*blocks)};
  for (wire::BlockInfo& block : reply.blocks) add_token(control, *session, block);
  responder.answer(reply);
}

void handle(Control& control, const Asker& asker, wire::ReportFailure& message, Responder responder) {
  const SessionId id = message.session;
  if (id == SessionId{0}) {
    if (!asker.rights.storage) return responder.refuse(Code::denied, "only storage servers report without a session");
  } else {
    const Session* session = session_of(control, asker, id, responder);
    if (session == nullptr) return;
    // Reading needs no failed copy out of the way: there are others.
    if (session->record.read_only) return responder.refuse(Code::read_only, "the session is read-only");
    if (!may_see_block(control, *session, message.block)) {
      return responder.refuse(Code::denied, "the block holds nothing of the session's subtree");
    }
  }
  if (message.failed.size() > 2 * max_copies) return responder.refuse(Code::malformed, "more servers than a block has");
  const auto kept = std::make_shared<Responder>(std::move(responder));
  control.metrics.failures_reported();
  control.raiser.drop(message.block, message.epoch, std::move(message.failed),
                      [&control, id, kept](const Result<wire::BlockInfo>& block) {
                        if (!block) return kept->refuse(block.error());
                        answer_block(control, id, *block, *kept);
                      });
}

}  // namespace lace::control
