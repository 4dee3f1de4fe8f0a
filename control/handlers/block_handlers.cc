#include "common/access/tokens.h"
#include "control/handlers/handlers.h"

namespace lace::control {
namespace {

constexpr size_t max_blocks = 10'000;  // of one question

bool is_own_block(Control& control, const Session& session, BlockId block) {
  const auto own = control.names->allocated_by(block, session.record.session);
  return own && *own;
}

bool may_see_block(Control& control, const Session& session, BlockId block) {
  return !session.confined() || session.granted.contains(block) || is_own_block(control, session, block);
}

// The token of a confined session is good for those pages of a block it allocated that no file has yet. Those of files come
// with the answers to GetExtents: of what the session wrote, too, since the file may have been moved out of the subtree. A
// token for no page at all is still good to have the block synced.
void add_token_for_block(Control& control, const Session& session, wire::BlockInfo& block) {
  if (!session.confined()) return;
  std::vector<wire::PageRange> pages;
  if (is_own_block(control, session, block.block)) {
    if (auto free = control.names->free_pages(block.block, access::max_token_ranges)) pages = std::move(*free);
  }
  if (pages.empty()) pages.push_back({0, 0});
  add_token(control, session, block, std::move(pages));
}

void answer_block(Control& control, SessionId id, wire::BlockInfo block, Responder& responder) {
  if (const Session* session = control.sessions.find(id)) add_token_for_block(control, *session, block);
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
    for (const Placement& placement : placements) {
      if (const Status known = check_known(ns, placement.servers); !known) return known;
    }
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
  for (wire::BlockInfo& block : reply.blocks) add_token_for_block(control, *session, block);
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
    if (session->confined()) {
      // Others have files in the block, whose copies it must not be able to do away with: it is believed of servers only of
      // which control has not heard either. With nobody to drop the answer is where the block is now.
      std::erase_if(message.failed, [&](ServerId server) { return !control.servers.lease_over(server, control.now()); });
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
