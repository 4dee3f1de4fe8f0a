#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "control/ops/context.h"

namespace lace::control {
namespace {

using wire::Extent;

Status check_shape(const wire::Write& request) {
  if (request.size > max_file_bytes) return fail(Code::file_too_big);
  for (const Extent& extent : request.extents) {
    if (extent.length == 0 || extent.length > block_bytes || extent.block_offset > block_bytes - extent.length) {
      return fail(Code::invalid, "an extent does not fit into its block");
    }
    if (extent.offset > max_file_bytes || extent.length > max_file_bytes - extent.offset) return fail(Code::file_too_big);
    if (extent.offset % page_bytes != extent.block_offset % page_bytes) {
      return fail(Code::invalid, "a file page and its block page do not lie alike");
    }
  }
  return {};
}

struct Pages {  // of a block
  uint64_t first = 0;
  uint64_t end = 0;
};

// All pages that the extent touches belong to these very file pages already.
bool lies_on_own_pages(Store& store, InodeId inode, const Extent& extent) {
  uint64_t covered_to = extent.offset / page_bytes;
  const uint64_t end_page = (extent.offset + extent.length + page_bytes - 1) / page_bytes;
  for (const Extent& present : extents_around(store, inode, covered_to * page_bytes, end_page * page_bytes)) {
    const bool same_place =
        present.block == extent.block && present.offset - present.block_offset == extent.offset - extent.block_offset;
    if (!same_place || present.offset / page_bytes > covered_to) continue;
    covered_to = std::max(covered_to, (present.offset + present.length + page_bytes - 1) / page_bytes);
  }
  return covered_to >= end_page;
}

bool is_confined(const SessionRecord& session) { return session.root != root_inode; }

Pages pages_of(const Extent& extent) {
  return {extent.block_offset / page_bytes, (extent.block_offset + extent.length + page_bytes - 1) / page_bytes};
}

// Nothing of the block, or (confined sessions are not trusted) of these pages of it, may be another file's.
bool is_free_to_place(Context& context, const Block& block, const Extent& extent) {
  if (block.session != context.session.session) return false;
  const Pages pages = pages_of(extent);
  return !is_confined(context.session) || !context.store.placed.overlaps(extent.block, pages.first, pages.end);
}

// A session may only point at bytes in blocks that are its own to write into, or at pages that are the file's already:
// otherwise it could read other files through this one.
Status check_place(Context& context, InodeId inode, const Extent& extent) {
  Store& store = context.store;
  const Block* block = store.blocks.find(extent.block);
  if (block == nullptr) return fail(Code::stale, "the block is gone");
  if (is_shared(store, extent)) return fail(Code::stale, "these pages of the block have become others', too");
  if (!is_free_to_place(context, *block, extent) && !lies_on_own_pages(store, inode, extent)) {
    return fail(Code::stale, "the block is not this session's to place bytes in");
  }
  if (context.freed.overlaps(extent.block, extent.block_offset, extent.length) ||
      store.punches.overlaps(extent.block, extent.block_offset, extent.length)) {
    return fail(Code::stale, "these pages of the block are being punched");
  }
  return {};
}

// Of the extents of one request: no page of a block may become two pages of the file. Parts of one page may come separately.
Status check_once(std::vector<Extent> extents) {
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
    return std::pair(a.block, a.block_offset) < std::pair(b.block, b.block_offset);
  });
  const Extent* last = nullptr;  // that reaches the furthest
  for (const Extent& extent : extents) {
    const bool shares = last != nullptr && last->block == extent.block && pages_of(*last).end > pages_of(extent).first;
    if (shares && last->offset - last->block_offset != extent.offset - extent.block_offset) {
      return fail(Code::invalid, "two pages of the file in one page of a block");
    }
    if (!shares || pages_of(extent).end > pages_of(*last).end) last = &extent;
  }
  return {};
}

// Another mount was faster: what it has written there must not be replaced. What is shared is replaced by whoever writes.
bool is_mapped(Store& store, InodeId inode, const Extent& extent) {
  const uint64_t end = extent.offset + extent.length;
  std::vector<Extent> there;
  for (const Extent& present : extents_around(store, inode, extent.offset, end)) {
    const uint64_t from = std::max(present.offset, extent.offset);
    const uint64_t to = std::min(present.offset + present.length, end);
    if (from < to) there.push_back({from, to - from, present.block, present.block_offset + (from - present.offset)});
  }
  const auto pieces = with_shared(store, there);
  return std::any_of(pieces.begin(), pieces.end(), [](const Extent& piece) { return !piece.shared; });
}

// A block whose last byte was given away needs no session to keep it any longer.
void note_mapped(Context& context, const Extent& extent) {
  Block& block = context.store.blocks.edit(extent.block);
  block.mapped += extent.length;
  if (is_confined(context.session) && block.session == context.session.session) {
    const Pages pages = pages_of(extent);
    context.store.placed.add(extent.block, pages.first, pages.end);
  }
  if (block.mapped < block_bytes || block.session == SessionId{0}) return;
  block.session = SessionId{0};
  context.store.placed.erase_block(extent.block);
  context.freed.unreferenced(extent.block, false);  // looked at again when the commit ends
}

}  // namespace

Status apply(Context& context, const wire::Write& request, Reply& reply) {
  Store& store = context.store;
  const Inode* found = store.inodes.find(request.inode);
  if (found == nullptr) return fail(Code::stale_handle);
  if (!S_ISREG(found->attributes.mode)) return fail(Code::invalid);
  if (request.layout != wire::Write::any_layout && request.layout != found->attributes.layout) return fail(Code::stale);
  if (const Status shape = check_shape(request); !shape) return shape;
  if (is_confined(context.session)) {
    if (const Status once = check_once(request.extents); !once) return once;
  }
  for (const Extent& extent : request.extents) {
    if (const Status place = check_place(context, request.inode, extent); !place) return place;
    if (request.fresh && found->attributes.stored > 0 && is_mapped(store, request.inode, extent)) return fail(Code::stale);
  }

  Inode& inode = store.inodes.edit(request.inode);
  bool removed = false;
  for (const Extent& extent : request.extents) {
    removed = map_extent(store, context.freed, inode, extent) || removed;
    note_mapped(context, extent);
  }
  wire::Attributes& attributes = inode.attributes;
  if (removed) ++attributes.layout;
  attributes.size = std::max(attributes.size, request.size);
  attributes.modified = request.modified;
  // Written behind: other changes made since may be here already.
  attributes.changed = std::max(attributes.changed, request.modified);
  ++attributes.change;
  reply.inode = attributes;
  return {};
}

}  // namespace lace::control
