// FakeCluster: the storage servers, and what tests do and ask.
#include <sys/stat.h>

#include <algorithm>

#include "tests/unit/client/fake_cluster.h"

namespace lace::test {

namespace {

template <class Reply>
net::Answer answer(const Reply& reply, std::string payload = {}) {
  return {wire::encode(reply), Bytes(std::move(payload)), 0};
}

// What nobody wrote is garbage here: a client that maps a page must have written all of it.
void make_room(std::string& bytes, uint64_t size) {
  if (bytes.size() < size) bytes.resize((size + page_bytes - 1) / page_bytes * page_bytes, '\xEE');
}

}  // namespace

BlockId FakeCluster::new_block() {
  const BlockId id{next_block_++};
  const auto first = static_cast<uint32_t>(raw(id) % 3);
  blocks_[id] = {id, 1, {ServerId{first + 1}, ServerId{(first + 1) % 3 + 1}}, {}, ""};
  return id;
}

wire::BlockInfo FakeCluster::with_token(wire::BlockInfo info, std::vector<wire::PageRange> pages) {
  if (!confined_) return info;
  info.pages = std::move(pages);
  info.token = "token " + std::to_string(next_token_++);
  info.seal = "sealed at " + std::to_string(info.epoch);
  tokens_[info.token] = info;
  return info;
}

// All blocks are this session's own: what no file has it may write.
std::vector<wire::PageRange> FakeCluster::free_pages(BlockId block) {
  std::vector<bool> used(block_pages);
  for (const auto& [id, node] : nodes_) {
    for (const auto& [offset, extent] : node.extents) {
      if (extent.block != block) continue;
      const uint64_t end = (extent.block_offset + extent.length + page_bytes - 1) / page_bytes;
      for (uint64_t page = extent.block_offset / page_bytes; page < end; ++page) used[page] = true;
    }
  }
  std::vector<wire::PageRange> gaps;
  for (uint32_t page = 0; page < block_pages; ++page) {
    if (used[page]) continue;
    if (!gaps.empty() && gaps.back().first + gaps.back().count == page)
      ++gaps.back().count;
    else
      gaps.push_back({page, 1});
  }
  if (gaps.empty()) gaps.push_back({0, 0});
  return gaps;
}

bool FakeCluster::allows(const std::string& token, const wire::BlockInfo& block, uint64_t offset, uint64_t length) {
  if (!confined_) return token == "token";
  const auto found = tokens_.find(token);
  if (found == tokens_.end() || found->second.block != block.block) return false;
  const auto& pages = found->second.pages;
  return length == 0 || pages.empty() || std::any_of(pages.begin(), pages.end(), [&](const wire::PageRange& range) {
           return offset >= range.first * page_bytes && offset + length <= (range.first + range.count) * page_bytes;
         });
}

void FakeCluster::end_tokens() {
  const std::lock_guard lock(mutex_);
  tokens_.clear();
}

Result<net::Answer> FakeCluster::at_storage(uint32_t server, const net::Request& request) {
  if (!servers_[server].up)
    return fail(Code::unavailable, "fake://storage-" + std::to_string(server) + ": nobody answers there");
  switch (request.kind) {
    case wire::Kind::write_block: return write_block(server, request);
    case wire::Kind::read_block: return read_block(server, request);
    case wire::Kind::sync_blocks: return sync_blocks(server, request);
    default: return fail(Code::not_supported);
  }
}

Result<net::Answer> FakeCluster::write_block(uint32_t server, const net::Request& request) {
  const auto message = wire::decode<wire::WriteBlock>(request.body).value();
  const auto found = blocks_.find(message.block);
  if (found == blocks_.end() || message.epoch != found->second.epoch) return fail(Code::stale);
  if (found->second.in_sync.front() != ServerId{server}) return fail(Code::stale, "not the primary");
  if (!allows(message.token, found->second, message.offset, request.payload.view().size())) return fail(Code::denied);
  if (confined_ && message.seal != "sealed at " + std::to_string(message.epoch)) return fail(Code::denied, "no seal");
  for (const ServerId member : found->second.in_sync) {
    if (servers_[raw(member)].up) continue;
    raise_epoch(message.block, member);  // the primary reports it by itself
    return fail(Code::unavailable, "a member did not take it");
  }
  const std::string_view bytes = request.payload.view();
  if (bytes.empty() || bytes.size() > max_io_bytes || message.offset + bytes.size() > block_bytes)
    violations_.push_back("a write out of bounds");
  for (uint64_t page = message.offset / page_bytes; page * page_bytes < message.offset + bytes.size(); ++page) {
    if (users(message.block, page) > 1) violations_.push_back("a write into a shared page");
  }
  for (const ServerId member : found->second.in_sync) {
    Copy& copy = servers_[raw(member)].copies[message.block];
    make_room(copy.bytes, message.offset + bytes.size());
    copy.bytes.replace(message.offset, bytes.size(), bytes);
    copy.unsynced = true;
    if (message.sync && syncs_with_writes_) copy.unsynced = false, copy.stable = copy.bytes;
  }
  return answer(wire::Written{message.sync && syncs_with_writes_});
}

Result<net::Answer> FakeCluster::read_block(uint32_t server, const net::Request& request) {
  const auto message = wire::decode<wire::ReadBlock>(request.body).value();
  const auto found = blocks_.find(message.block);
  if (found == blocks_.end() || message.epoch != found->second.epoch) return fail(Code::stale);
  if (!allows(message.token, found->second, message.offset, message.length)) return fail(Code::denied);
  const auto& members = found->second.in_sync;
  if (std::find(members.begin(), members.end(), ServerId{server}) == members.end()) return fail(Code::stale);
  std::string bytes = servers_[server].copies[message.block].bytes;
  make_room(bytes, message.offset + message.length);
  std::string wanted = bytes.substr(message.offset, message.length);
  // Leading zeros are left out, as the account of holes would have it.
  const size_t data = std::min(wanted.find_first_not_of('\0'), wanted.size());
  wire::ReadBlockReply reply;
  if (data < wanted.size()) reply.data.push_back({message.offset + data, wanted.size() - data});
  return answer(reply, wanted.substr(data));
}

Result<net::Answer> FakeCluster::sync_blocks(uint32_t server, const net::Request& request) {
  const auto message = wire::decode<wire::SyncBlocks>(request.body).value();
  wire::SyncBlocksReply reply;
  for (size_t i = 0; i < message.blocks.size(); ++i) {
    const wire::BlockEpoch& block = message.blocks[i];
    const bool current = blocks_.contains(block.block) && blocks_[block.block].epoch == block.epoch;
    if (current && !allows(message.token.empty() ? message.tokens.at(i) : message.token, blocks_[block.block], 0, 0)) {
      reply.outcomes.push_back({static_cast<uint16_t>(Code::denied), ""});
      continue;
    }
    reply.outcomes.push_back(current ? wire::Outcome{} : wire::Outcome{static_cast<uint16_t>(Code::stale), ""});
    if (!current) continue;
    Copy& copy = servers_[server].copies[block.block];
    copy.unsynced = false;
    copy.stable = copy.bytes;
  }
  return answer(reply);
}

// ---------------------------------------------------------------- for tests

void FakeCluster::lose_power() {
  const std::lock_guard lock(mutex_);
  for (auto& [number, server] : servers_) {
    for (auto& [block, copy] : server.copies) copy.bytes = copy.stable;
  }
  for (auto& [id, block] : blocks_) block.accepted = ++block.epoch;
}

void FakeCluster::set_before(Before before) {
  const std::lock_guard lock(mutex_);
  before_ = std::move(before);
}
void FakeCluster::set_after(After after) {
  const std::lock_guard lock(mutex_);
  after_ = std::move(after);
}
void FakeCluster::kill(uint32_t server) {
  const std::lock_guard lock(mutex_);
  servers_[server].up = false;
}
void FakeCluster::restart_control() {
  const std::lock_guard lock(mutex_);
  ++term_;
  resumed_ = false;
  held_.clear();
}
void FakeCluster::fence_all() {
  const std::lock_guard lock(mutex_);
  ++session_;
  slots_.clear();
  held_.clear();
}
void FakeCluster::push_event(wire::EventKind kind, uint64_t value) {
  const std::lock_guard lock(mutex_);
  if (kind == wire::EventKind::sole_ended) sole_ = false;
  events_.push_back({(term_ << 32) + events_.size() + 1, kind, value});
  events_changed_.notify_all();
}
bool FakeCluster::acknowledged_all() {
  std::unique_lock lock(mutex_);
  return events_changed_.wait_for(lock, std::chrono::seconds(20),
                                  [&] { return events_.empty() || seen_ >= events_.back().number; });
}
uint64_t FakeCluster::requests(wire::Kind kind) {
  const std::lock_guard lock(mutex_);
  return counts_[kind];
}
void FakeCluster::reset_counts() {
  const std::lock_guard lock(mutex_);
  counts_.clear();
  commits_.clear();
}
std::vector<std::string> FakeCluster::violations() {
  const std::lock_guard lock(mutex_);
  return violations_;
}
std::vector<std::vector<wire::Operation>> FakeCluster::commits() {
  const std::lock_guard lock(mutex_);
  return commits_;
}
bool FakeCluster::exists(InodeId inode) {
  const std::lock_guard lock(mutex_);
  return nodes_.contains(inode);
}
wire::Attributes FakeCluster::attributes(InodeId inode) {
  const std::lock_guard lock(mutex_);
  return nodes_.at(inode).attributes;
}
std::map<std::string, InodeId> FakeCluster::entries(InodeId directory) {
  const std::lock_guard lock(mutex_);
  return nodes_.at(directory).entries;
}

InodeId FakeCluster::find(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto& entries = nodes_.at(root_inode).entries;
  const auto found = entries.find(name);
  return found == entries.end() ? no_inode : found->second;
}
std::vector<wire::Extent> FakeCluster::extents(InodeId inode) {
  const std::lock_guard lock(mutex_);
  std::vector<wire::Extent> result;
  for (const auto& [offset, extent] : nodes_.at(inode).extents) result.push_back(extent);
  return result;
}
wire::BlockInfo FakeCluster::block(BlockId block) {
  const std::lock_guard lock(mutex_);
  return blocks_.at(block);
}
std::set<InodeId> FakeCluster::held() {
  const std::lock_guard lock(mutex_);
  return held_;
}
void FakeCluster::remove_block(BlockId block) {
  const std::lock_guard lock(mutex_);
  blocks_.erase(block);
}

std::string FakeCluster::read_file(Node& at) {
  std::string result(at.attributes.size, '\0');
  for (const auto& [offset, extent] : at.extents) {
    const auto& members = blocks_.at(extent.block).in_sync;
    std::string first;
    for (const ServerId member : members) {
      std::string bytes = servers_[raw(member)].copies[extent.block].bytes;
      make_room(bytes, extent.block_offset + extent.length);
      bytes = bytes.substr(extent.block_offset, extent.length);
      if (member != members.front() && bytes != first) violations_.push_back("copies differ");
      first = bytes;
    }
    for (uint64_t at_byte = 0; at_byte < extent.length && offset + at_byte < result.size(); ++at_byte)
      result[offset + at_byte] = first[at_byte];
  }
  return result;
}

std::string FakeCluster::content(InodeId inode) {
  const std::lock_guard lock(mutex_);
  return read_file(nodes_.at(inode));
}

void FakeCluster::make_as_other_mount(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const InodeId id{next_inode_++};
  nodes_[root_inode].entries[name] = id;
  nodes_[id].attributes.inode = id;
  nodes_[id].attributes.mode = S_IFREG | 0644;
  nodes_[id].attributes.links = 1;
}

void FakeCluster::set_available(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  available_ = bytes;
}

std::vector<InodeId> FakeCluster::torn_by_power_cut() {
  const std::lock_guard lock(mutex_);
  std::vector<InodeId> torn;
  for (const auto& [id, node] : nodes_) {
    bool whole = true;
    for (const auto& [offset, extent] : node.extents) {
      for (const ServerId member : blocks_[extent.block].in_sync) {
        const Copy& copy = servers_[raw(member)].copies[extent.block];
        whole = whole && copy.stable.size() >= extent.block_offset + extent.length &&
                copy.stable.compare(extent.block_offset, extent.length, copy.bytes, extent.block_offset, extent.length) == 0;
      }
    }
    if (!whole) torn.push_back(id);
  }
  return torn;
}

size_t FakeCluster::unsynced_blocks(InodeId inode) {
  const std::lock_guard lock(mutex_);
  std::set<BlockId> result;
  for (const auto& [offset, extent] : nodes_.at(inode).extents) {
    for (const ServerId member : blocks_.at(extent.block).in_sync) {
      if (servers_[raw(member)].copies[extent.block].unsynced) result.insert(extent.block);
    }
  }
  return result.size();
}

// Maps a block of its own for every page that is a hole, as another mount with its own allocations would.
void FakeCluster::write_as_other_mount(InodeId inode, uint64_t offset, const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  Node& at = nodes_.at(inode);
  std::string content = read_file(at);
  content.resize(std::max<size_t>(content.size(), offset + bytes.size()), '\0');
  content.replace(offset, bytes.size(), bytes);
  const BlockId block = new_block();
  at.attributes.size = content.size();
  wire::Extent extent{0, (content.size() + page_bytes - 1) / page_bytes * page_bytes, block, 0};
  content.resize(extent.length, '\0');
  for (const ServerId member : blocks_[block].in_sync) servers_[raw(member)].copies[block].bytes = content;
  map(at, extent);
  ++at.attributes.change;
  ++at.attributes.layout;
}

void FakeCluster::truncate_as_other_mount(InodeId inode, uint64_t size) {
  const std::lock_guard lock(mutex_);
  Node& at = nodes_.at(inode);
  cut(at, size, UINT64_MAX);
  at.attributes.size = size;
  ++at.attributes.change;
  ++at.attributes.layout;
}

}  // namespace lace::test
