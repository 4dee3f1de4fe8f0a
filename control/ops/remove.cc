#include "control/ops/names.h"

namespace lace::control {

Status apply(Context& context, const wire::Remove& request, Reply& reply) {
  Store& store = context.store;
  const auto parent = find_directory(store, request.parent);
  if (!parent) return pass(parent);
  if (const Status name = check_name(request.name); !name) return name;
  const auto entry = store.entries.find(request.parent, request.name);
  if (!entry) return fail(Code::no_entry);
  const wire::Attributes& attributes = store.inodes.at(entry->inode).attributes;
  const bool directory = is_directory(attributes);
  if (request.directory && !directory) return fail(Code::not_directory);
  if (!request.directory && directory) return fail(Code::is_directory);
  if (directory && attributes.size > 0) return fail(Code::not_empty);

  store.entries.erase(request.parent, request.name);
  Inode& holder = store.inodes.edit(request.parent);
  touch_directory(holder, request.now);
  --holder.attributes.size;
  if (directory) --holder.attributes.links;
  if (request.hold && !directory) context.outcome.held.push_back(entry->inode);
  reply.displaced = drop_name(context, entry->inode, request.parent, request.now);
  reply.inode = reply.displaced;
  reply.parent = holder.attributes;
  return {};
}

}  // namespace lace::control
