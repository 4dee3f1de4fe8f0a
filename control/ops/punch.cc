#include <sys/stat.h>

#include <algorithm>

#include "control/ops/context.h"

namespace lace::control {

Status apply(Context& context, const wire::Punch& request, Reply& reply) {
  Store& store = context.store;
  const Inode* found = store.inodes.find(request.inode);
  if (found == nullptr) return fail(Code::stale_handle);
  if (!S_ISREG(found->attributes.mode) || request.length == 0) return fail(Code::invalid);
  if (request.size > max_file_bytes || request.offset > max_file_bytes) return fail(Code::file_too_big);

  Inode& inode = store.inodes.edit(request.inode);
  wire::Attributes& attributes = inode.attributes;
  const uint64_t end = request.offset + std::min(request.length, max_file_bytes - request.offset);
  context.freed.set_awaited(true);
  if (cut_range(store, context.freed, inode, request.offset, end)) ++attributes.layout;
  context.freed.set_awaited(false);
  attributes.size = std::max(attributes.size, request.size);
  attributes.modified = attributes.changed = request.now;
  ++attributes.change;
  reply.inode = attributes;
  return {};
}

}  // namespace lace::control
