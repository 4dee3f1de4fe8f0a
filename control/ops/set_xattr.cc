#include <sys/stat.h>

#include "control/ops/acl.h"
#include "control/ops/names.h"
#include "control/ops/xattrs.h"

namespace lace::control {
namespace {

// An ACL is not stored where permission bits say the same.
struct Change {
  bool erase = false;
  bool sets_mode = false;
  uint32_t mode = 0;
};

Result<Change> check_acl(const wire::Attributes& attributes, const wire::SetXattr& request) {
  const bool access = request.name == access_acl_name;
  if (!access && request.name != default_acl_name) return Change{};
  if (S_ISLNK(attributes.mode)) return fail(Code::not_supported);
  if (!access && !is_directory(attributes)) return fail(Code::access);
  constexpr size_t empty_acl_bytes = 4;  // a version and no entries: "no list"
  if (request.value.size() <= empty_acl_bytes) return Change{true, false, 0};
  const auto acl = Acl::parse(request.value);
  if (!acl) return pass(acl);
  if (!access) return Change{};
  return Change{acl->is_minimal(), true, acl->mode()};
}

Status check_limits(Store& store, const wire::Attributes& attributes, const wire::SetXattr& request) {
  if (request.name.empty() || request.name.find('\0') != std::string::npos) return fail(Code::invalid);
  if (request.name.size() > max_xattr_name_bytes) return fail(Code::out_of_range);
  if (request.value.size() > max_xattr_value_bytes) return fail(Code::out_of_range);
  if (!attributes.has_xattr) return request.replace_only ? Status(fail(Code::no_data)) : Status{};
  const auto present = store.xattrs.get(attributes.inode, request.name);
  if (present && request.create_only) return fail(Code::exists);
  if (!present && request.replace_only) return fail(Code::no_data);
  auto total = store.xattrs.total(attributes.inode);
  total.value_bytes += request.value.size() - (present ? present->size() : 0);
  if (!present) total.name_bytes += request.name.size() + 1;
  const bool fits = total.value_bytes <= max_xattr_total_bytes && total.name_bytes + total.count <= max_xattr_list_bytes;
  return fits ? Status{} : Status(fail(Code::no_space, "an inode has room for 1 MiB of extended attributes"));
}

}  // namespace

Status apply(Context& context, const wire::SetXattr& request, Reply& reply) {
  Store& store = context.store;
  const Inode* found = store.inodes.find(request.inode);
  if (found == nullptr) return fail(Code::stale_handle);
  if (const Status limits = check_limits(store, found->attributes, request); !limits) return limits;
  const auto change = check_acl(found->attributes, request);
  if (!change) return pass(change);

  wire::Attributes& attributes = store.inodes.edit(request.inode).attributes;
  if (change->erase) {
    if (attributes.has_xattr && store.xattrs.erase(request.inode, request.name)) note_xattrs(store, attributes);
  } else {
    store.xattrs.set(request.inode, request.name, request.value);
    attributes.has_xattr = true;
    if (request.name == access_acl_name || request.name == default_acl_name) attributes.has_acl = true;
  }
  if (change->sets_mode) attributes.mode = (attributes.mode & ~0777U) | change->mode;
  attributes.changed = request.now;
  ++attributes.change;
  reply.inode = attributes;
  return {};
}

}  // namespace lace::control
