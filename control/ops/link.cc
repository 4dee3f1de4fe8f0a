#include "control/ops/names.h"

namespace lace::control {
namespace {

constexpr uint32_t most_links = 1U << 30;

}  // namespace

Status apply(Context& context, const wire::Link& request, Reply& reply) {
  Store& store = context.store;
  const auto parent = find_directory(store, request.parent);
  if (!parent) return pass(parent);
  if (const Status name = check_name(request.name); !name) return name;
  const Inode* inode = store.inodes.find(request.inode);
  if (inode == nullptr || inode->attributes.links == 0) return fail(Code::no_entry);
  if (is_directory(inode->attributes)) return fail(Code::not_permitted);
  if (inode->attributes.links >= most_links) return fail(Code::too_many_links);
  if (store.entries.find(request.parent, request.name)) return fail(Code::exists);

  store.entries.insert(request.parent, request.name,
                       {request.inode, entry_type(inode->attributes.mode), store.counters.now.next_cookie++});
  add_name(store, request.inode, request.parent, request.now);
  Inode& directory = store.inodes.edit(request.parent);
  touch_directory(directory, request.now);
  ++directory.attributes.size;
  reply.inode = inode->attributes;
  reply.parent = directory.attributes;
  return {};
}

}  // namespace lace::control
