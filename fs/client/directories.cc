// Mount: directories as a whole, and the file system as a whole.
#include "fs/client/mount.h"

namespace lace::fs {

Result<wire::ReadDirectoryReply> Mount::read_directory(Context& context, InodeId id, uint64_t cookie, uint32_t max_entries,
                                                       bool with_attributes) {
  if (auto told = tell_entries(context.caller, id); !told) return pass(told);
  const uint64_t stamp = core_.session.stamp();
  const EntryCache::Question question = core_.entries.ask(id, stamp);
  auto reply = core_.control.ask(context.caller, wire::ReadDirectory{{}, id, cookie, max_entries, with_attributes});
  if (!reply) return reply;
  if (with_attributes) {
    learn_listed(question, id, cookie, *reply, stamp);
    const Instant now = core_.clock.now();
    for (const wire::DirectoryEntry& entry : reply->entries) {
      if (stamp != 0) core_.given.remember(now, entry.inode, id, entry.name);
    }
  }
  if (const InodePtr inode = core_.inodes.find(id)) note_access(inode, 0);
  if (id != root_inode) return reply;
  // Behind this name are the snapshots: whoever walks through everything shall not walk through them.
  const uint64_t last = reply->entries.empty() ? 0 : reply->entries.back().cookie;
  const bool hidden =
      std::erase_if(reply->entries, [](const wire::DirectoryEntry& entry) { return entry.name == ".lace"; }) > 0;
  if (!hidden || !reply->entries.empty() || reply->end) return reply;
  return read_directory(context, id, last, max_entries, with_attributes);
}

void Mount::learn_listed(const EntryCache::Question& question, InodeId id, uint64_t cookie, wire::ReadDirectoryReply& page,
                         uint64_t stamp) {
  const Instant now = core_.clock.now();
  for (wire::DirectoryEntry& entry : page.entries) {
    const InodePtr inode = core_.inodes.get(entry.inode);
    {
      const std::lock_guard lock(inode->mutex);
      inode->learn(entry.attributes, stamp, now, false);
      entry.attributes = inode->shown();
    }
    if (stamp != 0) core_.entries.answer(question, id, entry.name, entry.inode);
  }
  const uint64_t next = page.entries.empty() ? cookie : page.entries.back().cookie;
  core_.entries.listed(question, id, cookie, next, page.end);
}

// Names that will be asked for one by one, as rsync and git do. What goes wrong is said to whoever asks for a name.
void Mount::list_ahead(net::Caller& caller, InodeId parent, uint64_t cookie, uint64_t stamp) {
  const EntryCache::Question question = core_.entries.ask(parent, stamp);
  auto page = core_.control.ask(caller, wire::ReadDirectory{{}, parent, cookie, names_ahead, true});
  if (page) learn_listed(question, parent, cookie, *page, stamp);
}

// What was not decided here was durable when it was answered.
Status Mount::sync_directory(Context& context, InodeId id) {
  if (auto told = core_.tell_all(context.caller); !told) return told;
  Status done;
  if (const InodePtr inode = core_.inodes.find(id)) {
    const std::lock_guard lock(inode->mutex);
    inode->take_error(done);
  }
  return done;
}

Result<wire::FileSystemUsageReply> Mount::usage(Context& context) {
  return core_.control.ask(context.caller, wire::FileSystemUsage{});
}

Status Mount::sync_all(Context& context) {
  const Status flushed = flusher_.flush_all(context.caller);
  if (!flushed && flushed.error().code == Code::interrupted) return flushed;
  const Status synced = data_.sync_written(context.caller);
  return flushed ? synced : flushed;
}

}  // namespace lace::fs
