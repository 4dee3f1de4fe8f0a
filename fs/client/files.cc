// Mount: open files.
#include <fcntl.h>
#include <sys/stat.h>

#include "common/base/log.h"
#include "fs/client/mount.h"

namespace lace::fs {

namespace {

bool flags_write(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }

constexpr int64_t day_seconds = 24 * 60 * 60;

}  // namespace

bool Mount::File::writes() const { return flags_write(flags); }

Mount::FilePtr Mount::file(Handle handle) const {
  const auto number = static_cast<uint64_t>(handle);
  const Shard& shard = files_[number % files_.size()];
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.files.find(number);
  return found == shard.files.end() ? nullptr : found->second;
}

Result<Mount::FilePtr> Mount::checked_file(Handle handle) const {
  if (auto found = file(handle)) return found;
  return fail(Code::invalid, "no such open file");
}

Handle Mount::add_file(const InodePtr& inode, int flags) {
  const uint64_t number = next_handle_++;
  Shard& shard = files_[number % files_.size()];
  const std::lock_guard lock(shard.mutex);
  shard.files.emplace(number, std::make_shared<const File>(File{inode, flags}));
  return Handle{number};
}

// ---------------------------------------------------------------- open

// While no other mount exists, or under a lease, control need not know: unless the inode is about to lose its name.
bool Mount::open_alone(Inode& inode, int flags) {
  const std::lock_guard lock(inode.mutex);
  if (!inode.known) return false;
  if (inode.attributes.links == 0 && inode.hold != Hold::held) return false;
  const uint64_t sole = core_.session.stamp();
  if (!core_.believes(inode) && (sole == 0 || !inode.pending())) return false;
  if (inode.removing != 0 || unknown_removals_.load() != 0 || inode.hold == Hold::closing) return false;
  if (core_.session.stamp() != sole) return false;
  if (inode.hold == Hold::none) inode.hold = Hold::deferred;
  ++inode.handles;
  if (flags_write(flags)) ++inode.writers;
  return true;
}

Status Mount::open_at_control(net::Caller& caller, const InodePtr& inode, int flags) {
  for (;;) {
    {
      const std::lock_guard lock(inode->mutex);
      if (inode->hold != Hold::closing) {
        ++inode->handles;
        if (flags_write(flags)) ++inode->writers;
        break;
      }
    }
    if (auto waited = caller.pause(Millis{1}); !waited) return waited;
  }
  if (auto told = core_.tell(caller, *inode); !told) {
    let_go(inode, flags_write(flags));
    return told;
  }
  const uint64_t sole = core_.session.stamp();
  const uint64_t extents_epoch = core_.extents_epoch.load();
  auto reply = core_.control.ask(caller, wire::OpenInode{{}, inode->id});
  if (!reply) {
    let_go(inode, flags_write(flags));
    return pass(reply);
  }
  data_.learn(*inode, *reply, sole, extents_epoch);
  const std::lock_guard lock(inode->mutex);
  inode->hold = Hold::held;
  return {};
}

Result<Opened> Mount::open(Context& context, InodeId id, int flags) {
  if (flags_write(flags) || (flags & O_TRUNC)) {
    if (auto ok = writable(); !ok) return pass(ok);
  }
  const InodePtr inode = core_.inodes.get(id);
  if (!open_alone(*inode, flags)) {
    if (auto opened = open_at_control(context.caller, inode, flags); !opened) return pass(opened);
  }
  if (flags_write(flags) || (flags & O_TRUNC) != 0) {
    std::unique_lock lock(inode->mutex);
    if (inode->attributes.frozen) {
      lock.unlock();
      let_go(inode, flags_write(flags));
      return fail(Code::read_only, "snapshots can't be changed");
    }
  }
  return finish_open(context.caller, inode, flags, (flags & O_TRUNC) != 0);
}

Result<Opened> Mount::finish_open(net::Caller& caller, const InodePtr& inode, int flags, bool truncate) {
  if (truncate) {
    wire::SetAttributes cut;
    cut.inode = inode->id;
    cut.set = wire::SetAttributes::set_size | wire::SetAttributes::set_modified;
    cut.now = core_.clock.wall();
    cut.modified = cut.now;
    if (auto done = set_size(caller, inode, cut); !done) {
      let_go(inode, flags_write(flags));
      return pass(done);
    }
  }
  Opened opened;
  {
    const std::lock_guard lock(inode->mutex);
    opened.keep_pages = inode->pages_change != 0 && inode->pages_change == inode->attributes.change;
    inode->pages_change = inode->attributes.change;
    opened.attributes = inode->shown();
  }
  opened.handle = add_file(inode, flags);
  return opened;
}

Result<Opened> Mount::create(Context& context, InodeId parent, std::string_view name, uint32_t mode, int flags) {
  if (auto ok = writable(); !ok) return pass(ok);
  wire::Create create;
  create.parent = parent;
  create.name = name;
  create.mode = S_IFREG | (mode & 07777);
  create.umask = context.umask;
  create.uid = context.uid;
  create.gid = context.gid;
  create.exclusive = (flags & O_EXCL) != 0;
  create.hold = true;
  create.now = core_.clock.wall();
  if (auto room = core_.log.wait_for_room(context.caller, core_.options.timeout); !room) return pass(room);
  const auto open = flags_write(flags) ? LocalChanges::Open::writes : LocalChanges::Open::reads;
  if (auto made = local_.make(create, open)) {
    if (!*made) return pass(*made);
    knows_made(context, **made);
    return finish_open(context.caller, (*made)->inode, flags, false);
  }
  const uint64_t sole = core_.session.stamp();
  const EntryCache::Change change(core_.entries, parent);
  auto result = change_entry(context.caller, parent, name, std::move(create));
  if (!result) return pass(result);
  const uint64_t stamp = core_.learned(sole, result->leases, parent);
  const InodeId id = result->inode.inode;
  core_.entries.put(parent, name, id, stamp);
  if (stamp != 0) core_.given.remember(core_.clock.now(), id, parent, name);
  const InodePtr inode = core_.inodes.get(id);
  if (result->existed) {
    if (!S_ISREG(result->inode.mode)) return fail(S_ISDIR(result->inode.mode) ? Code::is_directory : Code::exists);
    if (auto opened = open_at_control(context.caller, inode, flags); !opened) return pass(opened);
  } else {
    const std::lock_guard lock(inode->mutex);
    inode->learn(result->inode, stamp, core_.clock.now(), false);
    inode->hold = Hold::held;
    ++inode->handles;
    if (flags_write(flags)) ++inode->writers;
    inode->extents.learn(0, end_of_everything, {});  // a new file has none, and that is all of them
    inode->extents_change = result->inode.change;
    inode->extents_stamp = stamp;
    inode->extents_asked = core_.clock.now();
  }
  {
    const std::lock_guard lock(inode->mutex);
    context.known = {stamp, core_.believed_under(*inode)};
    ++inode->lookups;
  }
  return finish_open(context.caller, inode, flags, result->existed && (flags & O_TRUNC) != 0);
}

// ---------------------------------------------------------------- close

void Mount::let_go(const InodePtr& inode, bool writer) {
  bool closes = false;
  {
    const std::lock_guard lock(inode->mutex);
    --inode->handles;
    if (writer) --inode->writers;
    // With changes it is closed once they are flushed.
    closes = inode->handles == 0 && inode->hold != Hold::none && !inode->has_changes();
  }
  if (closes) housekeeper_.close(inode);
}

void Mount::release(Context&, Handle handle) {
  const auto number = static_cast<uint64_t>(handle);
  Shard& shard = files_[number % files_.size()];
  FilePtr closed;
  {
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.files.find(number);
    if (found == shard.files.end()) return;
    closed = std::move(found->second);
    shard.files.erase(found);
  }
  let_go(closed->inode, closed->writes());
}

Status Mount::flush(Context& context, Handle handle) {
  auto open = checked_file(handle);
  if (!open) return pass(open);
  if (!(*open)->writes()) return {};
  const InodePtr& inode = (*open)->inode;
  if (roomy_.load() && data_.log_content(inode, FileData::Flush::all)) {
    Status earlier;
    const std::lock_guard lock(inode->mutex);
    inode->take_error(earlier);
    return earlier;
  }
  return data_.flush(context.caller, (*open)->inode, FileData::Flush::all);
}

Status Mount::sync(Context& context, Handle handle, bool data_only) {
  auto open = checked_file(handle);
  if (!open) return pass(open);
  return data_.sync(context.caller, (*open)->inode, data_only);
}

// ---------------------------------------------------------------- bytes

Result<size_t> Mount::read(Context& context, Handle handle, uint64_t offset, char* into, size_t length) {
  const auto open = checked_file(handle);
  if (!open) return pass(open);
  auto done = data_.read(context.caller, (*open)->inode, offset, into, length);
  if (done) note_access((*open)->inode, (*open)->flags);
  return done;
}

Result<size_t> Mount::write(Context& context, Handle handle, uint64_t offset, std::string_view bytes) {
  const auto open = checked_file(handle);
  if (!open) return pass(open);
  const InodePtr& inode = (*open)->inode;
  auto done = write_somewhere(context.caller, **open, offset, bytes);
  if (!done || !core_.options.synchronous) return done;
  const Status stored = data_.sync(context.caller, inode, false);
  return stored ? done : pass(stored);
}

Result<size_t> Mount::write_somewhere(net::Caller& caller, const File& file, uint64_t offset, std::string_view bytes) {
  if ((file.flags & O_APPEND) == 0) return data_.write(caller, file.inode, offset, bytes);
  auto done = data_.write(caller, file.inode, 0, bytes, FileData::Place::at_end);
  if (done || done.error().code != Code::stale) return done;
  return append_in_turn(caller, file.inode, bytes);
}

// Mounts take turns with a lock: who has it asks where the end is, and is done when all can see the new one.
Result<size_t> Mount::append_in_turn(net::Caller& caller, const InodePtr& inode, std::string_view bytes) {
  wire::LockRange turn;
  turn.inode = inode->id;
  turn.owner = LockOwner{next_turn_++};
  turn.type = F_WRLCK;
  turn.end = UINT64_MAX;
  turn.append = true;
  Backoff backoff(core_.clock, core_.options.timeout, Millis{1}, Millis{20});
  for (;;) {
    auto taken = locks_.lock(caller, turn, false);
    if (taken) break;
    if (taken.error().code != Code::try_again) return pass(taken);
    if (backoff.expired()) return fail(Code::io, "other mounts append to the file all the time");
    if (auto waited = backoff.wait(caller); !waited) return pass(waited);
  }
  auto done = data_.write(caller, inode, 0, bytes, FileData::Place::at_end_in_turn);
  if (done) {
    Status seen = data_.flush(caller, inode, FileData::Flush::all);
    if (!seen && seen.error().code == Code::interrupted) {
      caller.resume();  // half an append is none
      seen = data_.flush(caller, inode, FileData::Flush::all);
    }
    if (!seen) done = pass(seen);
  }
  turn.type = F_UNLCK;
  auto over = locks_.lock(caller, turn, false);
  if (!over && over.error().code == Code::interrupted) {
    caller.resume();
    over = locks_.lock(caller, turn, false);
  }
  if (!over) log::error("client.turn_kept", {{"inode", raw(inode->id)}, {"what", over.error().what}});
  return done;
}

void Mount::set_append(Handle handle, bool append) {
  const auto number = static_cast<uint64_t>(handle);
  Shard& shard = files_[number % files_.size()];
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.files.find(number);
  if (found == shard.files.end()) return;
  auto changed = std::make_shared<File>(*found->second);  // others may be looking at the present one
  changed->flags = append ? changed->flags | O_APPEND : changed->flags & ~O_APPEND;
  found->second = std::move(changed);
}

// Access times are told to control some time later, many at once.
void Mount::note_access(const InodePtr& inode, int flags) {
  if (core_.options.access_times == AccessTimes::none || (flags & O_NOATIME) != 0 || !writable()) return;
  const FileTime now = core_.clock.wall();
  bool first = false;
  {
    const std::lock_guard lock(inode->mutex);
    if (!inode->known || inode->attributes.frozen) return;
    const Attributes shown = inode->shown_times();
    const bool due = shown.accessed <= shown.modified || shown.accessed <= shown.changed ||
                     shown.accessed.seconds + day_seconds <= now.seconds;
    if (core_.options.access_times == AccessTimes::relative && !due) return;
    first = !std::exchange(inode->has_accessed, true);
    inode->accessed = now;
  }
  if (first) housekeeper_.accessed(inode);
}

}  // namespace lace::fs
