#include <sys/stat.h>

#include "control/ops/acl.h"
#include "control/ops/names.h"
#include "control/ops/xattrs.h"

namespace lace::control {
namespace {

using Set = wire::SetAttributes;

Status check(const Set& request, const wire::Attributes& attributes) {
  if ((request.set & Set::set_size) == 0) return {};
  if (is_directory(attributes)) return fail(Code::is_directory);
  if (!S_ISREG(attributes.mode)) return fail(Code::invalid);
  if (request.size > max_file_bytes) return fail(Code::file_too_big);
  return {};
}

// What write(2), truncate(2) and chown(2) do to files that run with their owner's rights.
void clear_privileges(Store& store, wire::Attributes& attributes) {
  if (is_directory(attributes)) return;
  attributes.mode &= ~static_cast<uint32_t>(S_ISUID);
  if ((attributes.mode & S_IXGRP) != 0) attributes.mode &= ~static_cast<uint32_t>(S_ISGID);
  if (attributes.has_xattr && store.xattrs.erase(attributes.inode, capability_name)) note_xattrs(store, attributes);
}

void set_mode(Store& store, wire::Attributes& attributes, uint32_t mode) {
  attributes.mode = (attributes.mode & S_IFMT) | (mode & 07777);
  if (!attributes.has_acl) return;
  const auto stored = store.xattrs.get(attributes.inode, access_acl_name);
  auto acl = stored ? Acl::parse(*stored) : Result<Acl>(fail(Code::no_data));
  if (!acl) return;
  acl->set_mode(mode);
  store.xattrs.set(attributes.inode, access_acl_name, acl->bytes());
}

void set_size(Context& context, Inode& inode, uint64_t size) {
  wire::Attributes& attributes = inode.attributes;
  if (size < attributes.size) {
    context.freed.set_awaited(true);
    cut_range(context.store, context.freed, inode, size, max_file_bytes);
    context.freed.set_awaited(false);
    ++attributes.layout;
  }
  attributes.size = size;
}

}  // namespace

// Privileges are cleared before the mode is set: a mode that is asked for is a mode that is had.
Status apply(Context& context, const Set& request, Reply& reply) {
  const Inode* found = context.store.inodes.find(request.inode);
  if (found == nullptr) return fail(Code::stale_handle);
  if (const Status good = check(request, found->attributes); !good) return good;

  Inode& inode = context.store.inodes.edit(request.inode);
  wire::Attributes& attributes = inode.attributes;
  const auto is_set = [&](Set::Set bit) { return (request.set & bit) != 0; };
  if (is_set(Set::clear_privileges)) clear_privileges(context.store, attributes);
  if (is_set(Set::set_uid)) attributes.uid = request.uid;
  if (is_set(Set::set_gid)) attributes.gid = request.gid;
  if (is_set(Set::set_mode)) set_mode(context.store, attributes, request.mode);
  if (is_set(Set::set_size)) set_size(context, inode, request.size);
  if (is_set(Set::set_accessed)) attributes.accessed = request.accessed;
  if (is_set(Set::set_size)) attributes.modified = request.now;
  if (is_set(Set::set_modified)) attributes.modified = request.modified;
  if (!is_set(Set::keep_changed)) {
    attributes.changed = request.now;
    ++attributes.change;
  }
  reply.inode = attributes;
  return {};
}

}  // namespace lace::control
