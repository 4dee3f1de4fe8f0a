// Mount: directories as a whole, and the file system as a whole.
#include <sys/stat.h>

#include "fs/client/mount.h"

namespace lace::fs {

Result<wire::ReadDirectoryReply> Mount::read_directory(Context& context, InodeId id, uint64_t cookie, uint32_t max_entries,
                                                       bool with_attributes) {
  if (auto told = tell_entries(context.caller, id); !told) return pass(told);
  const uint64_t sole = core_.session.stamp();
  EntryCache::Question question = core_.entries.ask(id);
  auto reply = core_.control.ask(context.caller, wire::ReadDirectory{{}, id, cookie, max_entries, with_attributes});
  if (!reply) return reply;
  question.stamp = core_.learned(sole, reply->leases, id);
  if (with_attributes) {
    learn_listed(question, id, cookie, *reply);
    const Instant now = core_.clock.now();
    for (const wire::DirectoryEntry& entry : reply->entries) {
      if (question.stamp != 0) core_.given.remember(now, entry.inode, id, entry.name);
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

void Mount::learn_listed(const EntryCache::Question& question, InodeId id, uint64_t cookie, wire::ReadDirectoryReply& page) {
  const Instant now = core_.clock.now();
  for (wire::DirectoryEntry& entry : page.entries) {
    if (entry.attributes.inode != no_inode) {
      const InodePtr inode = core_.inodes.get(entry.inode);
      const std::lock_guard lock(inode->mutex);
      // What is known of a directory is under its own lease.
      const bool own = S_ISDIR(entry.attributes.mode) && Leases::is_stamp(question.stamp);
      if (!own || !core_.knows(*inode)) inode->learn(entry.attributes, own ? 0 : question.stamp, now, false);
      entry.attributes = inode->shown();
    }
    if (question.stamp != 0) core_.entries.answer(question, id, entry.name, entry.inode);
  }
  const uint64_t next = page.entries.empty() ? cookie : page.entries.back().cookie;
  core_.entries.listed(question, id, cookie, next, page.end);
}

// Names that will be asked for one by one, as rsync and git do. What goes wrong is said to whoever asks for a name.
void Mount::list_ahead(net::Caller& caller, InodeId parent, uint64_t cookie) {
  const uint64_t sole = core_.session.stamp();
  EntryCache::Question question = core_.entries.ask(parent);
  auto page = core_.control.ask(caller, wire::ReadDirectory{{}, parent, cookie, names_ahead, true});
  if (!page) return;
  question.stamp = core_.learned(sole, page->leases, parent);
  learn_listed(question, parent, cookie, *page);
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
  const Status before = core_.write_errors.take();  // of what was given up since the last time
  if (!flushed) return flushed;
  return synced ? before : synced;
}

}  // namespace lace::fs
