#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/access/tokens.h"
#include "control/handlers/handlers.h"
#include "control/sessions/lease_needs.h"

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

// Once what others decided is known and no lease of theirs is in the way; and if the session still lives then.
template <class Message, class Needs, class Answer>
void when_seen(Control& control, const Asker& asker, Message& message, InodeId named, Responder responder, Needs needs,
               Answer answer) {
  if (session_with(control, asker, message.session, named, responder) == nullptr) return;
  const auto kept = std::make_shared<std::pair<Message, Responder>>(std::move(message), std::move(responder));
  const SessionId id = kept->first.session;
  control.leases.when_free(
      id, [&control, kept, needs] { return needs(*control.names, kept->first); }, asker.deadline,
      [&control, kept, answer, id](const Status& status) {
        if (!status) return kept->second.refuse(status.error());
        Session* session = control.sessions.find(id);
        if (session == nullptr || session->fenced) return kept->second.refuse(Code::fenced, "the session has ended");
        answer(*session, kept->first, kept->second);
      });
}

template <class Message>
auto to_see_inode() {
  return [](Namespace& ns, const Message& message) { return to_see(ns, message.inode); };
}

// None on what is frozen: a snapshot is removed without asking for leases, and control has to know what is open in it.
void add_lease(Control& control, const Session& session, InodeId directory, std::vector<wire::Lease>& leases) {
  if (!session.record.leases) return;
  if (const auto home = control.names->home(directory); home && *home == directory)
    control.leases.add(session, directory, leases);
}

// Names the directory whose lease is good for the answer, and adds the lease.
template <class Reply>
void add_home(Control& control, const Session& session, InodeId inode, Reply& reply) {
  if (!session.record.leases) return;
  if (const auto home = control.names->home(inode)) reply.home = *home;
  control.leases.add(session, reply.home, reply.leases);
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
  add_home(control, session, inode, reply);
  responder.answer(reply);
}

// Attributes of a directory that somebody else is changing are not true.
void leave_out_uncertain(Control& control, const Session& session, std::vector<wire::DirectoryEntry>& entries) {
  for (wire::DirectoryEntry& entry : entries) {
    if (S_ISDIR(entry.attributes.mode) && control.leases.is_changed_by_other(session.record.session, entry.inode))
      entry.attributes = {};
  }
}

}  // namespace

void handle(Control& control, const Asker& asker, wire::Lookup& message, Responder responder) {
  const InodeId parent = message.parent;
  when_seen(
      control, asker, message, parent, std::move(responder),
      [](Namespace& ns, const wire::Lookup& asked) { return to_look_up(ns, asked.parent, asked.name); },
      [&control](const Session& session, const wire::Lookup& asked, Responder& answerer) {
        // What is above a session's root is not shown.
        const bool above = asked.name == ".." && asked.parent == session.record.root;
        auto found = above ? control.names->attributes(asked.parent) : control.names->lookup(asked.parent, asked.name);
        answer_with(std::move(found), answerer, [&](wire::Attributes attributes) {
          wire::AttributesReply reply{std::move(attributes)};
          add_lease(control, session, asked.parent, reply.leases);
          add_home(control, session, reply.attributes.inode, reply);
          return reply;
        });
      });
}

void handle(Control& control, const Asker& asker, wire::GetAttributes& message, Responder responder) {
  when_seen(control, asker, message, message.inode, std::move(responder), to_see_inode<wire::GetAttributes>(),
            [&control](const Session& session, const wire::GetAttributes& asked, Responder& answerer) {
              answer_with(control.names->attributes(asked.inode), answerer, [&](wire::Attributes attributes) {
                wire::AttributesReply reply{std::move(attributes)};
                add_home(control, session, asked.inode, reply);
                return reply;
              });
            });
}

void handle(Control& control, const Asker& asker, wire::ReadDirectory& message, Responder responder) {
  when_seen(control, asker, message, message.inode, std::move(responder), to_see_inode<wire::ReadDirectory>(),
            [&control](const Session& session, const wire::ReadDirectory& asked, Responder& answerer) {
              auto listing = control.names->read_directory(asked.inode, asked.cookie, asked.max_entries, asked.with_attributes);
              answer_with(std::move(listing), answerer, [&](Listing list) {
                const InodeId parent = asked.inode == session.record.root ? asked.inode : list.parent;
                wire::ReadDirectoryReply reply{std::move(list.entries), list.end, parent};
                if (asked.with_attributes) leave_out_uncertain(control, session, reply.entries);
                add_lease(control, session, asked.inode, reply.leases);
                return reply;
              });
            });
}

void handle(Control& control, const Asker& asker, wire::ReadLink& message, Responder responder) {
  if (session_with(control, asker, message.session, message.inode, responder) == nullptr) return;
  answer_with(control.names->read_link(message.inode), responder,
              [](std::string text) { return wire::TextReply{std::move(text)}; });
}

void handle(Control& control, const Asker& asker, wire::GetXattr& message, Responder responder) {
  when_seen(control, asker, message, message.inode, std::move(responder), to_see_inode<wire::GetXattr>(),
            [&control](const Session&, const wire::GetXattr& asked, Responder& answerer) {
              answer_with(control.names->get_xattr(asked.inode, asked.name), answerer,
                          [](std::string text) { return wire::TextReply{std::move(text)}; });
            });
}

void handle(Control& control, const Asker& asker, wire::ListXattrs& message, Responder responder) {
  when_seen(control, asker, message, message.inode, std::move(responder), to_see_inode<wire::ListXattrs>(),
            [&control](const Session&, const wire::ListXattrs& asked, Responder& answerer) {
              answer_with(control.names->list_xattrs(asked.inode), answerer,
                          [](std::vector<std::string> names) { return wire::ListXattrsReply{std::move(names)}; });
            });
}

void handle(Control& control, const Asker& asker, wire::GetExtents& message, Responder responder) {
  when_seen(control, asker, message, message.inode, std::move(responder), to_see_inode<wire::GetExtents>(),
            [&control](Session& session, const wire::GetExtents& asked, Responder& answerer) {
              answer_extents(control, session, asked.inode, asked.offset, asked.length, answerer);
            });
}

void handle(Control& control, const Asker& asker, wire::OpenInode& message, Responder responder) {
  when_seen(control, asker, message, message.inode, std::move(responder), to_see_inode<wire::OpenInode>(),
            [&control](Session& session, const wire::OpenInode& asked, Responder& answerer) {
              const auto attributes = control.names->attributes(asked.inode);
              if (!attributes) return answerer.refuse(attributes.error());
              control.sessions.hold(session, asked.inode);
              answer_extents(control, session, asked.inode, 0, max_file_bytes, answerer);
            });
}

void handle(Control& control, const Asker& asker, wire::CloseInodes& message, Responder responder) {
  Session* session = session_of(control, asker, message.session, responder);
  if (session == nullptr) return;
  control.keeper.let_go(*session, message.inodes);
  responder.answer(wire::Done{});
}

}  // namespace lace::control
