#include <algorithm>
#include <map>
#include <set>

#include "common/access/tokens.h"
#include "control/handlers/handlers.h"

namespace lace::control {
namespace {

constexpr uint32_t max_extents = 1'000;  // of one answer
// To a confined session: what they lie on must fit into a token.
constexpr uint32_t max_confined_extents = access::max_token_ranges;
constexpr size_t max_granted = 100'000;  // blocks a confined session is remembered to have seen

// The inode is there, and the session may see it.
Session* session_with(Control& control, const Asker& asker, SessionId id, InodeId inode, Responder& responder) {
  Session* session = session_of(control, asker, id, responder);
  if (session == nullptr || !is_visible(control, *session, inode, responder)) return nullptr;
  return session;
}

template <class Value, class Make>
void answer_with(Result<Value> value, Responder& responder, Make&& make) {
  if (!value) return responder.refuse(value.error());
  responder.answer(make(std::move(*value)));
}

// The pages that these extents of one file touch in each block; what touches or overlaps is merged.
std::map<BlockId, std::vector<wire::PageRange>> pages_of(std::vector<wire::Extent> extents) {
  std::sort(extents.begin(), extents.end(), [](const auto& a, const auto& b) { return a.block_offset < b.block_offset; });
  std::map<BlockId, std::vector<wire::PageRange>> pages;
  for (const wire::Extent& extent : extents) {
    const auto first = static_cast<uint32_t>(extent.block_offset / page_bytes);
    const auto end = static_cast<uint32_t>((extent.block_offset + extent.length + page_bytes - 1) / page_bytes);
    auto& ranges = pages[extent.block];
    if (!ranges.empty() && first <= ranges.back().first + ranges.back().count) {
      ranges.back().count = std::max(ranges.back().count, end - ranges.back().first);
    } else {
      ranges.push_back({first, end - first});
    }
  }
  return pages;
}

// A token is for a block: of one in which pages of the file are shared, all that the file has there is for reading only, since
// others outside of the subtree may have the same pages. So all of it is said to be shared.
std::set<BlockId> shared_blocks(std::vector<wire::Extent>& extents) {
  std::set<BlockId> blocks;
  for (const wire::Extent& extent : extents) {
    if (extent.shared) blocks.insert(extent.block);
  }
  for (wire::Extent& extent : extents) extent.shared = blocks.contains(extent.block);
  return blocks;
}

void answer_extents(Control& control, Session& session, InodeId inode, uint64_t offset, uint64_t length, Responder& responder) {
  auto found = control.names->extents(inode, offset, length, session.confined() ? max_confined_extents : max_extents);
  if (!found) return responder.refuse(found.error());
  std::set<BlockId> ids;
  for (const wire::Extent& extent : found->extents) ids.insert(extent.block);
  auto blocks = control.names->blocks({ids.begin(), ids.end()});
  if (!blocks) return responder.refuse(blocks.error());
  if (session.confined()) {
    if (session.granted.size() > max_granted) session.granted.clear();  // it asks for the extents again
    auto pages = pages_of(found->extents);
    const std::set<BlockId> read_only = shared_blocks(found->extents);
    for (wire::BlockInfo& block : *blocks) {
      add_token(control, session, block, std::move(pages[block.block]), read_only.contains(block.block));
      session.granted.insert(block.block);
    }
  }
  wire::ExtentsReply reply{std::move(found->attributes), offset, found->length, std::move(found->extents), std::move(*blocks)};
  responder.answer(reply);
}

}  // namespace

void handle(Control& control, const Asker& asker, wire::Lookup& message, Responder responder) {
  const Session* session = session_with(control, asker, message.session, message.parent, responder);
  if (session == nullptr) return;
  // What is above a session's root is not shown.
  const bool above = message.name == ".." && message.parent == session->record.root;
  auto found = above ? control.names->attributes(message.parent) : control.names->lookup(message.parent, message.name);
  answer_with(std::move(found), responder,
              [](wire::Attributes attributes) { return wire::AttributesReply{std::move(attributes)}; });
}

void handle(Control& control, const Asker& asker, wire::GetAttributes& message, Responder responder) {
  if (session_with(control, asker, message.session, message.inode, responder) == nullptr) return;
  answer_with(control.names->attributes(message.inode), responder,
              [](wire::Attributes attributes) { return wire::AttributesReply{std::move(attributes)}; });
}

void handle(Control& control, const Asker& asker, wire::ReadDirectory& message, Responder responder) {
  const Session* session = session_with(control, asker, message.session, message.inode, responder);
  if (session == nullptr) return;
  auto listing = control.names->read_directory(message.inode, message.cookie, message.max_entries, message.with_attributes);
  answer_with(std::move(listing), responder, [&](Listing list) {
    const InodeId parent = message.inode == session->record.root ? message.inode : list.parent;
    return wire::ReadDirectoryReply{std::move(list.entries), list.end, parent};
  });
}

void handle(Control& control, const Asker& asker, wire::ReadLink& message, Responder responder) {
  if (session_with(control, asker, message.session, message.inode, responder) == nullptr) return;
  answer_with(control.names->read_link(message.inode), responder,
              [](std::string text) { return wire::TextReply{std::move(text)}; });
}

void handle(Control& control, const Asker& asker, wire::GetXattr& message, Responder responder) {
  if (session_with(control, asker, message.session, message.inode, responder) == nullptr) return;
  answer_with(control.names->get_xattr(message.inode, message.name), responder,
              [](std::string text) { return wire::TextReply{std::move(text)}; });
}

void handle(Control& control, const Asker& asker, wire::ListXattrs& message, Responder responder) {
  if (session_with(control, asker, message.session, message.inode, responder) == nullptr) return;
  answer_with(control.names->list_xattrs(message.inode), responder,
              [](std::vector<std::string> names) { return wire::ListXattrsReply{std::move(names)}; });
}

void handle(Control& control, const Asker& asker, wire::GetExtents& message, Responder responder) {
  Session* session = session_with(control, asker, message.session, message.inode, responder);
  if (session == nullptr) return;
  answer_extents(control, *session, message.inode, message.offset, message.length, responder);
}

void handle(Control& control, const Asker& asker, wire::OpenInode& message, Responder responder) {
  Session* session = session_with(control, asker, message.session, message.inode, responder);
  if (session == nullptr) return;
  const auto attributes = control.names->attributes(message.inode);
  if (!attributes) return responder.refuse(attributes.error());
  control.sessions.hold(*session, message.inode);
  answer_extents(control, *session, message.inode, 0, max_file_bytes, responder);
}

void handle(Control& control, const Asker& asker, wire::CloseInodes& message, Responder responder) {
  Session* session = session_of(control, asker, message.session, responder);
  if (session == nullptr) return;
  control.keeper.let_go(*session, message.inodes);
  responder.answer(wire::Done{});
}

}  // namespace lace::control
