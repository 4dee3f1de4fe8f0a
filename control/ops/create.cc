#include <sys/stat.h>

#include <algorithm>

#include "control/ops/acl.h"
#include "control/ops/names.h"

namespace lace::control {
namespace {

constexpr uint32_t most_links = 1U << 30;
constexpr size_t max_target_bytes = 4'095;

Status check_type(const wire::Create& request) {
  switch (request.mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK: return {};
    case S_IFLNK:
      if (request.target.empty() || request.target.find('\0') != std::string::npos) return fail(Code::invalid);
      if (request.target.size() > max_target_bytes) return fail(Code::name_too_long);
      return {};
    default: return fail(Code::invalid);
  }
}

Status check_number(Context& context, InodeId inode) {
  if (inode == no_inode) return {};
  if (!is_numbered_by(context.session.session, inode)) return fail(Code::invalid, "the inode's number is another session's");
  if (context.store.inodes.find(inode) != nullptr) return fail(Code::invalid, "the inode's number was given before");
  return {};
}

// The attributes of the new inode, as far as its directory has a say in them, and its lists.
struct Inherited {
  uint32_t mode = 0;
  uint32_t gid = 0;
  std::string access_acl;
  std::string default_acl;
};

Inherited inherit(Store& store, const wire::Attributes& parent, const wire::Create& request) {
  Inherited result{request.mode, request.gid, {}, {}};
  if ((parent.mode & S_ISGID) != 0) {
    result.gid = parent.gid;
    if (S_ISDIR(request.mode)) result.mode |= S_ISGID;
  }
  if (S_ISLNK(request.mode)) {
    result.mode = S_IFLNK | 0777;
    return result;
  }
  const auto stored = parent.has_acl ? store.xattrs.get(parent.inode, default_acl_name) : std::nullopt;
  if (!stored) {
    result.mode &= ~(request.umask & 0777);
    return result;
  }
  auto acl = Acl::parse(*stored);
  if (!acl) throw db::Failure({Code::corrupt, "a default ACL in the namespace is damaged"});
  if (S_ISDIR(request.mode)) result.default_acl = *stored;
  acl->restrict_to(request.mode);
  result.mode = (result.mode & ~0777U) | acl->mode();
  if (!acl->is_minimal()) result.access_acl = acl->bytes();
  return result;
}

Inode make_inode(Store& store, const wire::Create& request, const Inherited& inherited) {
  Inode inode;
  wire::Attributes& attributes = inode.attributes;
  attributes.inode = request.inode != no_inode ? request.inode : InodeId{store.counters.now.next_inode++};
  attributes.mode = inherited.mode;
  attributes.links = S_ISDIR(request.mode) ? 2 : 1;
  attributes.uid = request.uid;
  attributes.gid = inherited.gid;
  attributes.device = S_ISCHR(request.mode) || S_ISBLK(request.mode) ? request.device : 0;
  attributes.size = S_ISLNK(request.mode) ? request.target.size() : 0;
  attributes.accessed = attributes.modified = attributes.changed = attributes.born = request.now;
  attributes.change = 1;
  attributes.has_acl = attributes.has_xattr = !inherited.access_acl.empty() || !inherited.default_acl.empty();
  inode.parent = request.parent;
  ++store.counters.now.inodes;
  return inode;
}

Status answer_existing(Context& context, const wire::Create& request, const Inode& parent, const Entry& entry, Reply& reply) {
  if (request.exclusive) return fail(Code::exists);
  reply.inode = context.store.inodes.at(entry.inode).attributes;
  reply.parent = parent.attributes;
  reply.existed = true;
  if (request.hold) context.outcome.held.push_back(entry.inode);
  return {};
}

}  // namespace

Status apply(Context& context, const wire::Create& request, Reply& reply) {
  Store& store = context.store;
  if (const Status type = check_type(request); !type) return type;
  const auto parent = find_directory(store, request.parent);
  if (!parent) return pass(parent);
  if (const Status name = check_name(request.name); !name) return name;
  const auto existing = store.entries.find(request.parent, request.name);
  if (existing) return answer_existing(context, request, **parent, *existing, reply);
  if (S_ISDIR(request.mode) && (*parent)->attributes.links >= most_links) return fail(Code::too_many_links);
  if (const Status number = check_number(context, request.inode); !number) return number;

  const Inherited inherited = inherit(store, (*parent)->attributes, request);
  const Inode& inode = store.inodes.insert(make_inode(store, request, inherited));
  const InodeId id = inode.attributes.inode;
  store.entries.insert(request.parent, request.name, {id, entry_type(request.mode), store.counters.now.next_cookie++});
  if (S_ISLNK(request.mode)) store.symlinks.insert(id, request.target);
  if (!inherited.access_acl.empty()) store.xattrs.set(id, access_acl_name, inherited.access_acl);
  if (!inherited.default_acl.empty()) store.xattrs.set(id, default_acl_name, inherited.default_acl);

  Inode& directory = store.inodes.edit(request.parent);
  touch_directory(directory, request.now);
  ++directory.attributes.size;
  if (S_ISDIR(request.mode)) ++directory.attributes.links;
  if (request.hold) context.outcome.held.push_back(id);
  reply.inode = inode.attributes;
  reply.parent = directory.attributes;
  return {};
}

}  // namespace lace::control
