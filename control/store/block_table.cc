#include "control/store/block_table.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"

namespace lace::control {
namespace {

constexpr size_t most_kept = 8'192;

// Lists of servers are stored as little-endian 32-bit numbers, one after another.
std::string pack(const std::vector<ServerId>& servers) {
  std::string bytes;
  for (const ServerId server : servers) {
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(raw(server) >> shift & 0xff));
  }
  return bytes;
}

std::vector<ServerId> unpack(std::string_view bytes) {
  std::vector<ServerId> servers;
  for (size_t at = 0; at + 4 <= bytes.size(); at += 4) {
    uint32_t number = 0;
    for (size_t i = 0; i < 4; ++i) number |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
    servers.push_back(ServerId{number});
  }
  return servers;
}

template <class... Values>
std::vector<BlockId> collect(db::Statement& statement, const Values&... values) {
  std::vector<BlockId> found;
  db::Rows rows = statement.query(values...);
  while (rows.next()) found.push_back(rows.number<BlockId>(0));
  return found;
}

bool contains(const std::vector<ServerId>& list, ServerId server) {
  return std::find(list.begin(), list.end(), server) != list.end();
}

}  // namespace

BlockTable::BlockTable(db::Database& database, Counters& counters)
    : counters_(counters),
      get_(database,
           "SELECT epoch, class, in_sync, filling, dropped, refs, session, mapped, "
           "(SELECT epoch FROM accepted WHERE accepted.block = id) FROM block WHERE id = ?1"),
      insert_(database,
              "INSERT INTO block(id, epoch, class, in_sync, filling, dropped, refs, session, mapped) "
              "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
      update_(database,
              "UPDATE block SET epoch = ?2, class = ?3, in_sync = ?4, filling = ?5, dropped = ?6, refs = ?7, session = ?8, "
              "mapped = ?9 WHERE id = ?1"),
      erase_(database, "DELETE FROM block WHERE id = ?1"),
      accept_(database, "INSERT OR REPLACE INTO accepted(block, epoch) VALUES(?1, ?2)"),
      drop_accepted_(database, "DELETE FROM accepted WHERE block = ?1"),
      list_(database, "SELECT id FROM block WHERE id > ?1 ORDER BY id LIMIT ?2"),
      of_session_(database, "SELECT id FROM block WHERE session = ?1 AND session <> 0 ORDER BY id LIMIT ?2"),
      oldest_beyond_(database, "SELECT id FROM block WHERE session = ?1 AND session <> 0 ORDER BY id DESC LIMIT 1 OFFSET ?2"),
      add_copy_(database, "INSERT INTO copy(server, block) VALUES(?1, ?2)"),
      drop_copy_(database, "DELETE FROM copy WHERE server = ?1 AND block = ?2"),
      on_server_(database, "SELECT block FROM copy WHERE server = ?1 AND block > ?2 ORDER BY block LIMIT ?3"),
      count_on_(database, "SELECT count(*) FROM copy WHERE server = ?1"),
      add_dropped_(database, "INSERT INTO dropped_copy(server, block) VALUES(?1, ?2)"),
      drop_dropped_(database, "DELETE FROM dropped_copy WHERE server = ?1 AND block = ?2"),
      dropped_on_(database, "SELECT block FROM dropped_copy WHERE server = ?1 AND block > ?2 ORDER BY block LIMIT ?3") {}

const Block* BlockTable::find(BlockId id) {
  if (const auto kept = kept_.find(raw(id)); kept != kept_.end()) return &kept->second.block;
  auto rows = get_.query(id);
  if (!rows.next()) return nullptr;
  Block& block = kept_[raw(id)].block;
  block.info = {id, rows.number<Epoch>(0), unpack(rows.bytes(2)), unpack(rows.bytes(3)), {}};
  block.placement_class = rows.number<uint32_t>(1);
  block.dropped = unpack(rows.bytes(4));
  block.references = rows.number(5);
  block.session = rows.number<SessionId>(6);
  block.mapped = rows.number(7);
  block.info.accepted = rows.number<Epoch>(8);
  return &block;
}

Block& BlockTable::edit(BlockId id) {
  CHECK(find(id) != nullptr);
  Kept& kept = kept_[raw(id)];
  if (!kept.changed) changed_.push_back(raw(id));
  kept.changed = true;
  return kept.block;
}

void BlockTable::place(const Block& block) {
  for (const auto* list : {&block.info.in_sync, &block.info.filling}) {
    for (const ServerId server : *list) add_copy_.execute(server, block.info.block);
  }
  for (const ServerId server : block.dropped) add_dropped_.execute(server, block.info.block);
  ++counters_.in_sync.at(block.info.in_sync.size());
}

void BlockTable::displace(const Block& block) {
  for (const auto* list : {&block.info.in_sync, &block.info.filling}) {
    for (const ServerId server : *list) drop_copy_.execute(server, block.info.block);
  }
  for (const ServerId server : block.dropped) drop_dropped_.execute(server, block.info.block);
  --counters_.in_sync.at(block.info.in_sync.size());
}

void BlockTable::set_copies(BlockId id, Epoch epoch, const std::vector<ServerId>& in_sync, const std::vector<ServerId>& filling,
                            bool accepted) {
  Block& block = edit(id);
  displace(block);
  const auto member = [&](ServerId server) { return contains(in_sync, server) || contains(filling, server); };
  for (const auto* list : {&block.info.in_sync, &block.info.filling}) {
    for (const ServerId server : *list) {
      if (!member(server)) block.dropped.push_back(server);
    }
  }
  std::erase_if(block.dropped, member);
  block.info.epoch = epoch;
  block.info.in_sync = in_sync;
  block.info.filling = filling;
  if (accepted) {
    block.info.accepted = epoch;
    accept_.execute(id, epoch);
  }
  place(block);
}

void BlockTable::insert(const Block& block) {
  insert_.execute(block.info.block, block.info.epoch, block.placement_class, pack(block.info.in_sync), pack(block.info.filling),
                  pack(block.dropped), block.references, block.session, block.mapped);
  place(block);
  ++counters_.blocks;
}

void BlockTable::erase(BlockId id) {
  const Block* block = find(id);
  CHECK(block != nullptr);
  displace(*block);
  if (block->info.accepted != 0) drop_accepted_.execute(id);
  kept_.erase(raw(id));
  erase_.execute(id);
  --counters_.blocks;
}

std::vector<BlockId> BlockTable::on_server(ServerId server, BlockId after, uint32_t limit) {
  return collect(on_server_, server, after, limit);
}

uint64_t BlockTable::count_on(ServerId server) {
  auto rows = count_on_.query(server);
  return rows.next() ? rows.number(0) : 0;
}

std::vector<BlockId> BlockTable::list(BlockId after, uint32_t limit) { return collect(list_, after, limit); }

std::vector<BlockId> BlockTable::dropped_on(ServerId server, BlockId after, uint32_t limit) {
  return collect(dropped_on_, server, after, limit);
}

void BlockTable::forget_dropped(ServerId server, BlockId id) {
  const Block* block = find(id);
  if (block == nullptr || !contains(block->dropped, server)) return;
  std::erase(edit(id).dropped, server);
  drop_dropped_.execute(server, id);
}

// `session` may have changed in memory only.
std::vector<BlockId> BlockTable::of_session(SessionId session, uint32_t limit) {
  flush();
  return collect(of_session_, session, limit);
}

std::optional<BlockId> BlockTable::oldest_beyond(SessionId session, uint32_t count) {
  flush();
  const auto found = collect(oldest_beyond_, session, count);
  if (found.empty()) return std::nullopt;
  return found.front();
}

void BlockTable::store(const Block& block) {
  update_.execute(block.info.block, block.info.epoch, block.placement_class, pack(block.info.in_sync), pack(block.info.filling),
                  pack(block.dropped), block.references, block.session, block.mapped);
}

void BlockTable::flush() {
  for (const uint64_t id : changed_) {
    const auto kept = kept_.find(id);
    if (kept == kept_.end() || !kept->second.changed) continue;
    store(kept->second.block);
    kept->second.changed = false;
  }
  changed_.clear();
}

void BlockTable::trim() {
  if (kept_.size() < most_kept) return;
  flush();
  kept_.clear();
}

void BlockTable::forget() {
  kept_.clear();
  changed_.clear();
}

}  // namespace lace::control
