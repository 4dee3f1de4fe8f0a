#include "tests/sim/block_clients.h"

#include <sys/stat.h>

#include <algorithm>

#include "tests/sim/trace.h"

namespace lace::sim {
namespace {

constexpr uint64_t sectors_of_page = page_bytes / sector_bytes;
constexpr uint64_t turn = 4;  // sectors that one client writes in a block that all write

// What a file takes of its block: not all, so that the session that allocated the block may go on placing bytes in it.
constexpr uint64_t used_bytes = block_bytes - 2 * page_bytes;

// Places where something ends: chunks of the page table, regions of the journal, the block.
constexpr uint64_t places[] = {0, 1, 7, 40, 510, 511, 512, 1'022, 1'023, 1'024, 1'030, 5'000, 16'370};

Bytes bytes_of(const BlockModel::Span& span, const std::vector<Version>& versions) {
  std::string bytes(span.count * sector_bytes, '\0');
  for (uint64_t i = 0; i < span.count; ++i) {
    write_sector(bytes.data() + i * sector_bytes, span.block, span.first + i, versions[i]);
  }
  return Bytes(std::move(bytes));
}

std::string text_of(const BlockModel::Span& span) {
  return text(to_string(span.block), " sectors ", span.first, "-", span.first + span.count - 1);
}

bool overlap(const BlockModel::Span& a, const BlockModel::Span& b) {
  return a.block == b.block && a.first < b.first + b.count && b.first < a.first + a.count;
}

}  // namespace

BlockClients::BlockClients(Simulation& simulation, const wire::Endpoint& control, BlockWork work, BlockModel& model)
    : simulation_(simulation), control_(control), work_(work), model_(model) {
  processes_.resize(static_cast<size_t>(work_.clients));
  for (int client = 1; client <= work_.clients; ++client) {
    lives_.push_back(std::make_shared<Life>());
    lives_.back()->left = work_.operations;
  }
}

void BlockClients::start(int client) {
  auto& life = lives_[static_cast<size_t>(client - 1)];
  life = std::make_shared<Life>(Life{life->left, false, "starting", {}});
  processes_[static_cast<size_t>(client - 1)] = std::make_unique<ClientProcess>(
      simulation_, name_of(client), work_.yields_one_in, [this, client](ClientProcess& process) { run(process, client); });
}

void BlockClients::kill(int client) {
  auto& process = processes_[static_cast<size_t>(client - 1)];
  simulation_.kill(name_of(client));
  killed_.push_back(std::move(process));
}

bool BlockClients::all_hold() const {
  for (int client = 1; client <= work_.clients; ++client) {
    const auto at = static_cast<size_t>(client - 1);
    if (processes_[at] && !processes_[at]->ended() && !lives_[at]->waits) return false;
  }
  return true;
}

bool BlockClients::all_ended() const {
  return std::all_of(processes_.begin(), processes_.end(), [](const auto& process) { return process && process->ended(); });
}

void BlockClients::finish_after(uint32_t operations) {
  for (const auto& life : lives_) life->left = operations;
}

std::string BlockClients::doing() const {
  std::string all;
  for (int client = 1; client <= work_.clients; ++client) {
    const auto at = static_cast<size_t>(client - 1);
    all += text(all.empty() ? "" : "; ", name_of(client), ": ",
                !processes_[at]           ? "does not run"
                : processes_[at]->ended() ? "ended"
                                          : lives_[at]->doing);
  }
  return all;
}

// ---------------------------------------------------------------- a client's life

void BlockClients::run(ClientProcess& process, int client) {
  fs::MountOptions options;
  options.controls = {control_};
  options.mount_point = "/" + process.name();
  options.timeout = work_.timeout;
  fs::Core core(process.network(), process.clock(), options);
  fs::Keeper keeper(core);
  const auto caller = process.network().make_caller();
  keeper.on_sole_ended = [](net::Caller&) {};
  while (!keeper.open(*caller, Millis(600'000))) {
  }
  keeper.start();
  work(process, core, *caller, client);
  keeper.stop();
  keeper.close(*caller);
}

void BlockClients::work(ClientProcess&, fs::Core& core, net::Caller& caller, int client) {
  const auto life = lives_[static_cast<size_t>(client - 1)];
  while (life->left > 0) {
    life->waits = held_;
    life->doing = held_ ? "waiting for a quiet point" : "pausing";
    static_cast<void>(caller.pause(Millis(held_ ? 20 : random(static_cast<uint64_t>(work_.most_pause.count()) + 1))));
    if (held_) continue;
    life->waits = false;
    one_operation(core, caller, client, *life);
    ++done_;
    if (life->left > 0) --life->left;
  }
  life->doing = "a last sync";
  sync(core, caller, client, *life);
}

void BlockClients::one_operation(fs::Core& core, net::Caller& caller, int client, Life& life) {
  const auto is = [&](const char* what) { life.doing = what; };
  const uint64_t chance = random(100);
  if (files_.size() + making_ < work_.blocks) return is("making a file"), make_file(core, caller, client);
  if (chance < 45) return is("writing"), write(core, caller, client, life);
  if (chance < 75) return is("reading"), read(core, caller, client);
  if (chance < 92) return is("syncing"), sync(core, caller, client, life);
  if (chance < 97 || !work_.removes) return is("punching"), punch(core, caller, client);
  is("removing"), remove(core, caller, client);
}

void BlockClients::judge(const Error& error, const std::string& what, const FileRef& file) {
  ++failed_;
  trace("  ", what, " failed: ", lace::name_of(error.code), " ", error.what);
  if (file && file->removing) return;
  if (error.code == Code::corrupt || error.code == Code::malformed || error.code == Code::invalid)
    return fail_run(what + " failed with " + std::string(lace::name_of(error.code)) + ": " + error.what);
  if (work_.must_succeed)
    fail_run(what + " failed, though there was a way: " + std::string(lace::name_of(error.code)) + ": " + error.what);
}

// ---------------------------------------------------------------- what is where

BlockClients::FileRef BlockClients::any_file(int client, bool own) {
  std::vector<FileRef> candidates;
  for (const FileRef& file : files_) {
    if (!file->removing && (!own || !file->fixed) && (!own || file->owner == 0 || file->owner == client))
      candidates.push_back(file);
  }
  return candidates.empty() ? nullptr : candidates[random(candidates.size())];
}

BlockModel::Span BlockClients::any_span(const File& file, int client, bool to_write) {
  const uint64_t place = places[random(std::size(places))] * sectors_of_page;
  uint64_t first = place + random(2 * sectors_of_page);
  uint64_t count = 1 + random(random(4) == 0 ? work_.most_sectors : 2 * sectors_of_page);
  if (random(3) == 0) {  // whole pages
    first -= first % sectors_of_page;
    count = (count + sectors_of_page - 1) / sectors_of_page * sectors_of_page;
  }
  if (to_write && file.owner == 0) {
    const auto clients = static_cast<uint64_t>(work_.clients);
    const uint64_t round = turn * clients;
    first = first / round * round + static_cast<uint64_t>(client - 1) * turn + random(turn);
    count = std::min(count, turn - first % turn);
  }
  first = std::min(first, used_bytes / sector_bytes - 1);
  count = std::min(count, used_bytes / sector_bytes - first);
  return {file.block, first, count};
}

// ---------------------------------------------------------------- operations

void BlockClients::make_file(fs::Core& core, net::Caller& caller, int client) {
  ++making_;
  const auto file = std::make_shared<File>();
  file->name = text("file-", ++names_);
  file->owner = random(2) == 0 ? client : 0;
  trace(name_of(client), " makes ", file->name);
  const auto block = core.pool.take(caller);
  if (!block) {
    --making_;
    return judge(block.error(), "allocating a block");
  }
  wire::Create create;
  create.parent = root_inode;
  create.name = file->name;
  create.mode = S_IFREG | 0644;
  const auto made = core.control.commit_one(caller, create);
  Error error{};
  if (made) {
    wire::Write write;
    write.inode = made->inode.inode;
    write.extents = {{0, used_bytes, *block, 0}};
    write.size = used_bytes;
    write.layout = made->inode.layout;
    const auto placed = core.control.commit_one(caller, write);
    if (!placed) error = placed.error();
  } else {
    error = made.error();
  }
  --making_;
  if (error.code != Code{}) return judge(error, "making a file");
  file->inode = made->inode.inode;
  file->block = *block;
  trace("  ", file->name, " is ", to_string(*block));
  files_.push_back(file);
  known_.push_back(*block);
}

void BlockClients::write(fs::Core& core, net::Caller& caller, int client, Life& life) {
  struct One {
    FileRef file;
    BlockModel::Span span;
    std::vector<Version> versions;
    uint64_t losses;
  };
  std::vector<One> all;
  std::vector<fs::BlockWrite> writes;
  for (uint64_t i = 1 + random(3); i > 0; --i) {
    const FileRef file = any_file(client, true);
    if (!file) return;
    const BlockModel::Span span = any_span(*file, client, true);
    if (std::any_of(all.begin(), all.end(), [&](const One& one) { return overlap(one.span, span); })) continue;
    One one{file, span, model_.begin_change(span, false), model_.losses(span.block)};
    trace(name_of(client), " writes ", text_of(span), " version ", one.versions.front(), "...");
    fs::BlockWrite write;
    write.block = span.block;
    write.offset = span.first * sector_bytes;
    write.inode = file->inode;
    write.file_offset = write.offset;
    write.bytes = bytes_of(span, one.versions);
    writes.push_back(std::move(write));
    all.push_back(std::move(one));
  }
  std::map<BlockId, std::map<uint64_t, Version>> before;
  for (const One& one : all) before[one.span.block] = model_.begin_sync(one.span.block);
  const auto written = core.storage.write(caller, writes, random(3) == 0);
  const bool synced = written && written->synced;
  trace("  ", name_of(client), written ? " has written" : " has not written", synced ? ", and synced" : "");
  if (!written) {
    const bool gone = std::any_of(all.begin(), all.end(), [](const One& one) { return one.file->removing; });
    return judge(written.error(), "a write", gone ? all.front().file : nullptr);
  }
  for (const One& one : all) {
    model_.acked(one.span, one.versions, one.losses);
    if (synced) {
      for (uint64_t i = 0; i < one.span.count; ++i) before[one.span.block][one.span.first + i] = one.versions[i];
      model_.synced(one.span.block, before[one.span.block], one.losses);
      continue;
    }
    if (std::find(life.wrote.begin(), life.wrote.end(), one.file) == life.wrote.end()) life.wrote.push_back(one.file);
  }
}

void BlockClients::read(fs::Core& core, net::Caller& caller, int client) {
  const FileRef file = any_file(client, false);
  if (!file) return;
  const BlockModel::Span span = any_span(*file, client, false);
  const auto floors = model_.begin_read(span);
  std::string bytes(span.count * sector_bytes, '?');
  const std::vector<fs::BlockRead> reads{{span.block, span.first * sector_bytes, bytes.size(), bytes.data()}};
  trace(name_of(client), " reads ", text_of(span));
  const Status done = core.storage.read(caller, reads);
  if (!done) return judge(done.error(), "a read of " + to_string(span.block), file);
  if (file->removing) return;
  const std::string wrong = model_.check_read(span, floors, bytes.data());
  if (!wrong.empty()) fail_run(name_of(client) + " read what must not be: " + wrong);
}

void BlockClients::sync(fs::Core& core, net::Caller& caller, int client, Life& life) {
  std::vector<FileRef> files = life.wrote;
  if (const FileRef other = any_file(client, false); other && random(4) == 0) files.push_back(other);
  std::erase_if(files, [](const FileRef& file) { return file->removing; });
  std::vector<BlockId> blocks;
  std::map<BlockId, std::pair<std::map<uint64_t, Version>, uint64_t>> before;
  for (const FileRef& file : files) {
    if (before.contains(file->block)) continue;
    blocks.push_back(file->block);
    before[file->block] = {model_.begin_sync(file->block), model_.losses(file->block)};
  }
  if (blocks.empty()) return;
  trace(name_of(client), " syncs ", blocks.size(), " blocks, from ", to_string(blocks.front()));
  const auto done = core.storage.sync(caller, blocks);
  trace("  ", name_of(client), done ? " has synced" : " has not synced");
  if (!done) return judge(done.error(), "a sync");
  for (const auto& [block, then] : before) model_.synced(block, then.first, then.second);
  life.wrote.clear();
}

void BlockClients::punch(fs::Core& core, net::Caller& caller, int client) {
  const FileRef file = any_file(client, true);
  if (!file || file->owner != client) return;
  BlockModel::Span span = any_span(*file, client, true);
  span.first -= span.first % sectors_of_page;
  span.count = (span.count + sectors_of_page - 1) / sectors_of_page * sectors_of_page;
  trace(name_of(client), " punches ", text_of(span));
  const auto versions = model_.begin_change(span, true);
  const uint64_t losses = model_.losses(span.block);
  file->fixed = true;  // until the pages are the file's again: whoever wrote there meanwhile would write to nobody's
  wire::Punch punch;
  punch.inode = file->inode;
  punch.offset = span.first * sector_bytes;
  punch.length = span.count * sector_bytes;
  const auto punched = core.control.commit_one(caller, punch);
  trace("  ", name_of(client), punched ? " has punched" : " has not punched");
  if (!punched) return judge(punched.error(), "a punch", file);
  model_.acked(span, versions, losses);
  wire::Write again;  // the file gets the same pages once more
  again.inode = file->inode;
  again.extents = {{punch.offset, punch.length, file->block, punch.offset}};
  again.size = used_bytes;
  again.layout = wire::Write::any_layout;
  again.fresh = true;
  const auto mapped = core.control.commit_one(caller, again);
  file->fixed = !mapped;
  if (mapped) return;
  if (mapped.error().code != Code::stale) judge(mapped.error(), "mapping what was punched", file);
}

void BlockClients::remove(fs::Core& core, net::Caller& caller, int client) {
  const FileRef file = any_file(client, true);
  if (!file || file->owner != client) return;
  file->removing = true;
  trace(name_of(client), " removes ", file->name, ", ", to_string(file->block));
  const auto gone = core.control.commit_one(caller, wire::Remove{root_inode, file->name, false, {}});
  std::erase(files_, file);
  std::erase(known_, file->block);
  if (!gone) {
    if (gone.error().code == Code::no_entry) return fail_run("a file that is there was not found when it was removed");
    return judge(gone.error(), "a removal", file);
  }
  removed_.push_back(file->block);
}

}  // namespace lace::sim
