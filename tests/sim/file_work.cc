// FileClients on files.
#include <fcntl.h>
#include <linux/falloc.h>

#include <algorithm>

#include "tests/sim/file_clients.h"
#include "tests/sim/trace.h"

namespace lace::sim {
namespace {

constexpr uint64_t sectors_of_page = page_bytes / sector_bytes;

// Places where something ends: pages, what counts as small, messages, blocks.
constexpr uint64_t places[] = {0, 0, 0, 3, 8, 100, 250, 256, 1'020, 2'046, 2'048, block_bytes / sector_bytes - 4};

std::string text_of(const BlockModel::Span& span) { return text("sectors ", span.first, "-", span.first + span.count - 1); }

}  // namespace

FileClients::FileRef FileClients::any_file(int client, bool own) {
  std::vector<FileRef> candidates;
  for (const FileRef& file : files_) {
    if (!file->removing && (!own || file->owner == client)) candidates.push_back(file);
  }
  return candidates.empty() ? nullptr : candidates[random(candidates.size())];
}

BlockModel::Span FileClients::any_span(const File& file) {
  uint64_t first = places[random(std::size(places))] + random(2 * sectors_of_page);
  uint64_t count = 1 + random(random(6) == 0 ? 400 : 2 * sectors_of_page);
  if (random(3) == 0) {  // whole pages
    first -= first % sectors_of_page;
    count = (count + sectors_of_page - 1) / sectors_of_page * sectors_of_page;
  }
  return {file.number, first, count};
}

std::optional<fs::Handle> FileClients::handle_of(Hands& hands, const FileRef& file) {
  if (const auto open = hands.life.open.find(file->number); open != hands.life.open.end()) return open->second.second;
  auto context = hands.context();
  const auto opened = hands.fs.open(context, file->inode, O_RDWR);
  if (!opened) {
    judge(opened.error(), "an open of " + file->name, file);
    return std::nullopt;
  }
  hands.life.open[file->number] = {file, opened->handle};
  return opened->handle;
}

void FileClients::publish(const FileRef& file, const std::map<uint64_t, Version>& versions) {
  for (const auto& [sector, version] : versions) {
    Version& seen = file->published[sector];
    seen = std::max(seen, version);
  }
}

void FileClients::make_file(Hands& hands) {
  ++making_;
  const auto file = std::make_shared<File>();
  file->number = BlockId{++names_};
  file->name = text("file-", names_);
  file->owner = hands.client;
  file->parent = directories_[random(directories_.size())];
  trace(name_of(hands.client), " makes ", file->name);
  auto context = hands.context();
  const auto opened = hands.fs.create(context, file->parent, file->name, 0644, O_RDWR | O_CREAT | O_EXCL);
  --making_;
  if (!opened) {
    if (opened.error().code == Code::exists) return fail_run(file->name + " exists before it is made: it was made twice");
    return judge(opened.error(), "making a file");
  }
  file->inode = opened->attributes.inode;
  trace("  ", file->name, " is inode ", raw(file->inode));
  hands.life.open[file->number] = {file, opened->handle};
  files_.push_back(file);
}

void FileClients::write(Hands& hands) {
  const FileRef file = any_file(hands.client, true);
  if (!file) return;
  const auto handle = handle_of(hands, file);
  if (!handle) return;
  const BlockModel::Span span = any_span(*file);
  const auto versions = model_.begin_change(span, false);
  const uint64_t losses = model_.losses(span.block);
  std::string bytes(span.count * sector_bytes, '\0');
  for (uint64_t i = 0; i < span.count; ++i) {
    write_sector(bytes.data() + i * sector_bytes, span.block, span.first + i, versions[i]);
  }
  trace(name_of(hands.client), " writes ", file->name, " ", text_of(span), " version ", versions.front(), "...");
  auto context = hands.context();
  const auto written = hands.fs.write(context, *handle, span.first * sector_bytes, bytes);
  if (!written) {
    model_.forgive(file->number);
    return judge(written.error(), "a write to " + file->name, file);
  }
  if (*written != bytes.size()) return fail_run("a write was short");
  model_.acked(span, versions, losses);
}

void FileClients::look_at(Hands& hands, const FileRef& file, fs::Handle handle, const BlockModel::Span& span,
                          const std::vector<Version>& floors) {
  std::string bytes(span.count * sector_bytes, '?');
  auto context = hands.context();
  const auto got = hands.fs.read(context, handle, span.first * sector_bytes, bytes.data(), bytes.size());
  if (!got) return judge(got.error(), "a read of " + file->name, file);
  if (file->removing) return;
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(*got), bytes.end(), '\0');  // behind the end
  if (model_.check_read(span, floors, bytes.data()).empty()) return;
  follow(control_now_());  // the session of who wrote it may just have ended
  const std::string wrong = model_.check_read(span, floors, bytes.data());
  const std::string who = hands.client == 0 ? "the auditor" : name_of(hands.client);
  if (!wrong.empty()) fail_run(text(who, " read of ", file->name, " what must not be: ", wrong));
}

void FileClients::read(Hands& hands) {
  const FileRef file = any_file(hands.client, false);
  if (!file) return;
  const BlockModel::Span span = any_span(*file);
  if (file->owner == hands.client) {
    const auto handle = handle_of(hands, file);
    if (!handle) return;
    trace(name_of(hands.client), " reads its ", file->name, " ", text_of(span));
    return look_at(hands, file, *handle, span, model_.begin_read(span));
  }
  std::vector<Version> floors;
  for (uint64_t i = 0; i < span.count; ++i) {
    const auto seen = file->published.find(span.first + i);
    floors.push_back(seen == file->published.end() ? 0 : seen->second);
  }
  trace(name_of(hands.client), " reads ", file->name, " ", text_of(span));
  auto context = hands.context();
  const auto opened = hands.fs.open(context, file->inode, O_RDONLY);
  if (!opened) {
    if (!file->lasting) return;  // its owner may have ended
    return judge(opened.error(), "an open of " + file->name, file);
  }
  look_at(hands, file, opened->handle, span, floors);
  static_cast<void>(hands.fs.flush(context, opened->handle));
  hands.fs.release(context, opened->handle);
}

void FileClients::sync(Hands& hands) {
  const FileRef file = any_file(hands.client, true);
  if (!file) return;
  const auto handle = handle_of(hands, file);
  if (!handle) return;
  const auto versions = model_.begin_fsync(file->number);
  const auto seen = model_.answered(file->number);
  const uint64_t losses = model_.losses(file->number);
  trace(name_of(hands.client), " syncs ", file->name);
  auto context = hands.context();
  const Status done = hands.fs.sync(context, *handle, random(2) == 0);
  trace("  ", name_of(hands.client), done ? " has synced " : " has not synced ", file->name);
  if (!done) {
    model_.forgive(file->number);
    return judge(done.error(), "a sync of " + file->name, file);
  }
  model_.synced(file->number, versions, losses);
  publish(file, seen);
  file->lasting = true;
}

// Everything of this client.
void FileClients::sync_all(Hands& hands) {
  struct Before {
    FileRef file;
    std::map<uint64_t, Version> versions, seen;
    uint64_t losses;
  };
  std::vector<Before> all;
  for (const FileRef& file : files_) {
    if (file->owner != hands.client || file->removing) continue;
    all.push_back({file, model_.begin_fsync(file->number), model_.answered(file->number), model_.losses(file->number)});
  }
  std::vector<std::pair<std::vector<Log::Record>, uint64_t>> records;
  for (const Log& log : logs_) records.emplace_back(log.begin_sync(hands.client), log.losses());
  trace(name_of(hands.client), " syncs all");
  auto context = hands.context();
  const Status done = hands.fs.sync_all(context);
  trace("  ", name_of(hands.client), done ? " has synced all" : " has not synced all");
  if (!done) {
    for (const Before& before : all) model_.forgive(before.file->number);
    for (Log& log : logs_) log.lose(hands.client);
    rings_[static_cast<size_t>(hands.client - 1)].slots.lose();
    return judge(done.error(), "a sync of all");
  }
  for (const Before& before : all) {
    model_.synced(before.file->number, before.versions, before.losses);
    publish(before.file, before.seen);
    before.file->lasting = true;
    before.file->moving = false;
  }
  for (Gone& gone : gone_) {
    if (gone.owner == hands.client) gone.owner = 0;
  }
  for (size_t i = 0; i < logs_.size(); ++i) logs_[i].synced(records[i].first, records[i].second);
  rings_[static_cast<size_t>(hands.client - 1)].slots.synced();
}

void FileClients::close(Hands& hands) {
  if (hands.life.open.empty()) return;
  auto open = hands.life.open.begin();
  std::advance(open, static_cast<std::ptrdiff_t>(random(hands.life.open.size())));
  const auto [file, handle] = open->second;
  hands.life.open.erase(open);
  const auto seen = model_.answered(file->number);
  trace(name_of(hands.client), " closes ", file->name);
  auto context = hands.context();
  const Status flushed = hands.fs.flush(context, handle);
  hands.fs.release(context, handle);
  if (!flushed) {
    model_.forgive(file->number);
    return judge(flushed.error(), "a close of " + file->name, file);
  }
  publish(file, seen);
}

void FileClients::punch(Hands& hands) {
  const FileRef file = any_file(hands.client, true);
  if (!file) return;
  const auto handle = handle_of(hands, file);
  if (!handle) return;
  const BlockModel::Span span = any_span(*file);
  const auto versions = model_.begin_change(span, true);
  const uint64_t losses = model_.losses(span.block);
  trace(name_of(hands.client), " punches ", file->name, " ", text_of(span), " version ", versions.front(), "...");
  auto context = hands.context();
  const Status done = hands.fs.allocate(context, *handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, span.first * sector_bytes,
                                        span.count * sector_bytes);
  if (!done) return judge(done.error(), "a punch of " + file->name, file);
  model_.acked(span, versions, losses);
}

void FileClients::truncate(Hands& hands) {
  const FileRef file = any_file(hands.client, true);
  if (!file) return;
  const uint64_t size = any_span(*file).first;
  std::vector<std::pair<BlockModel::Span, std::vector<Version>>> changes;
  for (const uint64_t sector : model_.written_from(file->number, size)) {
    const BlockModel::Span span{file->number, sector, 1};
    changes.emplace_back(span, model_.begin_change(span, true));
  }
  const uint64_t losses = model_.losses(file->number);
  trace(name_of(hands.client), " truncates ", file->name, " to ", size, " sectors");
  wire::SetAttributes request;
  request.inode = file->inode;
  request.set = wire::SetAttributes::set_size;
  request.size = size * sector_bytes;
  auto context = hands.context();
  const auto done = hands.fs.set_attributes(context, request);
  if (!done) return judge(done.error(), "a truncation of " + file->name, file);
  for (const auto& [span, versions] : changes) model_.acked(span, versions, losses);
}

void FileClients::rename(Hands& hands) {
  const FileRef file = any_file(hands.client, true);
  if (!file) return;
  const InodeId to = directories_[random(directories_.size())];
  const std::string name = text("moved-", ++names_);
  file->moving = true;
  trace(name_of(hands.client), " renames ", file->name, " to ", name);
  auto context = hands.context();
  const Status done = hands.fs.rename(context, file->parent, file->name, to, name, random(2) == 0, false);
  if (!done) {
    if (done.error().code == Code::no_entry || done.error().code == Code::exists)
      return fail_run(text("a rename of ", file->name, " to ", name, ": ", done.error().what, ": was it done twice?"));
    std::erase(files_, file);  // under which name it is nobody knows
    return judge(done.error(), "a rename of " + file->name, file);
  }
  file->parent = to;
  file->name = name;
}

void FileClients::remove(Hands& hands) {
  const FileRef file = any_file(hands.client, true);
  if (!file) return;
  file->removing = true;
  trace(name_of(hands.client), " removes ", file->name);
  auto context = hands.context();
  const Status done = hands.fs.remove(context, file->parent, file->name, false);
  const bool known = std::erase(files_, file) > 0;
  if (!done) {
    if (done.error().code == Code::no_entry && known)
      return fail_run(text("a removal of ", file->name, " did not find it: was it done twice?"));
    return judge(done.error(), "a removal", file);
  }
  if (known) gone_.push_back({file->parent, file->name, hands.client});
}

}  // namespace lace::sim
