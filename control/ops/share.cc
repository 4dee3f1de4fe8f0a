// Part of a file becomes part of another one, by sharing its pages.
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "control/ops/context.h"

namespace lace::control {
namespace {

using wire::Extent;

// More are not shared by one operation: it would keep others waiting.
constexpr uint32_t most_extents = 10'000;

uint64_t page_up(uint64_t offset) { return (offset + page_bytes - 1) / page_bytes * page_bytes; }

bool is_whole_pages(const wire::Share& request, const wire::Attributes& from, const wire::Attributes& to) {
  if (request.offset % page_bytes != 0 || request.from_offset % page_bytes != 0) return false;
  if (request.length % page_bytes == 0) return true;
  return request.from_offset + request.length == from.size && request.offset + request.length >= to.size;
}

Status check(const wire::Share& request, const wire::Attributes& from, const wire::Attributes& to) {
  if (!S_ISREG(from.mode) || !S_ISREG(to.mode)) return fail(Code::invalid);
  if (request.length == 0 || request.from_offset > from.size || request.length > from.size - request.from_offset) {
    return fail(Code::invalid, "bytes behind the end can't be shared");
  }
  if (request.offset > max_file_bytes || request.length > max_file_bytes - request.offset) return fail(Code::file_too_big);
  if (!is_whole_pages(request, from, to)) return fail(Code::invalid, "only whole pages can be shared");
  const bool apart =
      request.offset + request.length <= request.from_offset || request.from_offset + request.length <= request.offset;
  return from.inode != to.inode || apart ? Status{} : fail(Code::invalid, "a range can't be shared with itself");
}

// The file's bytes of [start, end), as they will lie at `to`.
struct Moved {
  std::vector<Extent> extents;
  std::vector<BlockId> own;  // blocks of the file's own
};
Result<Moved> moved(Store& store, InodeId inode, uint64_t start, uint64_t end, uint64_t to) {
  std::vector<Extent> all;
  if (const auto before = store.extents.before(inode, start); before) all.push_back(*before);
  store.extents.starting_in(inode, start, end - 1, most_extents + 1, all);
  if (all.size() > most_extents) return fail(Code::not_supported, "too many pieces to be shared at once");
  Moved result;
  for (const Extent& extent : all) {
    const uint64_t from = std::max(extent.offset, start);
    const uint64_t until = std::min(extent.offset + extent.length, end);
    if (from >= until) continue;
    const Extent there{to + (from - start), until - from, extent.block, extent.block_offset + (from - extent.offset)};
    // A pack must not seem to be a file's own block.
    if (lies_in_own_block(there) && !lies_in_own_block(extent)) {
      return fail(Code::not_supported, "a page of a pack can't be shared there");
    }
    if (lies_in_own_block(extent)) result.own.push_back(extent.block);
    result.extents.push_back(there);
  }
  return result;
}

}  // namespace

Status apply(Context& context, const wire::Share& request, Reply& reply) {
  Store& store = context.store;
  const Inode* source = store.inodes.find(request.from);
  const Inode* target = store.inodes.find(request.inode);
  if (source == nullptr || target == nullptr) return fail(Code::stale_handle);
  if (const Status good = check(request, source->attributes, target->attributes); !good) return good;
  const uint64_t length = page_up(request.length);
  const auto shared = moved(store, request.from, request.from_offset, request.from_offset + length, request.offset);
  if (!shared) return pass(shared);

  Inode& inode = store.inodes.edit(request.inode);
  wire::Attributes& attributes = inode.attributes;
  // First the new users, so that no page is without one in between.
  add_users(store, shared->extents);
  for (const BlockId block : shared->own) stop_placing(store, block);
  context.freed.set_awaited(true);
  cut_range(store, context.freed, inode, request.offset, request.offset + length);
  ++attributes.layout;  // where nothing was, too: who still knows a hole there must not put bytes of its own into it
  context.freed.set_awaited(false);
  for (const Extent& extent : shared->extents) map_extent(store, context.freed, inode, extent);
  attributes.size = std::max(attributes.size, request.offset + request.length);
  attributes.modified = attributes.changed = request.now;
  ++attributes.change;
  reply.inode = attributes;
  return {};
}

}  // namespace lace::control
