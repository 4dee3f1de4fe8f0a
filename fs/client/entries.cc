// Mount: names.
#include <sys/stat.h>

#include "fs/client/displacing.h"
#include "fs/client/mount.h"

namespace lace::fs {

namespace {

bool is_dots(std::string_view name) { return name == "." || name == ".."; }

// The outcome of a change that was not answered.
bool is_uncertain(const Error& error) { return error.code == Code::interrupted || error.code == Code::io; }

}  // namespace

Attributes Mount::learn_found(Context& context, const Attributes& attributes, uint64_t stamp) {
  const InodePtr inode = core_.inodes.get(attributes.inode);
  const std::lock_guard lock(inode->mutex);
  inode->learn(attributes, stamp, core_.clock.now(), false);
  context.known.attributes = core_.believed_under(*inode);
  ++inode->lookups;
  return inode->shown();
}

void Mount::learn_own(const Attributes& attributes, uint64_t stamp) {
  if (attributes.inode == no_inode) return;
  const InodePtr inode = core_.inodes.find(attributes.inode);
  if (!inode) return;
  const std::lock_guard lock(inode->mutex);
  if (S_ISREG(attributes.mode))
    inode->learn_asked(attributes, stamp, core_.clock.now());
  else
    inode->learn(attributes, stamp, core_.clock.now(), true);
}

void Mount::uncertain(InodeId parent, std::string_view name) {
  core_.entries.erase(parent, name);
  if (const InodePtr inode = core_.inodes.find(parent)) {
    const std::lock_guard lock(inode->mutex);
    inode->set_stamp(0);
  }
}

// It was moved: what is known of it is not under the lease of the directory in which it was.
void Mount::forget_home(InodeId id) {
  const InodePtr inode = core_.inodes.find(id);
  if (!inode) return;
  const std::lock_guard lock(inode->mutex);
  if (Leases::is_stamp(inode->stamp) && !S_ISDIR(inode->attributes.mode)) inode->set_stamp(0);
}

Status Mount::tell_made(net::Caller& caller, InodeId id) {
  const InodePtr inode = core_.inodes.find(id);
  if (!inode) return {};
  uint64_t number = 0;
  {
    const std::lock_guard lock(inode->mutex);
    number = inode->made_logged;
  }
  return core_.log.wait(caller, number, core_.options.timeout);
}

// Control knows which names the directory has here.
Status Mount::tell_entries(net::Caller& caller, InodeId directory) {
  if (auto told = core_.log.wait(caller, core_.entries.changed_by(directory), core_.options.timeout); !told) return told;
  return core_.tell(caller, directory);
}

// What is known of the name without asking.
std::optional<Result<Attributes>> Mount::known_entry(Context& context, InodeId parent, std::string_view name) {
  const uint64_t stamp = core_.stamp_of(parent);
  const auto id = core_.entries.find(parent, name, stamp);
  if (!id) return std::nullopt;
  core_.given.remember(core_.clock.now(), *id, parent, name);
  if (*id == no_inode) return fail(Code::no_entry);
  const InodePtr inode = core_.inodes.find(*id);
  if (!inode) return std::nullopt;
  const std::lock_guard lock(inode->mutex);
  if (!core_.knows(*inode)) return std::nullopt;
  context.known = {stamp, core_.believed_under(*inode)};
  ++inode->lookups;
  return inode->shown();
}

Result<Attributes> Mount::lookup(Context& context, InodeId parent, std::string_view name) {
  if (name.size() > max_name_bytes) return fail(Code::name_too_long);
  const bool cached = !is_dots(name);
  if (cached) {
    if (auto known = known_entry(context, parent, name)) return std::move(*known);
  }
  // Names that control does not know yet were found above; but it must know the directory.
  if (auto told = tell_made(context.caller, parent); !told) return pass(told);
  const uint64_t before = cached ? core_.stamp_of(parent) : 0;
  if (const auto cookie = core_.entries.list_from(parent, before)) {
    list_ahead(context.caller, parent, *cookie);
    if (auto known = known_entry(context, parent, name)) return std::move(*known);
  }
  const uint64_t sole = core_.session.stamp();
  EntryCache::Question question = core_.entries.ask(parent);
  auto reply = core_.control.ask(context.caller, wire::Lookup{{}, parent, std::string(name)});
  if (!reply && reply.error().code != Code::no_entry) return pass(reply);
  // That nothing is there comes without leases: it counts under one that was there before, and still is.
  question.stamp = !cached ? 0 : reply ? core_.learned(sole, reply->leases, parent) : before;
  const InodeId id = reply ? reply->attributes.inode : no_inode;
  if (question.stamp != 0) {
    core_.entries.answer(question, parent, name, id);
    core_.given.remember(core_.clock.now(), id, parent, name);
  }
  if (!reply) return pass(reply);
  context.known.entry = question.stamp;
  return learn_found(context, reply->attributes, core_.learned(sole, reply->leases, reply->home));
}

void Mount::remember(InodeId id) {
  const InodePtr inode = core_.inodes.get(id);
  const std::lock_guard lock(inode->mutex);
  ++inode->lookups;
}

void Mount::forget(InodeId id, uint64_t lookups) {
  {
    const InodePtr inode = core_.inodes.find(id);
    if (!inode) return;
    bool kept = false;  // for who might have opened it
    {
      const std::lock_guard lock(inode->mutex);
      inode->lookups -= std::min(inode->lookups, lookups);
      if (inode->lookups > 0) return;
      inode->pages_change = 0;
      kept = inode->handles == 0 && inode->hold == Hold::held && !inode->has_changes();
    }
    if (kept) housekeeper_.close(inode);
  }
  core_.inodes.drop_if_idle(id);
}

// Commits a change of one directory, and keeps what is known of it in step.
Result<ControlChannel::Committed> Mount::change_entry(net::Caller& caller, InodeId parent, std::string_view name,
                                                      wire::Operation change) {
  // Control must know first what was decided here.
  if (auto told = core_.tell_all(caller); !told) return pass(told);
  const uint64_t sole = core_.session.stamp();
  auto result = core_.control.commit_one(caller, std::move(change));
  if (!result) {
    if (is_uncertain(result.error())) uncertain(parent, name);
    return pass(result);
  }
  learn_own(result->parent, core_.learned(sole, result->leases, parent));
  return result;
}

void Mount::knows_made(Context& context, const LocalChanges::Made& made) {
  const std::lock_guard lock(made.inode->mutex);
  context.known = {made.stamp, core_.believed_under(*made.inode)};
}

Result<Attributes> Mount::make_entry(Context& context, wire::Create create) {
  net::Caller& caller = context.caller;
  if (auto ok = writable(); !ok) return pass(ok);
  if (auto room = core_.log.wait_for_room(caller, core_.options.timeout); !room) return pass(room);
  create.now = core_.clock.wall();
  if (auto made = local_.make(create, LocalChanges::Open::no)) {
    if (!*made) return pass(*made);
    knows_made(context, **made);
    return (*made)->attributes;
  }
  const uint64_t sole = core_.session.stamp();
  const InodeId parent = create.parent;
  const std::string name = create.name;
  const EntryCache::Change change(core_.entries, parent);
  const bool is_directory = S_ISDIR(create.mode);
  auto result = change_entry(caller, parent, name, std::move(create));
  if (!result) return pass(result);
  const uint64_t stamp = core_.learned(sole, result->leases, parent);
  core_.entries.put(parent, name, result->inode.inode, stamp);
  if (stamp != 0) core_.given.remember(core_.clock.now(), result->inode.inode, parent, name);
  context.known.entry = stamp;
  return learn_found(context, result->inode, is_directory ? sole : stamp);
}

Result<Attributes> Mount::make(Context& context, InodeId parent, std::string_view name, uint32_t mode, uint32_t device) {
  wire::Create create;
  create.parent = parent;
  create.name = name;
  create.mode = (mode & S_IFMT) == 0 ? mode | S_IFREG : mode;
  create.umask = context.umask;
  create.uid = context.uid;
  create.gid = context.gid;
  create.device = device;
  const uint64_t sole = core_.session.stamp();
  auto made = make_entry(context, std::move(create));
  // Of what was made here alone, its maker has said so.
  if (made && S_ISDIR(mode) && sole != 0) core_.entries.set_complete(made->inode, sole);
  return made;
}

Result<Attributes> Mount::symlink(Context& context, InodeId parent, std::string_view name, std::string_view target) {
  wire::Create create;
  create.parent = parent;
  create.name = name;
  create.mode = S_IFLNK | 0777;
  create.uid = context.uid;
  create.gid = context.gid;
  create.target = target;
  return make_entry(context, std::move(create));
}

Result<Attributes> Mount::link(Context& context, InodeId id, InodeId parent, std::string_view name) {
  if (auto ok = writable(); !ok) return pass(ok);
  if (auto room = core_.log.wait_for_room(context.caller, core_.options.timeout); !room) return pass(room);
  if (auto linked = local_.link(id, parent, name)) return *linked;
  const uint64_t sole = core_.session.stamp();
  const EntryCache::Change change(core_.entries, parent);
  auto result = change_entry(context.caller, parent, name, wire::Link{id, parent, std::string(name), core_.clock.wall()});
  if (!result) return pass(result);
  const uint64_t stamp = core_.learned(sole, result->leases, parent);
  core_.entries.put(parent, name, id, stamp);
  if (stamp != 0) core_.given.remember(core_.clock.now(), id, parent, name);
  context.known.entry = stamp;
  learn_own(result->inode, sole);  // no lease is good for a file with several names
  return learn_found(context, result->inode, sole);
}

Status Mount::remove(Context& context, InodeId parent, std::string_view name, bool directory) {
  if (auto ok = writable(); !ok) return ok;
  if (auto room = core_.log.wait_for_room(context.caller, core_.options.timeout); !room) return room;
  if (auto removed = local_.remove(parent, name, directory)) return *removed;
  const uint64_t sole = core_.session.stamp();
  Displacing displacing(*this, parent, name);
  if (!directory) {
    if (auto prepared = displacing.prepare(context.caller); !prepared) return prepared;
  }
  const EntryCache::Change change(core_.entries, parent);
  auto result =
      change_entry(context.caller, parent, name, wire::Remove{parent, std::string(name), directory, core_.clock.wall(), false});
  if (!result) return pass(result);
  core_.entries.put(parent, name, no_inode, core_.learned(sole, result->leases, parent));
  learn_own(result->displaced, sole);
  if (directory) core_.leases.forget(result->displaced.inode);
  return {};
}

Status Mount::rename(Context& context, InodeId parent, std::string_view name, InodeId new_parent, std::string_view new_name,
                     bool no_replace, bool exchange) {
  if (auto ok = writable(); !ok) return ok;
  if (auto room = core_.log.wait_for_room(context.caller, core_.options.timeout); !room) return room;
  const wire::Rename request{parent, std::string(name), new_parent, std::string(new_name), no_replace, exchange, {}, false};
  if (auto renamed = local_.rename(request)) return *renamed;
  const uint64_t sole = core_.session.stamp();
  Displacing displacing(*this, new_parent, new_name);
  if (!exchange && !no_replace) {
    if (auto prepared = displacing.prepare(context.caller); !prepared) return prepared;
  }
  const EntryCache::Change change(core_.entries, parent);
  const EntryCache::Change new_change(core_.entries, new_parent);
  auto result = change_entry(context.caller, new_parent, new_name,
                             wire::Rename{parent, std::string(name), new_parent, std::string(new_name), no_replace, exchange,
                                          core_.clock.wall(), false});
  if (!result) {
    if (is_uncertain(result.error())) uncertain(parent, name);
    return pass(result);
  }
  const uint64_t old_stamp = core_.learned(sole, result->leases, parent);
  const uint64_t new_stamp = core_.learned(sole, result->leases, new_parent);
  for (const InodeId moved : {result->inode.inode, result->displaced.inode}) forget_home(moved);
  learn_own(result->old_parent, old_stamp);
  learn_own(result->inode, sole);
  learn_own(result->displaced, sole);
  if (result->displaced.links == 0) core_.leases.forget(result->displaced.inode);
  // Two names of one file: rename(2) leaves both. Then, and after an exchange, what the old name shows is asked again.
  const bool old_name_is_free = !exchange && (result->inode.links == 1 || S_ISDIR(result->inode.mode));
  if (old_name_is_free)
    core_.entries.put(parent, name, no_inode, old_stamp);
  else
    core_.entries.erase(parent, name);
  core_.entries.put(new_parent, new_name, result->inode.inode, new_stamp);
  return {};
}

Result<std::string> Mount::read_link(Context& context, InodeId id) {
  if (auto told = core_.tell(context.caller, id); !told) return pass(told);
  auto reply = core_.control.ask(context.caller, wire::ReadLink{{}, id});
  if (!reply) return pass(reply);
  if (const InodePtr inode = core_.inodes.find(id)) note_access(inode, 0);
  return std::move(reply->text);
}

}  // namespace lace::fs
