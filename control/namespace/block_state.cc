// Blocks in a SqliteNamespace, and what storage servers have still to do with them.
#include <set>

#include "control/namespace/sqlite_namespace.h"
#include "control/ops/file_map.h"

namespace lace::control {
namespace {

constexpr uint32_t most_blocks_of_session = 1'024;

bool is_good_set(const std::vector<ServerId>& in_sync, const std::vector<ServerId>& filling) {
  std::set<ServerId> all(in_sync.begin(), in_sync.end());
  all.insert(filling.begin(), filling.end());
  return !in_sync.empty() && in_sync.size() <= max_copies && all.size() == in_sync.size() + filling.size() &&
         !all.contains(ServerId{0});
}

}  // namespace

std::vector<wire::BlockInfo> SqliteNamespace::infos(const std::vector<BlockId>& ids) {
  std::vector<wire::BlockInfo> found;
  found.reserve(ids.size());
  for (const BlockId id : ids) {
    if (const Block* block = store_.blocks.find(id)) found.push_back(block->info);
    store_.blocks.trim();
  }
  return found;
}

// No session keeps it any longer.
void SqliteNamespace::release(Block& block, bool& deletes) {
  block.session = SessionId{0};
  store_.placed.erase_block(block.info.block);
  deletes = delete_if_unused(store_, block.info.block) || deletes;
}

Result<std::vector<wire::BlockInfo>> SqliteNamespace::allocate(SessionId session, const std::vector<Placement>& placements) {
  return change([&]() -> Result<std::vector<wire::BlockInfo>> {
    if (store_.sessions.find(session) == nullptr) return fail(Code::fenced, "the session has ended; open a new one");
    for (const Placement& placement : placements) {
      if (!is_good_set(placement.servers, {})) return fail(Code::invalid, "a block needs 1 to 5 distinct servers");
    }
    std::vector<wire::BlockInfo> made;
    for (const Placement& placement : placements) {
      Block block;
      block.info = {BlockId{store_.counters.now.next_block++}, 1, placement.servers, {}, {}};
      block.session = session;
      store_.blocks.insert(block);
      made.push_back(block.info);
    }
    bool deletes = false;
    while (const auto old = store_.blocks.oldest_beyond(session, most_blocks_of_session)) {
      release(store_.blocks.edit(*old), deletes);
    }
    return made;
  });
}

Result<std::optional<wire::BlockInfo>> SqliteNamespace::block(BlockId id) {
  return ask([&]() -> std::optional<wire::BlockInfo> {
    const Block* found = store_.blocks.find(id);
    return found == nullptr ? std::nullopt : std::optional(found->info);
  });
}

Result<std::vector<wire::BlockInfo>> SqliteNamespace::blocks(const std::vector<BlockId>& ids) {
  return ask([&] { return infos(ids); });
}

Result<bool> SqliteNamespace::uses_block(InodeId inode, BlockId block) {
  return ask([&] { return store_.extents.uses_block(inode, block); });
}

Result<bool> SqliteNamespace::allocated_by(BlockId id, SessionId session) {
  return ask([&] {
    const Block* found = store_.blocks.find(id);
    return found != nullptr && session != SessionId{0} && found->session == session;
  });
}

Result<std::vector<wire::PageRange>> SqliteNamespace::free_pages(BlockId block, uint32_t most) {
  return ask([&] { return store_.placed.gaps(block, most); });
}

Status SqliteNamespace::set_copy_set(BlockId id, Epoch epoch, const std::vector<ServerId>& in_sync,
                                     const std::vector<ServerId>& filling, bool accepted) {
  return change([&]() -> Status {
    const Block* found = store_.blocks.find(id);
    if (found == nullptr) return fail(Code::no_entry);
    if (epoch <= found->info.epoch) return fail(Code::stale);
    if (!is_good_set(in_sync, filling)) return fail(Code::invalid, "not a set of copies");
    store_.blocks.set_copies(id, epoch, in_sync, filling, accepted);
    return {};
  });
}

Result<std::vector<wire::BlockInfo>> SqliteNamespace::blocks_on(ServerId server, BlockId after, uint32_t limit) {
  return ask([&] { return infos(store_.blocks.on_server(server, after, limit)); });
}

Result<uint64_t> SqliteNamespace::count_on(ServerId server) {
  return ask([&] { return store_.blocks.count_on(server); });
}

Result<std::vector<wire::BlockInfo>> SqliteNamespace::all_blocks(BlockId after, uint32_t limit) {
  return ask([&] { return infos(store_.blocks.list(after, limit)); });
}

Result<std::vector<BlockId>> SqliteNamespace::dropped_on(ServerId server, BlockId after, uint32_t limit) {
  return ask([&] { return store_.blocks.dropped_on(server, after, limit); });
}

Status SqliteNamespace::forget_dropped(ServerId server, const std::vector<BlockId>& blocks) {
  return change([&] {
    for (const BlockId block : blocks) store_.blocks.forget_dropped(server, block);
  });
}

bool SqliteNamespace::was_block(BlockId block) const { return raw(block) != 0 && raw(block) < store_.counters.now.next_block; }

Result<std::vector<PendingPunch>> SqliteNamespace::pending_punches(uint64_t after, uint32_t limit) {
  return ask([&] { return store_.punches.list(after, limit); });
}

Status SqliteNamespace::acknowledge_punches(const std::vector<uint64_t>& ids) {
  return change([&] {
    const bool any_placed = !store_.placed.empty();
    for (const uint64_t id : ids) {
      // Only now can the pages be written anew, by the file that had them or by another.
      const auto punch = any_placed ? store_.punches.find(id) : std::nullopt;
      if (punch) {
        store_.placed.remove(punch->block, punch->offset / page_bytes, (punch->offset + punch->length) / page_bytes);
      }
      store_.punches.erase(id);
    }
  });
}

Result<std::vector<BlockId>> SqliteNamespace::pending_deletes(ServerId server, BlockId after, uint32_t limit) {
  return ask([&] { return store_.deletes.list(server, after, limit); });
}

Status SqliteNamespace::acknowledge_deletes(ServerId server, const std::vector<BlockId>& blocks) {
  return change([&] {
    for (const BlockId block : blocks) store_.deletes.erase(server, block);
  });
}

Result<bool> SqliteNamespace::is_pending_delete(ServerId server, BlockId block) {
  return ask([&] { return store_.deletes.contains(server, block); });
}

}  // namespace lace::control
