// FileClients on names and logs; and what is made before the faults, and looked at after them.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "tests/sim/file_clients.h"
#include "tests/sim/trace.h"

namespace lace::sim {
namespace {

constexpr size_t logs = 2;

std::string slot_name(size_t slot) { return "slot-" + std::to_string(slot); }

}  // namespace

// ---------------------------------------------------------------- before the faults

InodeId FileClients::made(Result<fs::Attributes> attributes, const std::string& what) {
  if (!attributes) fail_run(what + " can't be made: " + attributes.error().what);
  return attributes ? attributes->inode : InodeId{};
}

void FileClients::make_names(Hands& hands) {
  auto context = hands.context();
  const auto make = [&](InodeId parent, const std::string& name, uint32_t mode) {
    return made(hands.fs.make(context, parent, name, mode, 0), name);
  };
  for (const char* name : {"some", "others"}) directories_.push_back(make(root_inode, name, S_IFDIR | 0755));
  for (size_t client = 0; client < rings_.size(); ++client) {
    rings_[client].directory = make(root_inode, text("ring-", client + 1), S_IFDIR | 0755);
    Slots::State state;
    for (size_t slot = 0; slot < names_of_ring; ++slot) {
      state.push_back(make(rings_[client].directory, slot_name(slot), S_IFREG | 0644));
    }
    rings_[client].slots.begin(std::move(state));
  }
  for (const char* name : {"shared-a", "shared-b"}) shared_.push_back(make(root_inode, name, S_IFDIR | 0755));
  for (const InodeId directory : shared_) {
    for (size_t slot = 0; slot < names_shared; ++slot) {
      shared_inodes_.insert(make(directory, slot_name(slot), S_IFREG | 0644));
    }
  }
  for (size_t log = 0; log < logs; ++log) {
    log_inodes_.push_back(make(root_inode, text("log-", log), S_IFREG | 0644));
    logs_.emplace_back(1'000'000 + log);
  }
  if (const Status synced = hands.fs.sync_all(context); !synced) fail_run("what is made first can't be synced");
}

// ---------------------------------------------------------------- names

void FileClients::exchange(Hands& hands) {
  Ring& ring = rings_[static_cast<size_t>(hands.client - 1)];
  const size_t a = random(names_of_ring);
  const size_t b = (a + 1 + random(names_of_ring - 1)) % names_of_ring;
  trace(name_of(hands.client), " exchanges its names ", a, " and ", b);
  ring.slots.begin_exchange(a, b);
  auto context = hands.context();
  const Status done = hands.fs.rename(context, ring.directory, slot_name(a), ring.directory, slot_name(b), false, true);
  ring.slots.exchanged(done.has_value());
  if (!done) judge(done.error(), "an exchange of names");
}

void FileClients::look_at_ring(Hands& hands) {
  Ring& ring = rings_[static_cast<size_t>(hands.client - 1)];
  auto context = hands.context();
  for (size_t slot = 0; slot < names_of_ring; ++slot) {
    const auto found = hands.fs.lookup(context, ring.directory, slot_name(slot));
    if (!found) {
      if (found.error().code == Code::no_entry) return fail_run(text("name ", slot, " of client-", hands.client, " is gone"));
      return judge(found.error(), "a lookup");
    }
    std::string wrong = ring.slots.see(slot, found->inode);
    if (!wrong.empty()) {
      follow(control_now_());
      wrong = ring.slots.see(slot, found->inode);
    }
    if (!wrong.empty())
      return fail_run(text(name_of(hands.client), "'s names: ", wrong, ": was an exchange done twice, or not at all?"));
  }
}

void FileClients::exchange_shared(Hands& hands) {
  const InodeId from = shared_[random(shared_.size())], to = shared_[random(shared_.size())];
  const size_t a = random(names_shared), b = random(names_shared);
  if (from == to && a == b) return;
  trace(name_of(hands.client), " exchanges shared names ", raw(from), "/", a, " and ", raw(to), "/", b);
  auto context = hands.context();
  const Status done = hands.fs.rename(context, from, slot_name(a), to, slot_name(b), false, true);
  if (done) return;
  if (done.error().code == Code::no_entry) return fail_run("a shared name is gone");
  judge(done.error(), "an exchange of shared names");
}

// Whatever was exchanged with what: each inode has one name.
void FileClients::check_shared(control::Control& control) {
  std::vector<InodeId> found;
  for (const InodeId directory : shared_) {
    const auto listing = control.names->read_directory(directory, 0, 100, false);
    if (!listing) return;  // not yet made
    for (const wire::DirectoryEntry& entry : listing->entries) found.push_back(entry.inode);
  }
  const std::set<InodeId> distinct(found.begin(), found.end());
  if (shared_inodes_.size() != names_shared * shared_.size()) return;  // they are being made
  if (found.size() != distinct.size()) fail_run("a file has two of the names that are exchanged, and another has none");
  if (distinct != shared_inodes_ && !found.empty()) fail_run("the files that have the shared names are not those they were");
}

// ---------------------------------------------------------------- logs

void FileClients::append(Hands& hands) {
  const size_t which = random(logs_.size());
  Log& log = logs_[which];
  auto context = hands.context();
  const auto opened = hands.fs.open(context, log_inodes_[which], O_WRONLY | O_APPEND);
  if (!opened) return judge(opened.error(), "an open of a log");
  std::vector<Log::Record> records;
  const uint64_t losses = log.losses();
  const std::string bytes = log.begin_append(hands.client, static_cast<uint32_t>(1 + random(3)), records);
  trace(name_of(hands.client), " appends ", records.size(), " records to log ", which, ", from ", records.front().number);
  const auto written = hands.fs.write(context, opened->handle, 0, bytes);
  Status done = written ? Status{} : pass(written);
  std::vector<Log::Record> made_last;
  const bool syncs = random(3) == 0;
  if (done && syncs) {
    made_last = log.begin_sync(hands.client);
    made_last.insert(made_last.end(), records.begin(), records.end());
    done = hands.fs.sync(context, opened->handle, false);
  }
  const Status flushed = hands.fs.flush(context, opened->handle);
  if (done) done = flushed;
  hands.fs.release(context, opened->handle);
  trace("  ", name_of(hands.client), done ? " has appended" : " has not appended");
  if (!done) {
    log.failed();
    log.lose(hands.client);
    return judge(done.error(), "an append");
  }
  log.appended(records, losses);
  if (syncs) log.synced(made_last, losses);
}

void FileClients::read_log(Hands& hands) { look_at_log(hands, random(logs_.size())); }

void FileClients::look_at_log(Hands& hands, size_t which) {
  Log& log = logs_[which];
  const auto wanted = log.begin_read();
  auto context = hands.context();
  const auto opened = hands.fs.open(context, log_inodes_[which], O_RDONLY);
  if (!opened) return judge(opened.error(), "an open of a log");
  trace(name_of(hands.client), " reads log ", which, ", ", opened->attributes.size, " bytes");
  std::string bytes(opened->attributes.size, '?');
  const auto got = hands.fs.read(context, opened->handle, 0, bytes.data(), bytes.size());
  static_cast<void>(hands.fs.flush(context, opened->handle));
  hands.fs.release(context, opened->handle);
  if (!got) return judge(got.error(), "a read of a log");
  bytes.resize(*got);
  if (log.check_read(wanted, bytes).empty()) return;
  follow(control_now_());
  if (const std::string wrong = log.check_read(wanted, bytes); !wrong.empty()) fail_run(wrong);
}

// ---------------------------------------------------------------- after the faults

void FileClients::audit_all(Hands& hands) {
  auto context = hands.context();
  for (size_t client = 0; client < rings_.size(); ++client) {
    Slots::State state;
    for (size_t slot = 0; slot < names_of_ring; ++slot) {
      const auto found = hands.fs.lookup(context, rings_[client].directory, slot_name(slot));
      if (!found) return fail_run(text("name ", slot, " of client-", client + 1, " is not there: ", found.error().what));
      state.push_back(found->inode);
    }
    const std::string wrong = rings_[client].slots.see(state);
    if (!wrong.empty()) return fail_run(text("client-", client + 1, "'s names at the end: ", wrong));
  }
  for (size_t log = 0; log < logs_.size(); ++log) look_at_log(hands, log);
  for (const Gone& gone : gone_) {
    if (hands.fs.lookup(context, gone.parent, gone.name)) fail_run(gone.name + " was removed, and is there");
  }
  for (const FileRef& file : files_) {
    const auto found = hands.fs.lookup(context, file->parent, file->name);
    if (!found || found->inode != file->inode) return fail_run(file->name + " is not there at the end");
    const auto opened = hands.fs.open(context, file->inode, O_RDONLY);
    if (!opened) return fail_run(file->name + " can't be opened at the end: " + opened.error().what);
    for (const uint64_t sector : model_.written_from(file->number, 0)) {
      const BlockModel::Span span{file->number, sector, 1};
      look_at(hands, file, opened->handle, span, model_.begin_read(span));
    }
    hands.fs.release(context, opened->handle);
  }
}

}  // namespace lace::sim
