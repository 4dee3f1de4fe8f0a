#include "fs/client/local_changes.h"

#include <sys/stat.h>

namespace lace::fs {

namespace {

using wire::SetAttributes;

constexpr uint32_t most_links = 1U << 30;

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= max_name_bytes && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

// Behind which snapshots are: control refuses what would change it.
bool is_reserved(InodeId parent, std::string_view name) { return parent == root_inode && name == ".lace"; }

// As control does it: control/ops/create.cc.
wire::Attributes attributes_of(const wire::Create& create, const wire::Attributes& parent, InodeId id) {
  wire::Attributes made;
  made.inode = id;
  made.mode = S_ISLNK(create.mode) ? S_IFLNK | 0777 : create.mode & ~(create.umask & 0777);
  made.gid = create.gid;
  if ((parent.mode & S_ISGID) != 0) {
    made.gid = parent.gid;
    if (S_ISDIR(create.mode)) made.mode |= S_ISGID;
  }
  made.links = S_ISDIR(create.mode) ? 2 : 1;
  made.uid = create.uid;
  made.device = S_ISCHR(create.mode) || S_ISBLK(create.mode) ? create.device : 0;
  made.size = S_ISLNK(create.mode) ? create.target.size() : 0;
  made.accessed = made.modified = made.changed = made.born = create.now;
  made.change = 1;
  return made;
}

}  // namespace

// Lists of who may what are inherited; that is control's work.
LocalChanges::Directory LocalChanges::directory(InodeId id) {
  if (core_.entries.is_changing(id)) return {};
  const uint64_t stamp = core_.deciding_stamp_of(id);
  InodePtr found = stamp != 0 ? core_.inodes.find(id) : nullptr;
  if (!found) return {};
  const std::lock_guard lock(found->mutex);
  const wire::Attributes& attributes = found->attributes;
  const bool known = found->known && (found->stamp == stamp || found->pending());
  const bool usable = known && S_ISDIR(attributes.mode) && attributes.links > 0 && !attributes.has_acl && !attributes.frozen;
  return usable ? Directory{std::move(found), stamp} : Directory{};
}

// Only what may be changed alone.
std::optional<LocalChanges::Found> LocalChanges::find(const Directory& parent, std::string_view name) {
  const auto id = core_.entries.find(parent.inode->id, name, parent.stamp);
  if (!id || *id == no_inode) return std::nullopt;
  Found found{core_.inodes.find(*id), {}};
  if (!found.inode) return std::nullopt;
  const std::lock_guard lock(found.inode->mutex);
  if (core_.deciding_stamp_of(*found.inode) == 0 || found.inode->attributes.links == 0) return std::nullopt;
  if (!found.inode->deferred.empty() || found.inode->hold == Hold::closing) return std::nullopt;
  found.attributes = found.inode->attributes;
  return found;
}

InodeId LocalChanges::next_number() {
  const Session::Identity identity = core_.session.identity();
  if (!can_number(identity.session)) return no_inode;
  if (numbering_ != identity.generation) last_number_ = 0;
  numbering_ = identity.generation;
  if (last_number_ == UINT32_MAX) return no_inode;
  return numbered_by(identity.session, ++last_number_);
}

uint64_t LocalChanges::append(wire::Operation operation, std::vector<InodePtr> inodes) {
  LogEntry entry;
  entry.operation = std::move(operation);
  entry.inodes = std::move(inodes);
  return core_.log.append(std::move(entry));
}

void LocalChanges::touch_directory(Inode& directory, const FileTime& now, int entries, int links, uint64_t number) {
  const std::lock_guard lock(directory.mutex);
  wire::Attributes& attributes = directory.attributes;
  attributes.size += static_cast<uint64_t>(static_cast<int64_t>(entries));
  attributes.links += static_cast<uint32_t>(links);
  attributes.modified = now;
  directory.changed_here(now, number);
}

std::optional<Result<LocalChanges::Made>> LocalChanges::make(const wire::Create& create, Open open) {
  if (!is_plain_name(create.name) || is_reserved(create.parent, create.name) || (S_ISLNK(create.mode) && create.target.empty()))
    return std::nullopt;
  const auto deciding = core_.entries.decide();
  const auto [parent, stamp] = directory(create.parent);
  if (!parent) return std::nullopt;
  const auto present = core_.entries.find(create.parent, create.name, stamp);
  if (!present) return std::nullopt;
  if (*present != no_inode) {
    if (create.exclusive) return fail(Code::exists);
    return std::nullopt;
  }
  wire::Create operation = create;
  operation.inode = next_number();
  operation.hold = false;
  if (operation.inode == no_inode) return std::nullopt;
  const bool is_directory = S_ISDIR(create.mode);

  Made made;
  {
    const std::lock_guard lock(parent->mutex);
    if (is_directory && parent->attributes.links >= most_links) return fail(Code::too_many_links);
    made.attributes = attributes_of(operation, parent->attributes, operation.inode);
  }
  // What is known of a directory is under its own lease.
  const uint64_t own_stamp = is_directory && Leases::is_stamp(stamp) ? core_.leases.made(operation.inode) : stamp;
  if (own_stamp == 0) return std::nullopt;
  made.stamp = stamp;
  made.inode = core_.inodes.get(operation.inode);
  const uint64_t number = append(operation, {made.inode, parent});
  {
    Inode& inode = *made.inode;
    const std::lock_guard lock(inode.mutex);
    inode.known = true;
    inode.attributes = made.attributes;
    inode.set_stamp(own_stamp);
    inode.asked = core_.clock.now();
    inode.logged = inode.made_logged = number;
    inode.by_ourselves = true;
    ++inode.lookups;
    if (S_ISREG(create.mode)) inode.knows_all_extents({}, own_stamp, core_.clock.now());
    if (open != Open::no) {
      inode.hold = Hold::deferred;
      ++inode.handles;
      if (open == Open::writes) ++inode.writers;
    }
  }
  touch_directory(*parent, create.now, 1, is_directory ? 1 : 0, number);
  core_.entries.put(create.parent, create.name, operation.inode, stamp, number);
  if (is_directory) core_.entries.set_complete(operation.inode, own_stamp, number);
  core_.given.remember(core_.clock.now(), operation.inode, create.parent, create.name);
  return made;
}

std::optional<Result<wire::Attributes>> LocalChanges::link(InodeId id, InodeId parent_id, std::string_view name) {
  if (!is_plain_name(name) || is_reserved(parent_id, name)) return std::nullopt;
  const auto deciding = core_.entries.decide();
  const auto [parent, stamp] = directory(parent_id);
  const InodePtr inode = core_.inodes.find(id);
  if (!parent || !inode) return std::nullopt;
  const auto present = core_.entries.find(parent_id, name, stamp);
  if (!present) return std::nullopt;
  if (*present != no_inode) return fail(Code::exists);
  const FileTime now = core_.clock.wall();
  uint64_t number = 0;
  wire::Attributes shown;
  {
    const std::lock_guard lock(inode->mutex);
    const wire::Attributes& attributes = inode->attributes;
    const uint64_t own_stamp = core_.deciding_stamp_of(*inode);
    if (own_stamp == 0 || S_ISDIR(attributes.mode) || attributes.links == 0 || attributes.frozen) return std::nullopt;
    if (!inode->deferred.empty() || attributes.links >= most_links) return std::nullopt;
    if (inode->touched) data_.log_content(inode, FileData::Flush::all, own_stamp);
    number = append(wire::Link{id, parent_id, std::string(name), now}, {inode, parent});
    ++inode->attributes.links;
    inode->changed_here(now, number);
    ++inode->lookups;
    shown = inode->shown();
  }
  touch_directory(*parent, now, 1, 0, number);
  core_.entries.put(parent_id, name, id, stamp, number);
  core_.given.remember(core_.clock.now(), id, parent_id, name);
  return shown;
}

// One of its names goes, by what `log` appends: whoever has it open, or is about to, keeps it. What nobody can read any more
// need not be stored. Its mutex is held.
uint64_t LocalChanges::lose_name(const InodePtr& inode, bool keep, const FileTime& now,
                                 const std::function<uint64_t(bool hold)>& log) {
  wire::Attributes& attributes = inode->attributes;
  const bool directory = S_ISDIR(attributes.mode);
  const bool hold = !directory && (inode->handles > 0 || (keep && inode->lookups > 0));
  if (hold) inode->hold = Hold::held;
  if (attributes.links == 1 && !hold) data_.drop_dirty(*inode);
  const uint64_t number = log(hold);
  attributes.links = directory ? 0 : attributes.links - 1;
  inode->changed_here(now, number);
  return number;
}

std::optional<Status> LocalChanges::remove(InodeId parent_id, std::string_view name, bool directory_wanted) {
  if (!is_plain_name(name) || is_reserved(parent_id, name)) return std::nullopt;
  const auto deciding = core_.entries.decide();
  const Directory at = directory(parent_id);
  const InodePtr& parent = at.inode;
  if (!parent) return std::nullopt;
  const auto found = find(at, name);
  if (!found) return std::nullopt;
  const InodeId id = found->inode->id;
  const bool is_directory = S_ISDIR(found->attributes.mode);
  if (is_directory != directory_wanted) return Status(fail(is_directory ? Code::is_directory : Code::not_directory));
  if (is_directory) {
    const uint64_t own_stamp = core_.deciding_stamp_of(id);
    if (own_stamp == 0 || core_.entries.is_changing(id) || core_.entries.is_empty(id, own_stamp) != true) return std::nullopt;
  }

  wire::Remove operation{parent_id, std::string(name), directory_wanted, core_.clock.wall(), false};
  const FileTime now = operation.now;
  const auto log = [&](bool hold) {
    operation.hold = hold;
    return append(operation, {found->inode, parent});
  };
  uint64_t number = 0;
  {
    const std::lock_guard lock(found->inode->mutex);
    number = lose_name(found->inode, false, now, log);
  }
  touch_directory(*parent, now, -1, is_directory ? -1 : 0, number);
  core_.entries.put(parent_id, name, no_inode, at.stamp, number);
  if (is_directory) core_.leases.forget(id);
  return Status{};
}

// That a directory does not go below itself is seen to by the kernel, which knows the whole tree of a mount that is alone;
// others may be moving directories, too.
std::optional<Status> LocalChanges::rename(const wire::Rename& request) {
  if (request.exchange || !is_plain_name(request.name) || !is_plain_name(request.new_name)) return std::nullopt;
  if (is_reserved(request.parent, request.name) || is_reserved(request.new_parent, request.new_name)) return std::nullopt;
  const auto deciding = core_.entries.decide();
  const Directory old_place = directory(request.parent), new_place = directory(request.new_parent);
  const InodePtr &from = old_place.inode, &to = new_place.inode;
  if (!from || !to) return std::nullopt;
  const auto source = find(old_place, request.name);
  const auto present = core_.entries.find(request.new_parent, request.new_name, new_place.stamp);
  if (!source || !present) return std::nullopt;
  const bool moves_directory = S_ISDIR(source->attributes.mode);
  if (moves_directory && from != to && Leases::is_stamp(new_place.stamp)) return std::nullopt;
  std::optional<Found> target;
  if (*present != no_inode) {
    if (request.no_replace) return Status(fail(Code::exists));
    if (*present == source->inode->id) return Status{};  // two names of one file: rename(2) leaves both
    target = find(new_place, request.new_name);
    if (!target || S_ISDIR(target->attributes.mode) || moves_directory) return std::nullopt;
  }

  wire::Rename operation = request;
  operation.now = core_.clock.wall();
  std::vector<InodePtr> inodes{source->inode, to, from};
  if (target) inodes.push_back(target->inode);
  const FileTime now = operation.now;
  const auto log = [&](bool hold) {
    operation.hold = hold;
    Inode& inode = *source->inode;
    if (inode.touched) data_.log_content(source->inode, FileData::Flush::all, core_.deciding_stamp_of(inode));
    const uint64_t number = append(operation, inodes);
    inode.changed_here(now, number);
    if (!moves_directory) inode.moved_under(new_place.stamp);
    return number;
  };
  uint64_t number = 0;
  if (target) {
    const std::scoped_lock lock(source->inode->mutex, target->inode->mutex);
    // open(2) may have found the old file by this name already, and must get it.
    number = lose_name(target->inode, true, now, log);
  } else {
    const std::lock_guard lock(source->inode->mutex);
    number = log(false);
  }
  touch_directory(*from, now, -1, moves_directory ? -1 : 0, number);
  touch_directory(*to, now, target ? 0 : 1, moves_directory ? 1 : 0, number);
  core_.entries.put(request.parent, request.name, no_inode, old_place.stamp, number);
  core_.entries.put(request.new_parent, request.new_name, source->inode->id, new_place.stamp, number);
  core_.given.remember(core_.clock.now(), source->inode->id, request.new_parent, request.new_name);
  return Status{};
}

std::optional<Result<wire::Attributes>> LocalChanges::set_permissions(InodeId id, uint32_t permissions) {
  const InodePtr inode = core_.inodes.find(id);
  if (!inode) return std::nullopt;
  SetAttributes request;
  request.inode = id;
  request.set = SetAttributes::set_mode;
  request.now = core_.clock.wall();
  {
    const std::lock_guard lock(inode->mutex);
    request.mode = (inode->attributes.mode & 07000) | permissions;
  }
  return set_attributes(request);  // not where there is a list already
}

std::optional<Result<wire::Attributes>> LocalChanges::set_attributes(const SetAttributes& request) {
  const auto deciding = core_.entries.decide();
  const InodePtr inode = core_.inodes.find(request.inode);
  if (!inode) return std::nullopt;
  const std::lock_guard lock(inode->mutex);
  wire::Attributes& attributes = inode->attributes;
  const uint64_t stamp = core_.deciding_stamp_of(*inode);
  if (stamp == 0 || attributes.links == 0 || attributes.frozen || !inode->deferred.empty()) return std::nullopt;
  if (attributes.has_acl || (attributes.has_xattr && (request.set & SetAttributes::clear_privileges))) return std::nullopt;
  const bool sizes = (request.set & SetAttributes::set_size) != 0;
  const bool empties = sizes && request.size == 0;
  if (sizes) {
    if (!S_ISREG(attributes.mode) || request.size > max_file_bytes) return std::nullopt;
    // Cutting a part off is control's work: the pages are punched before anything new comes there.
    if (!empties && request.size < inode->size()) return std::nullopt;
  }
  if (empties)
    data_.drop_dirty(*inode);
  else if (inode->touched)
    data_.log_content(inode, FileData::Flush::all, stamp);
  const uint64_t number = append(request, {inode});
  apply(request, attributes);
  if (empties) {
    ++inode->cuts;
    attributes.stored = 0;
    inode->own_blocks.clear();
    inode->stored_logged = number;
    inode->knows_all_extents({}, stamp, core_.clock.now());
  }
  if (request.set & SetAttributes::set_accessed) inode->has_accessed = false;
  inode->changed_here(attributes.changed, number);
  if (sizes) data_.log_resized(inode, number, stamp);
  return inode->shown();
}

}  // namespace lace::fs
