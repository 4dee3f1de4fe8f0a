// FakeCluster: the namespace.
#include <sys/stat.h>

#include <algorithm>

#include "tests/unit/client/fake_cluster.h"

namespace lace::test {

using wire::SetAttributes;

template <class Reply>
static net::Answer answer(const Reply& reply, uint64_t term) {
  return {wire::encode(reply), {}, term};
}

FakeCluster::FakeCluster()
    : network_([this](const wire::Endpoint& to, const net::Request& request, const std::function<bool()>& interrupted) {
        return handle(to, request, interrupted);
      }) {
  for (uint32_t server = 1; server <= 3; ++server) servers_[server];
  Node& root = nodes_[root_inode];
  root.attributes.inode = root_inode;
  root.attributes.mode = S_IFDIR | 0755;
  root.attributes.links = 2;
  root.attributes.change = 1;
}

Result<net::Answer> FakeCluster::handle(const wire::Endpoint& to, const net::Request& request,
                                        const std::function<bool()>& interrupted) {
  Before before;
  After after;
  {
    const std::lock_guard lock(mutex_);
    before = before_;
    after = after_;
  }
  if (before) {
    if (auto error = before(to.url, request)) return tl::unexpected<Error>(*error);
  }
  Result<net::Answer> result = fail(Code::unavailable, to.url + ": nobody answers there");
  {
    std::unique_lock lock(mutex_);
    ++counts_[request.kind];
    if (to.url == control().url)
      result = at_control(request, interrupted, lock);
    else
      result = at_storage(static_cast<uint32_t>(std::stoul(to.url.substr(to.url.rfind('-') + 1))), request);
  }
  if (after) {
    if (auto error = after(to.url, request)) return tl::unexpected<Error>(*error);
  }
  return result;
}

FakeCluster::Node* FakeCluster::node(InodeId inode) {
  const auto found = nodes_.find(inode);
  return found == nodes_.end() ? nullptr : &found->second;
}

std::vector<wire::ServerInfo> FakeCluster::server_list() {
  std::vector<wire::ServerInfo> list;
  for (const auto& [id, server] : servers_) {
    wire::ServerInfo info;
    info.server = ServerId{id};
    info.name = "storage-" + std::to_string(id);
    info.endpoint.url = "fake://storage-" + std::to_string(id);
    info.state = wire::ServerState::up;
    list.push_back(info);
  }
  return list;
}

wire::OpenSessionReply FakeCluster::session_reply() {
  wire::OpenSessionReply reply;
  reply.session = SessionId{session_};
  reply.term = term_;
  reply.lease_ms = 15'000;
  reply.sole = sole_;
  reply.token = confined_ ? "" : "token";
  reply.token_lease_ms = 60'000;
  reply.servers = server_list();
  return reply;
}

Result<net::Answer> FakeCluster::at_control(const net::Request& request, const std::function<bool()>& interrupted,
                                            std::unique_lock<std::mutex>& lock) {
  const auto decoded = [&]<class Message>(std::type_identity<Message>) { return wire::decode<Message>(request.body).value(); };
  switch (request.kind) {
    case wire::Kind::open_session:
      ++session_;
      slots_.clear();
      held_.clear();
      events_.clear();
      seen_ = 0;
      resumed_ = true;
      return answer(session_reply(), term_);
    case wire::Kind::resume_session: {
      const auto message = decoded(std::type_identity<wire::ResumeSession>{});
      if (raw(message.session) != session_) return fail(Code::fenced);
      held_ = {message.held.begin(), message.held.end()};
      resumed_ = true;
      return answer(session_reply(), term_);
    }
    default: break;
  }
  // All others begin with the session.
  if (!resumed_) return fail(Code::fenced, "resume first");
  switch (request.kind) {
    case wire::Kind::renew_session: {
      const auto message = decoded(std::type_identity<wire::RenewSession>{});
      if (raw(message.session) != session_) return fail(Code::fenced);
      return answer(wire::RenewSessionReply{term_, confined_ ? "" : "token", 60'000, server_list()}, term_);
    }
    case wire::Kind::close_session: return answer(wire::Done{}, term_);
    case wire::Kind::wait_events: {
      const auto message = decoded(std::type_identity<wire::WaitEvents>{});
      seen_ = std::max(seen_, message.seen);
      events_changed_.notify_all();
      const auto news = [&] { return !events_.empty() && events_.back().number > message.seen; };
      for (int tries = 0; tries < 500 && !news(); ++tries) {
        if (interrupted()) return fail(Code::interrupted);
        events_changed_.wait_for(lock, std::chrono::milliseconds(10));
      }
      wire::WaitEventsReply reply;
      for (const wire::Event& event : events_) {
        if (event.number > message.seen) reply.events.push_back(event);
      }
      return answer(reply, term_);
    }
    case wire::Kind::lookup: {
      const auto message = decoded(std::type_identity<wire::Lookup>{});
      Node* parent = node(message.parent);
      if (!parent || !parent->entries.contains(message.name)) return fail(Code::no_entry);
      return answer(wire::AttributesReply{node(parent->entries[message.name])->attributes}, term_);
    }
    case wire::Kind::read_directory: {
      const auto message = decoded(std::type_identity<wire::ReadDirectory>{});
      Node* at = node(message.inode);
      if (!at) return fail(Code::stale_handle);
      wire::ReadDirectoryReply reply;
      uint64_t cookie = 0;
      for (const auto& [name, id] : at->entries) {
        if (++cookie <= message.cookie) continue;
        if (reply.entries.size() == message.max_entries) return answer(reply, term_);
        wire::DirectoryEntry entry{name, cookie, id, 0, {}};
        if (message.with_attributes) entry.attributes = node(id)->attributes;
        reply.entries.push_back(std::move(entry));
      }
      reply.end = true;
      return answer(reply, term_);
    }
    case wire::Kind::get_attributes: {
      Node* at = node(decoded(std::type_identity<wire::GetAttributes>{}).inode);
      if (!at) return fail(Code::stale_handle);
      return answer(wire::AttributesReply{at->attributes}, term_);
    }
    case wire::Kind::get_extents: {
      const auto message = decoded(std::type_identity<wire::GetExtents>{});
      Node* at = node(message.inode);
      if (!at) return fail(Code::stale_handle);
      return answer(extents_reply(*at, message.offset, message.length), term_);
    }
    case wire::Kind::open_inode: {
      const auto message = decoded(std::type_identity<wire::OpenInode>{});
      Node* at = node(message.inode);
      if (!at) return fail(Code::stale_handle);
      held_.insert(message.inode);
      return answer(extents_reply(*at, 0, UINT64_MAX), term_);
    }
    case wire::Kind::close_inodes: {
      for (const InodeId inode : decoded(std::type_identity<wire::CloseInodes>{}).inodes) {
        held_.erase(inode);
        if (Node* at = node(inode); at && at->attributes.links == 0) nodes_.erase(inode);
      }
      return answer(wire::Done{}, term_);
    }
    case wire::Kind::file_system_usage: return answer(wire::FileSystemUsageReply{1ULL << 40, available_, nodes_.size()}, term_);
    case wire::Kind::allocate_blocks: {
      wire::BlocksReply reply;
      const auto message = decoded(std::type_identity<wire::AllocateBlocks>{});
      for (uint32_t index = 0; index < message.count; ++index) reply.blocks.push_back(with_token(blocks_[new_block()], {}));
      return answer(reply, term_);
    }
    case wire::Kind::get_blocks: {
      wire::BlocksReply reply;
      for (const BlockId id : decoded(std::type_identity<wire::GetBlocks>{}).blocks) {
        if (blocks_.contains(id)) reply.blocks.push_back(with_token(blocks_[id], free_pages(id)));
      }
      return answer(reply, term_);
    }
    case wire::Kind::report_failure: {
      const auto message = decoded(std::type_identity<wire::ReportFailure>{});
      if (!blocks_.contains(message.block)) return fail(Code::no_entry);
      if (blocks_[message.block].epoch == message.epoch) {
        for (const ServerId failed : message.failed) {
          if (servers_[raw(failed)].up) violations_.push_back("a living server was reported");
          if (blocks_[message.block].in_sync.size() < 2) return fail(Code::unavailable, "the last copy");
          raise_epoch(message.block, failed);
        }
      }
      return answer(wire::BlocksReply{{with_token(blocks_[message.block], {{0, 0}})}}, term_);
    }
    case wire::Kind::lock: return answer(wire::LockReply{true, 0}, term_);
    case wire::Kind::release_locks: return answer(wire::Done{}, term_);
    case wire::Kind::commit: return commit(request);
    default: return fail(Code::not_supported);
  }
}

void FakeCluster::raise_epoch(BlockId id, ServerId without) {
  wire::BlockInfo& info = blocks_[id];
  ++info.epoch;
  std::erase(info.in_sync, without);
}

wire::ExtentsReply FakeCluster::extents_reply(Node& node, uint64_t offset, uint64_t length) {
  wire::ExtentsReply reply;
  reply.attributes = node.attributes;
  reply.offset = offset;
  reply.length = length;
  const uint64_t end = length > UINT64_MAX - offset ? UINT64_MAX : offset + length;
  for (const auto& [at, extent] : node.extents) {
    if (at + extent.length <= offset || at >= end) continue;
    if (reply.extents.size() == 100) {  // less than the real ones answer, so that tests get there
      reply.length = at - offset;
      break;
    }
    // In pieces that are shared or not.
    for (uint64_t done = 0; done < extent.length;) {
      const uint64_t place = extent.block_offset + done;
      const uint64_t now = std::min(extent.length - done, page_bytes - place % page_bytes);
      const bool shared = users(extent.block, place / page_bytes) > 1;
      if (done > 0 && reply.extents.back().shared == shared)
        reply.extents.back().length += now;
      else
        reply.extents.push_back({extent.offset + done, now, extent.block, place, shared});
      done += now;
    }
    if (!blocks_.contains(extent.block)) continue;
    const auto first = static_cast<uint32_t>(extent.block_offset / page_bytes);
    const auto behind = static_cast<uint32_t>((extent.block_offset + extent.length + page_bytes - 1) / page_bytes);
    reply.blocks.push_back(with_token(blocks_[extent.block], {{first, behind - first}}));
  }
  return reply;
}

// ---------------------------------------------------------------- commits

Result<net::Answer> FakeCluster::commit(const net::Request& request) {
  auto message = wire::decode<wire::Commit>(request.body).value();
  if (raw(message.session) != session_) return fail(Code::fenced);
  SlotRecord& slot = slots_[message.slot];
  if (message.number == slot.number) return net::Answer{slot.reply, {}, term_};
  if (message.number != slot.number + 1) return fail(Code::stale);
  wire::CommitReply reply;
  commits_.push_back(message.operations);
  for (wire::Operation& operation : message.operations) {
    wire::OperationResult result = apply(operation);
    if (message.terse && result.outcome.code == 0) continue;
    if (message.terse) reply.failed.push_back(static_cast<uint32_t>(&operation - message.operations.data()));
    reply.results.push_back(std::move(result));
  }
  slot = {message.number, wire::encode(reply)};
  return net::Answer{slot.reply, {}, term_};
}

void FakeCluster::recount(Node& at) {
  at.attributes.stored = 0;
  for (const auto& [offset, extent] : at.extents) at.attributes.stored += extent.length;
}

// Removes extents; punches whole pages that nothing maps any more, as control does.
void FakeCluster::cut(Node& at, uint64_t begin, uint64_t end) {
  std::vector<wire::Extent> removed;
  for (auto extent = at.extents.begin(); extent != at.extents.end();) {
    const wire::Extent old = extent->second;
    const uint64_t old_end = old.offset + old.length;
    if (old_end <= begin || old.offset >= end) {
      ++extent;
      continue;
    }
    extent = at.extents.erase(extent);
    const uint64_t from = std::max(begin, old.offset);
    const uint64_t to = std::min(end, old_end);
    removed.push_back({from, to - from, old.block, old.block_offset + (from - old.offset)});
    if (old.offset < begin) at.extents[old.offset] = {old.offset, begin - old.offset, old.block, old.block_offset};
    if (old_end > end) at.extents[end] = {end, old_end - end, old.block, old.block_offset + (end - old.offset)};
  }
  for (const wire::Extent& hole : removed) {
    const uint64_t first = hole.block_offset / page_bytes;
    const uint64_t last = (hole.block_offset + hole.length - 1) / page_bytes;
    for (uint64_t page = first; page <= last; ++page) {
      if (users(hole.block, page) > 0) continue;
      for (auto& [id, server] : servers_) {
        auto copy = server.copies.find(hole.block);
        if (copy != server.copies.end() && copy->second.bytes.size() >= (page + 1) * page_bytes)
          copy->second.bytes.replace(page * page_bytes, page_bytes, page_bytes, '\0');
      }
    }
  }
}

unsigned FakeCluster::users(BlockId block, uint64_t page) {
  std::set<std::pair<InodeId, uint64_t>> found;
  for (const auto& [id, other] : nodes_) {
    for (const auto& [offset, extent] : other.extents) {
      if (extent.block != block || extent.block_offset >= (page + 1) * page_bytes ||
          extent.block_offset + extent.length <= page * page_bytes)
        continue;
      found.emplace(id, offset / page_bytes + page - extent.block_offset / page_bytes);
    }
  }
  return static_cast<unsigned>(found.size());
}

wire::OperationResult FakeCluster::share(const wire::Share& operation) {
  wire::OperationResult result;
  const auto failed = [&](Code code) {
    result.outcome = {static_cast<uint16_t>(code), "refused"};
    return result;
  };
  Node* from = node(operation.from);
  Node* to = node(operation.inode);
  if (!from || !to) return failed(Code::stale_handle);
  const uint64_t end = operation.from_offset + operation.length;
  const bool both_end = end == from->attributes.size && operation.offset + operation.length >= to->attributes.size;
  if (operation.offset % page_bytes != 0 || operation.from_offset % page_bytes != 0 || from == to ||
      (operation.length % page_bytes != 0 && !both_end) || end > from->attributes.size)
    return failed(Code::invalid);
  const uint64_t length = (operation.length + page_bytes - 1) / page_bytes * page_bytes;
  std::vector<wire::Extent> moved;
  for (const auto& [at, extent] : from->extents) {
    const uint64_t begin = std::max(at, operation.from_offset);
    const uint64_t until = std::min(at + extent.length, operation.from_offset + length);
    if (begin >= until) continue;
    const wire::Extent there{operation.offset + begin - operation.from_offset, until - begin, extent.block,
                             extent.block_offset + begin - at};
    if (there.offset % block_bytes == there.block_offset && at % block_bytes != extent.block_offset)
      return failed(Code::not_supported);
    moved.push_back(there);
  }
  cut(*to, operation.offset, operation.offset + length);
  for (const wire::Extent& extent : moved) to->extents[extent.offset] = extent;
  to->attributes.size = std::max(to->attributes.size, operation.offset + operation.length);
  to->attributes.modified = to->attributes.changed = operation.now;
  ++to->attributes.layout;
  ++to->attributes.change;
  recount(*to);
  result.inode = to->attributes;
  return result;
}

void FakeCluster::check_pages(const Node& mine, const wire::Extent& extent) {
  if (extent.offset % page_bytes != extent.block_offset % page_bytes) violations_.push_back("offsets differ modulo a page");
  if (extent.block_offset + extent.length > block_bytes) violations_.push_back("an extent leaves its block");
  for (const auto& [id, other] : nodes_) {
    for (const auto& [offset, theirs] : other.extents) {
      if (theirs.block != extent.block || &other == &mine) continue;
      const uint64_t from = extent.block_offset / page_bytes * page_bytes;
      const uint64_t to = (extent.block_offset + extent.length + page_bytes - 1) / page_bytes * page_bytes;
      if (theirs.block_offset < to && theirs.block_offset + theirs.length > from)
        violations_.push_back("two files share a page");
    }
  }
}

void FakeCluster::map(Node& at, const wire::Extent& extent) {
  check_pages(at, extent);
  cut(at, extent.offset, extent.offset + extent.length);
  at.extents[extent.offset] = extent;
}

wire::OperationResult FakeCluster::apply(wire::Operation& operation) {
  wire::OperationResult result;
  const auto failed = [&](Code code) {
    result.outcome = {static_cast<uint16_t>(code), "refused"};
    return result;
  };
  if (auto* create = std::get_if<wire::Create>(&operation)) {
    Node* parent = node(create->parent);
    if (!parent) return failed(Code::no_entry);
    if (const auto found = parent->entries.find(create->name); found != parent->entries.end()) {
      if (create->exclusive) return failed(Code::exists);
      result.existed = true;
      result.inode = node(found->second)->attributes;
      if (create->hold) held_.insert(found->second);
      return result;
    }
    if (create->inode != no_inode && (!is_numbered_by(SessionId{session_}, create->inode) || node(create->inode)))
      return failed(Code::invalid);
    const InodeId id = create->inode != no_inode ? create->inode : InodeId{next_inode_++};
    parent->entries[create->name] = id;
    ++parent->attributes.change;
    Node& made = nodes_[id];
    made.attributes.inode = id;
    made.attributes.mode = create->mode & ~create->umask;
    made.attributes.links = 1;
    made.attributes.modified = made.attributes.changed = made.attributes.accessed = create->now;
    made.attributes.change = 1;
    made.target = create->target;
    if (create->hold) held_.insert(id);
    result.inode = made.attributes;
    result.parent = node(create->parent)->attributes;
    return result;
  }
  if (auto* link = std::get_if<wire::Link>(&operation)) {
    Node* parent = node(link->parent);
    Node* at = node(link->inode);
    if (!parent || !at || at->attributes.links == 0) return failed(Code::no_entry);
    if (parent->entries.contains(link->name)) return failed(Code::exists);
    parent->entries[link->name] = link->inode;
    ++parent->attributes.change;
    ++at->attributes.links;
    ++at->attributes.change;
    at->attributes.changed = link->now;
    result.inode = at->attributes;
    result.parent = parent->attributes;
    return result;
  }
  if (auto* remove = std::get_if<wire::Remove>(&operation)) {
    Node* parent = node(remove->parent);
    const auto found = parent->entries.find(remove->name);
    if (found == parent->entries.end()) return failed(Code::no_entry);
    const InodeId id = found->second;
    if (remove->hold) held_.insert(id);
    ++parent->attributes.change;
    Node& gone = nodes_[id];
    if (S_ISDIR(gone.attributes.mode) != remove->directory)
      return failed(remove->directory ? Code::not_directory : Code::is_directory);
    if (!gone.entries.empty()) return failed(Code::not_empty);
    parent->entries.erase(found);
    --gone.attributes.links;
    ++gone.attributes.change;
    result.parent = parent->attributes;
    result.displaced = gone.attributes;
    if (gone.attributes.links == 0 && !held_.contains(id)) nodes_.erase(id);
    return result;
  }
  if (auto* rename = std::get_if<wire::Rename>(&operation)) {
    Node* parent = node(rename->parent);
    Node* new_parent = node(rename->new_parent);
    const auto found = parent->entries.find(rename->name);
    if (found == parent->entries.end()) return failed(Code::no_entry);
    const InodeId id = found->second;
    if (const auto old = new_parent->entries.find(rename->new_name); old != new_parent->entries.end()) {
      if (old->second == id) {
        result.inode = nodes_[id].attributes;
        return result;
      }
      if (rename->hold) held_.insert(old->second);
      Node& gone = nodes_[old->second];
      --gone.attributes.links;
      ++gone.attributes.change;
      result.displaced = gone.attributes;
      if (gone.attributes.links == 0 && !held_.contains(old->second)) nodes_.erase(old->second);
    }
    parent->entries.erase(rename->name);
    new_parent->entries[rename->new_name] = id;
    ++nodes_[id].attributes.change;
    result.inode = nodes_[id].attributes;
    result.parent = new_parent->attributes;
    result.old_parent = parent->attributes;
    return result;
  }
  if (auto* set = std::get_if<SetAttributes>(&operation)) {
    Node* at = node(set->inode);
    if (!at) return failed(Code::stale_handle);
    wire::Attributes& attributes = at->attributes;
    if (set->set & SetAttributes::set_mode) attributes.mode = (attributes.mode & S_IFMT) | set->mode;
    if (set->set & SetAttributes::set_uid) attributes.uid = set->uid;
    if (set->set & SetAttributes::set_gid) attributes.gid = set->gid;
    if (set->set & SetAttributes::set_accessed) attributes.accessed = set->accessed;
    if (set->set & SetAttributes::set_size) {
      if (set->size < attributes.size) {
        cut(*at, set->size, UINT64_MAX);
        ++attributes.layout;
      }
      attributes.size = set->size;
      recount(*at);
    }
    if (set->set & SetAttributes::set_modified) attributes.modified = set->modified;
    if (!(set->set & SetAttributes::keep_changed)) attributes.changed = set->now;
    ++attributes.change;
    result.inode = attributes;
    return result;
  }
  if (auto* write = std::get_if<wire::Write>(&operation)) {
    Node* at = node(write->inode);
    if (!at) return failed(Code::stale_handle);
    if (write->layout != wire::Write::any_layout && write->layout != at->attributes.layout) return failed(Code::stale);
    for (const wire::Extent& extent : write->extents) {
      if (!blocks_.contains(extent.block)) return failed(Code::stale);
      for (const auto& [offset, old] : at->extents) {
        const uint64_t from = std::max(offset, extent.offset);
        const uint64_t to = std::min(offset + old.length, extent.offset + extent.length);
        for (uint64_t byte = from; write->fresh && byte < to; byte += page_bytes - byte % page_bytes) {
          if (users(old.block, (old.block_offset + byte - offset) / page_bytes) < 2) return failed(Code::stale);
        }
      }
    }
    for (const wire::Extent& extent : write->extents) map(*at, extent);
    at->attributes.size = std::max(at->attributes.size, write->size);
    at->attributes.modified = at->attributes.changed = write->modified;
    ++at->attributes.change;
    recount(*at);
    result.inode = at->attributes;
    return result;
  }
  if (const auto* sharing = std::get_if<wire::Share>(&operation)) return share(*sharing);
  if (auto* punch = std::get_if<wire::Punch>(&operation)) {
    Node* at = node(punch->inode);
    if (!at) return failed(Code::stale_handle);
    cut(*at, punch->offset, punch->offset + punch->length);
    at->attributes.size = std::max(at->attributes.size, punch->size);
    ++at->attributes.layout;
    ++at->attributes.change;
    recount(*at);
    result.inode = at->attributes;
    return result;
  }
  return failed(Code::not_supported);
}

}  // namespace lace::test
