#include "control/ops/acl.h"
#include "control/ops/context.h"
#include "control/ops/xattrs.h"

namespace lace::control {

// Taking away an ACL that is not there succeeds, as on local file systems: permission bits are a list, too.
Status apply(Context& context, const wire::RemoveXattr& request, Reply& reply) {
  Store& store = context.store;
  const Inode* found = store.inodes.find(request.inode);
  if (found == nullptr) return fail(Code::stale_handle);
  reply.inode = found->attributes;
  const bool acl = request.name == access_acl_name || request.name == default_acl_name;
  if (!found->attributes.has_xattr || !store.xattrs.erase(request.inode, request.name)) {
    return acl ? Status{} : Status(fail(Code::no_data));
  }
  wire::Attributes& attributes = store.inodes.edit(request.inode).attributes;
  note_xattrs(store, attributes);
  attributes.changed = request.now;
  ++attributes.change;
  reply.inode = attributes;
  return {};
}

}  // namespace lace::control
