#include "tests/sim/file_clients.h"

#include <algorithm>

#include "tests/sim/trace.h"

namespace lace::sim {

FileClients::FileClients(Simulation& simulation, const wire::Endpoint& control, std::function<control::Control*()> control_now,
                         FileWork work)
    : simulation_(simulation), control_(control), control_now_(std::move(control_now)), work_(work) {
  processes_.resize(static_cast<size_t>(work_.clients));
  sessions_.resize(processes_.size());
  rings_.resize(processes_.size());
  for (int client = 1; client <= work_.clients; ++client) {
    lives_.push_back(std::make_shared<Life>());
    lives_.back()->left = work_.operations;
  }
}

FileClients::~FileClients() = default;

std::unique_ptr<fs::FileSystem> FileClients::mount(ClientProcess& process, net::Caller& caller) {
  fs::MountOptions options;
  options.controls = {control_};
  options.mount_point = "/" + process.name();
  options.timeout = work_.timeout;
  options.local_reads = false;  // there are no files of servers
  for (;;) {
    auto mounted = fs::FileSystem::mount(process.network(), process.clock(), options);
    if (!mounted) {
      static_cast<void>(caller.pause(Millis(200)));
      continue;
    }
    (*mounted)->set_kernel_cache({[](InodeId) {}, [](InodeId) {}, [](InodeId, const std::string&) {}, [](Millis) {}});
    return std::move(*mounted);
  }
}

// ---------------------------------------------------------------- lives

void FileClients::prepare() {
  aside_ = std::make_unique<ClientProcess>(simulation_, "maker", 0, [this](ClientProcess& process) {
    const auto caller = process.network().make_caller();
    const auto mounted = mount(process, *caller);
    Life life;
    Hands hands{*mounted, *caller, 0, life};
    make_names(hands);
  });
}

void FileClients::audit() {
  if (aside_) killed_.push_back(std::move(aside_));  // it has ended
  aside_ = std::make_unique<ClientProcess>(simulation_, "auditor", 0, [this](ClientProcess& process) {
    const auto caller = process.network().make_caller();
    const auto mounted = mount(process, *caller);
    Life life;
    Hands hands{*mounted, *caller, 0, life};
    audit_all(hands);
  });
}

void FileClients::start(int client) {
  const auto at = static_cast<size_t>(client - 1);
  lives_[at] = std::make_shared<Life>(Life{lives_[at]->left, false, "starting", {}});
  sessions_[at].clear();
  processes_[at] = std::make_unique<ClientProcess>(simulation_, name_of(client), work_.yields_one_in,
                                                   [this, client](ClientProcess& process) { run(process, client); });
}

void FileClients::kill(int client) {
  auto& process = processes_[static_cast<size_t>(client - 1)];
  const bool over = process->ended();
  simulation_.kill(name_of(client));
  killed_.push_back(std::move(process));
  if (!over) lose(client);
}

bool FileClients::all_hold() const {
  for (size_t at = 0; at < processes_.size(); ++at) {
    if (processes_[at] && !processes_[at]->ended() && !lives_[at]->waits) return false;
  }
  return true;
}

bool FileClients::all_ended() const {
  return std::all_of(processes_.begin(), processes_.end(), [](const auto& process) { return process && process->ended(); });
}

void FileClients::finish_after(uint32_t operations) {
  for (const auto& life : lives_) life->left = operations;
}

std::string FileClients::doing() const {
  std::string all;
  for (int client = 1; client <= work_.clients; ++client) {
    const auto at = static_cast<size_t>(client - 1);
    const bool runs = processes_[at] != nullptr;
    all += text(all.empty() ? "" : "; ", name_of(client), ": ",
                !runs ? "does not run" : (processes_[at]->ended() ? "ended" : lives_[at]->doing));
  }
  return all;
}

void FileClients::run(ClientProcess& process, int client) {
  const auto life = lives_[static_cast<size_t>(client - 1)];
  const auto caller = process.network().make_caller();
  const auto mounted = mount(process, *caller);
  Hands hands{*mounted, *caller, client, *life};
  life->doing = "looking at its names";
  look_at_ring(hands);
  work(hands);
  life->doing = "unmounting";
}

void FileClients::work(Hands& hands) {
  Life& life = hands.life;
  while (life.left > 0) {
    life.waits = held_;
    life.doing = held_ ? "waiting for a quiet point" : "pausing";
    static_cast<void>(hands.caller.pause(Millis(held_ ? 20 : random(static_cast<uint64_t>(work_.most_pause.count()) + 1))));
    if (held_) continue;
    life.waits = false;
    one_operation(hands);
    ++done_;
    if (life.left > 0) --life.left;
  }
  life.doing = "a last sync";
  sync_all(hands);
  while (!life.open.empty()) close(hands);
}

void FileClients::one_operation(Hands& hands) {
  const auto is = [&](const char* what) { hands.life.doing = what; };
  const uint64_t chance = random(100);
  if (!work_.only_names) {
    if (files_.size() + making_ < work_.files) return is("making a file"), make_file(hands);
    if (chance < 22) return is("writing"), write(hands);
    if (chance < 40) return is("reading"), read(hands);
    if (chance < 47) return is("syncing a file"), sync(hands);
    if (chance < 53) return is("closing"), close(hands);
    if (chance < 57) return is("punching"), punch(hands);
    if (chance < 60) return is("truncating"), truncate(hands);
    if (chance < 64) return is("renaming"), rename(hands);
    if (chance < 67) return is("removing"), remove(hands);
  }
  switch (random(8)) {
    case 0: return is("syncing all"), sync_all(hands);
    case 1: return is("appending"), append(hands);
    case 2: return is("appending"), append(hands);
    case 3: return is("reading a log"), read_log(hands);
    case 4: return is("exchanging shared names"), exchange_shared(hands);
    case 5: return is("looking at its names"), look_at_ring(hands);
    default: return is("exchanging names"), exchange(hands);
  }
}

void FileClients::judge(const Error& error, const std::string& what, const FileRef& file) {
  ++failed_;
  trace("  ", what, " failed: ", lace::name_of(error.code), " ", error.what);
  if (file && file->removing) return;
  if (error.code == Code::corrupt || error.code == Code::malformed || error.code == Code::invalid)
    return fail_run(what + " failed with " + std::string(lace::name_of(error.code)) + ": " + error.what);
  if (work_.must_succeed)
    fail_run(what + " failed, though there was a way: " + std::string(lace::name_of(error.code)) + ": " + error.what);
}

// ---------------------------------------------------------------- what may be lost

// The client's process ended, or control ended its session: what it did and did not sync may be undone.
void FileClients::lose(int client) {
  trace("  ", name_of(client), " may lose what it has not synced");
  std::erase_if(files_, [&](const FileRef& file) {
    if (file->owner != client) return false;
    model_.forgive(file->number);
    return !file->lasting || file->moving || file->removing;
  });
  std::erase_if(gone_, [&](const Gone& gone) { return gone.owner == client; });
  rings_[static_cast<size_t>(client - 1)].slots.lose();
  for (Log& log : logs_) log.lose(client);
}

void FileClients::lost(BlockId) {  // whose bytes it held is not looked at: all may have lost something
  for (const FileRef& file : files_) model_.lost(file->number);
  for (Log& log : logs_) log.lose_all();
}

void FileClients::follow(control::Control* control) {
  if (control == nullptr) return;
  if (const auto blocks = control->names->all_blocks(BlockId{}, 10'000)) {
    blocks_.clear();
    for (const wire::BlockInfo& block : *blocks) blocks_.push_back(block.block);
  }
  for (int client = 1; client <= work_.clients; ++client) {
    const auto at = static_cast<size_t>(client - 1);
    if (!processes_[at] || processes_[at]->ended()) continue;
    std::set<SessionId> now;
    for (const auto& [id, session] : control->sessions.all()) {
      if (session.record.mount_point == "/" + name_of(client) && !session.fenced) now.insert(id);
    }
    const bool ended = std::any_of(sessions_[at].begin(), sessions_[at].end(), [&](SessionId id) { return !now.contains(id); });
    sessions_[at] = std::move(now);
    if (ended && lives_[at]->doing != "unmounting") lose(client);
  }
  if (!control->names->in_transaction()) check_shared(*control);
}

}  // namespace lace::sim
