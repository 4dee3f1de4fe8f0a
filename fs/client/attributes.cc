// Mount: attributes and extended attributes.
#include <sys/stat.h>

#include <optional>

#include "fs/client/mount.h"

namespace lace::fs {

namespace {

// A directory that was removed lives on, empty and without a name, for who still has it open or stands in it; control keeps
// it no longer.
bool is_dead_directory(const Error& error, const Inode& inode) {
  return error.code == Code::stale_handle && inode.known && inode.lookups > 0 && S_ISDIR(inode.attributes.mode);
}

// A list that says no more than a mode does (acl(5)): the entries of owner, group and others, as the kernel lays them out. `cp
// -a` sets one on every file. Unset: it says more, or is not well-formed.
std::optional<uint32_t> mode_of_minimal_acl(std::string_view name, std::string_view value) {
  constexpr size_t header_bytes = 4, entry_bytes = 8;
  if (name != "system.posix_acl_access" || value.size() != header_bytes + 3 * entry_bytes) return std::nullopt;
  const auto byte = [&](size_t at) { return static_cast<uint8_t>(value[at]); };
  if (byte(0) != 2 || byte(1) != 0 || byte(2) != 0 || byte(3) != 0) return std::nullopt;
  constexpr uint8_t tags[] = {0x01, 0x04, 0x20};
  uint32_t mode = 0;
  for (size_t index = 0; index < 3; ++index) {
    const size_t at = header_bytes + index * entry_bytes;
    if (byte(at) != tags[index] || byte(at + 1) != 0 || byte(at + 2) > 7 || byte(at + 3) != 0) return std::nullopt;
    mode = mode << 3 | byte(at + 2);
  }
  return mode;
}

}  // namespace

Result<Attributes> Mount::attributes(Context& context, InodeId id) {
  const InodePtr inode = core_.inodes.get(id);
  const auto known = [&]() -> std::optional<Attributes> {
    const std::lock_guard lock(inode->mutex);
    context.known.attributes = core_.believed_under(*inode);
    if (!core_.knows(*inode)) return std::nullopt;
    core_.given.remember(core_.clock.now(), id);
    return inode->shown();
  };
  if (auto shown = known()) return *shown;
  auto fresh = data_.refresh(context.caller, inode);
  if (fresh) {
    if (auto shown = known()) return *shown;
    return fresh;
  }
  const std::lock_guard lock(inode->mutex);
  if (!is_dead_directory(fresh.error(), *inode)) return fresh;
  inode->attributes.links = 0;
  inode->attributes.size = 0;
  return inode->shown();
}

Result<Attributes> Mount::set_size(net::Caller& caller, const InodePtr& inode, const wire::SetAttributes& request) {
  if (auto room = core_.log.wait_for_room(caller, core_.options.timeout); !room) return pass(room);
  if (auto done = local_.set_attributes(request)) return *done;
  return data_.set_size(caller, inode, request);
}

// While the file is open for writing here, changes of its attributes wait for its data and travel with it.
Result<Attributes> Mount::set_attributes(Context& context, wire::SetAttributes request) {
  if (auto ok = writable(); !ok) return pass(ok);
  request.now = core_.clock.wall();
  const InodePtr inode = core_.inodes.get(request.inode);
  if (request.set & wire::SetAttributes::set_size) {
    if (!(request.set & wire::SetAttributes::set_modified)) {
      request.set |= wire::SetAttributes::set_modified;
      request.modified = request.now;
    }
    return set_size(context.caller, inode, request);
  }
  if (auto room = core_.log.wait_for_room(context.caller, core_.options.timeout); !room) return pass(room);
  if (auto done = local_.set_attributes(request)) {
    const std::lock_guard lock(inode->mutex);
    context.known.attributes = core_.believed_under(*inode);
    return *done;
  }
  bool first = false;
  bool deferred = false;
  bool changes = false;
  Attributes shown;
  {
    const std::lock_guard lock(inode->mutex);
    changes = inode->has_changes();
    const bool may_wait = inode->writers > 0 && inode->known && S_ISREG(inode->attributes.mode) && !inode->attributes.has_acl;
    deferred = may_wait && inode->deferred.add(request);
    if (deferred) {
      first = !changes;
      if (first) inode->dirty_since = core_.clock.now();
      shown = inode->shown();
    }
  }
  if (first) data_.on_changed(inode);
  if (deferred) return shown;
  // What was written or set before must not come after.
  if (changes) data_.flush_behind(context.caller, inode, FileData::Flush::all);
  if (auto told = core_.tell(context.caller, *inode); !told) return pass(told);
  const uint64_t sole = core_.session.stamp();
  auto result = core_.control.commit_one(context.caller, request);
  if (!result) return pass(result);
  const uint64_t stamp = core_.learned_of_file(sole, result->leases);
  const std::lock_guard lock(inode->mutex);
  if (request.set & wire::SetAttributes::set_accessed) inode->has_accessed = false;
  inode->learn_asked(result->inode, stamp, core_.clock.now());
  if (request.set & wire::SetAttributes::set_modified) inode->attributes.modified = result->inode.modified;
  return inode->shown();
}

// The kernel asks for security.capability before the first write of each file, and for ACLs often: most files have none, and
// their attributes say so.
Result<std::string> Mount::get_xattr(Context& context, InodeId id, std::string_view name) {
  bool waits = false;
  const InodePtr inode = core_.inodes.find(id);
  if (inode) {
    const std::lock_guard lock(inode->mutex);
    const bool certain = core_.knows(*inode) || (inode->known && inode->handles > 0 && name == "security.capability");
    if (certain && !inode->attributes.has_xattr && !inode->attributes.has_acl) return fail(Code::no_data);
    waits = !inode->deferred.empty() && inode->attributes.has_acl;
  }
  if (waits) data_.flush_behind(context.caller, inode, FileData::Flush::all);
  if (auto told = core_.tell(context.caller, id); !told) return pass(told);
  auto reply = core_.control.ask(context.caller, wire::GetXattr{{}, id, std::string(name)});
  if (!reply) return pass(reply);
  return std::move(reply->text);
}

Result<std::vector<std::string>> Mount::list_xattrs(Context& context, InodeId id) {
  if (const InodePtr inode = core_.inodes.find(id)) {
    const std::lock_guard lock(inode->mutex);
    if (core_.knows(*inode) && !inode->attributes.has_xattr && !inode->attributes.has_acl) return std::vector<std::string>{};
  }
  if (auto told = core_.tell(context.caller, id); !told) return pass(told);
  auto reply = core_.control.ask(context.caller, wire::ListXattrs{{}, id});
  if (!reply) return pass(reply);
  return std::move(reply->names);
}

Status Mount::change_xattr(net::Caller& caller, InodeId id, wire::Operation change) {
  if (auto ok = writable(); !ok) return ok;
  const InodePtr inode = core_.inodes.get(id);
  bool waits = false;
  {
    const std::lock_guard lock(inode->mutex);
    waits = !inode->deferred.empty();  // a mode, which an ACL changes as well
  }
  if (waits) data_.flush_behind(caller, inode, FileData::Flush::all);
  if (auto told = core_.tell(caller, *inode); !told) return told;
  const uint64_t sole = core_.session.stamp();
  auto result = core_.control.commit_one(caller, std::move(change));
  if (!result) return pass(result);
  const uint64_t stamp = core_.learned_of_file(sole, result->leases);
  const std::lock_guard lock(inode->mutex);
  inode->learn_asked(result->inode, stamp, core_.clock.now());
  return {};
}

Status Mount::set_xattr(Context& context, InodeId id, std::string_view name, std::string_view value, bool create_only,
                        bool replace_only) {
  if (const auto mode = mode_of_minimal_acl(name, value); mode && !create_only && !replace_only && writable()) {
    if (auto room = core_.log.wait_for_room(context.caller, core_.options.timeout); !room) return room;
    if (auto done = local_.set_permissions(id, *mode)) return *done ? Status{} : pass(*done);
  }
  return change_xattr(context.caller, id,
                      wire::SetXattr{id, std::string(name), std::string(value), create_only, replace_only, core_.clock.wall()});
}

Status Mount::remove_xattr(Context& context, InodeId id, std::string_view name) {
  return change_xattr(context.caller, id, wire::RemoveXattr{id, std::string(name), core_.clock.wall()});
}

}  // namespace lace::fs
