#include <sys/xattr.h>

#include <cerrno>
#include <string_view>

#include "fs/fuse/operations.h"

namespace lace::fs::fuse::ops {
namespace {

using namespace std::string_view_literals;

// What the mount answers about itself and does not list: for tools that are given a path.
constexpr std::string_view own_prefix = "lace."sv;

bool is_acl(std::string_view name) { return name == "system.posix_acl_access"sv || name == "system.posix_acl_default"sv; }

// 0, or what is wrong with the name.
int check_name(std::string_view name) {
  if (is_acl(name)) return 0;
  for (const std::string_view prefix : {"user."sv, "trusted."sv, "security."sv}) {
    if (name.starts_with(prefix)) return name.size() > prefix.size() ? 0 : EINVAL;
  }
  return EOPNOTSUPP;
}

void answer_own(Request& request, InodeId inode, std::string_view name, size_t room) {
  if (name == "lace.control"sv) return request.answer_xattr(request.service.controls, room);
  if (name == "lace.profile"sv && request.service.profile) return request.answer_xattr(request.service.profile->text(), room);
  if (name == "lace.inode"sv) {
    // Who asks by this number asks the servers, which may not have heard of it yet.
    if (auto told = request.file_system().sync_all(request.context); !told) return request.answer_error(told.error());
    return request.answer_xattr(std::to_string(raw(inode)), room);
  }
  request.answer_error(ENODATA);
}

}  // namespace

void setxattr(Request& request, fuse_ino_t node, const char* name, const char* value, size_t size, int flags) {
  if (std::string_view(name).starts_with(own_prefix)) return request.answer_error(EPERM);
  if (const int wrong = check_name(name)) return request.answer_error(wrong);
  const InodeId inode = request.inode(node);
  const Status set = request.file_system().set_xattr(request.context, inode, name, std::string_view(value, size),
                                                     (flags & XATTR_CREATE) != 0, (flags & XATTR_REPLACE) != 0);
  if (set) request.service.changes.changed(inode);
  request.answer_status(set);
}

void getxattr(Request& request, fuse_ino_t node, const char* name, size_t size) {
  const InodeId inode = request.inode(node);
  if (std::string_view(name).starts_with(own_prefix)) return answer_own(request, inode, name, size);
  if (const int wrong = check_name(name)) return request.answer_error(wrong);
  const auto value = request.file_system().get_xattr(request.context, inode, name);
  if (!value) return request.answer_error(value.error());
  request.answer_xattr(*value, size);
}

void listxattr(Request& request, fuse_ino_t node, size_t size) {
  const auto names = request.file_system().list_xattrs(request.context, request.inode(node));
  if (!names) return request.answer_error(names.error());
  const bool privileged = fuse_req_ctx(request.raw_request())->uid == 0;
  std::string list;
  for (const std::string& name : *names) {
    if (!privileged && name.starts_with("trusted."sv)) continue;
    list += name;
    list += '\0';
  }
  request.answer_xattr(list, size);
}

void removexattr(Request& request, fuse_ino_t node, const char* name) {
  if (std::string_view(name).starts_with(own_prefix)) return request.answer_error(EPERM);
  if (const int wrong = check_name(name)) return request.answer_error(wrong);
  const InodeId inode = request.inode(node);
  const Status removed = request.file_system().remove_xattr(request.context, inode, name);
  if (removed) request.service.changes.changed(inode);
  request.answer_status(removed);
}

}  // namespace lace::fs::fuse::ops
