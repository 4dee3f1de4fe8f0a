#include "tests/sim/name_clients.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "tests/sim/trace.h"

namespace lace::sim {
namespace {

using Kind = test::Operation::Kind;

std::string bytes_of(uint64_t value) { return std::string(reinterpret_cast<const char*>(&value), sizeof(value)); }

}  // namespace

NameClients::NameClients(Simulation& simulation, const wire::Endpoint& control, NameWork work)
    : simulation_(simulation), control_(control), work_(work), doing_(static_cast<size_t>(work.clients)) {}

void NameClients::start() {
  for (int client = 1; client <= work_.clients; ++client) {
    processes_.push_back(std::make_unique<ClientProcess>(simulation_, name_of(client), work_.yields_one_in,
                                                         [this, client](ClientProcess& process) { run(process, client); }));
  }
}

bool NameClients::all_ended() const {
  return std::all_of(processes_.begin(), processes_.end(), [](const auto& process) { return process->ended(); });
}

std::string NameClients::doing() const {
  std::string all;
  for (size_t at = 0; at < processes_.size(); ++at) {
    if (!processes_[at]->ended()) all += text(all.empty() ? "" : "; ", processes_[at]->name(), ": ", doing_[at]);
  }
  return all;
}

void NameClients::run(ClientProcess& process, int client) {
  fs::MountOptions options;
  options.controls = {control_};
  options.mount_point = "/" + process.name();
  options.local_reads = false;
  options.timeout = Millis(300'000);
  const auto caller = process.network().make_caller();
  std::string& doing = doing_[static_cast<size_t>(client - 1)];
  doing = "mounting";
  std::unique_ptr<fs::FileSystem> file_system;
  while (!file_system) {
    auto mounted = fs::FileSystem::mount(process.network(), process.clock(), options);
    if (mounted) file_system = std::move(*mounted);
  }
  Mounted mounted{*file_system, *caller, client};
  make_directories(mounted);
  for (uint32_t left = work_.operations; left > 0; --left) {
    doing = "pausing";
    static_cast<void>(caller->pause(Millis(random(static_cast<uint64_t>(work_.most_pause.count()) + 1))));
    one_operation(mounted);
  }
  doing = "unmounting";
  file_system.reset();
}

// The first one makes them; who comes later finds them.
void NameClients::make_directories(Mounted& mounted) {
  auto where = context(mounted);
  for (int number = 0; number < work_.directories; ++number) {
    const std::string name = "d" + std::to_string(number);
    auto made = mounted.file_system.make(where, root_inode, name, S_IFDIR | 0755, 0);
    if (!made && made.error().code == Code::exists) made = mounted.file_system.lookup(where, root_inode, name);
    if (!made) return fail_run("a directory could not be made: " + made.error().what);
    if (directories_.size() <= static_cast<size_t>(number)) directories_.push_back(made->inode);
    if (directory(number) != made->inode) fail_run("two directories of one name");
  }
}

void NameClients::one_operation(Mounted& mounted) {
  static constexpr std::pair<Kind, uint64_t> often[] = {{Kind::create, 22}, {Kind::remove, 12}, {Kind::rename, 14},
                                                        {Kind::lookup, 20}, {Kind::list, 8},    {Kind::chmod, 8},
                                                        {Kind::put, 8},     {Kind::get, 8}};
  uint64_t chance = random(100);
  Kind kind = Kind::get;
  for (const auto& [candidate, percent] : often) {
    kind = candidate;
    if (chance < percent) break;
    chance -= percent;
  }
  const bool of_inode = kind == Kind::chmod || kind == Kind::put || kind == Kind::get;
  if (of_inode && mounted.known.empty()) kind = Kind::lookup;
  test::Operation operation = begin(mounted, kind);
  switch (kind) {
    case Kind::create: return create(mounted, std::move(operation));
    case Kind::remove: return remove(mounted, std::move(operation));
    case Kind::rename: return rename(mounted, std::move(operation));
    case Kind::lookup: return lookup(mounted, std::move(operation));
    case Kind::list: return list(mounted, std::move(operation));
    case Kind::chmod: return chmod(mounted, std::move(operation));
    case Kind::put: return put(mounted, std::move(operation));
    case Kind::get: return get(mounted, std::move(operation));
  }
}

test::Operation NameClients::begin(const Mounted& mounted, Kind kind) {
  const auto any_directory = [&] {
    if (random(100) < work_.alone) return mounted.client % work_.directories;
    return static_cast<int>(random(static_cast<uint64_t>(work_.directories)));
  };
  const auto any_name = [&] { return std::string(1, static_cast<char>('a' + random(static_cast<uint64_t>(work_.names)))); };
  test::Operation operation;
  operation.kind = kind;
  operation.client = mounted.client;
  operation.directory = any_directory();
  operation.to_directory = any_directory();
  operation.name = any_name();
  operation.to_name = any_name();
  if (kind == Kind::chmod || kind == Kind::put || kind == Kind::get)
    operation.inode = mounted.known[random(mounted.known.size())];
  if (kind == Kind::chmod) operation.value = 0400 + random(0400);
  if (kind == Kind::put) operation.value = ++values_;
  operation.called = ++count_;
  doing_[static_cast<size_t>(mounted.client - 1)] = operation.text();
  return operation;
}

void NameClients::end(test::Operation operation, const Status& status, std::initializer_list<Code> expected) {
  operation.returned = ++count_;
  if (!status) {
    operation.failed = std::find(expected.begin(), expected.end(), status.error().code) != expected.end();
    operation.unknown = !operation.failed;
    if (operation.unknown && status.error().code != Code::io)
      fail_run(operation.text() + ": " + std::string(lace::name_of(status.error().code)) + " " + status.error().what);
  }
  trace(operation.text());
  history_.push_back(std::move(operation));
}

void NameClients::create(Mounted& mounted, test::Operation operation) {
  auto where = context(mounted);
  auto opened = mounted.file_system.create(where, directory(operation.directory), operation.name, test::first_mode,
                                           O_CREAT | O_EXCL | O_WRONLY);
  if (opened) {
    operation.inode = opened->attributes.inode;
    mounted.known.push_back(operation.inode);
    static_cast<void>(mounted.file_system.flush(where, opened->handle));
    mounted.file_system.release(where, opened->handle);
  }
  end(std::move(operation), opened ? Status{} : pass(opened), {Code::exists});
}

void NameClients::remove(Mounted& mounted, test::Operation operation) {
  auto where = context(mounted);
  const Status done = mounted.file_system.remove(where, directory(operation.directory), operation.name, false);
  end(std::move(operation), done, {Code::no_entry});
}

void NameClients::rename(Mounted& mounted, test::Operation operation) {
  auto where = context(mounted);
  const Status done = mounted.file_system.rename(where, directory(operation.directory), operation.name,
                                                 directory(operation.to_directory), operation.to_name, false, false);
  end(std::move(operation), done, {Code::no_entry});
}

void NameClients::lookup(Mounted& mounted, test::Operation operation) {
  auto where = context(mounted);
  const auto found = mounted.file_system.lookup(where, directory(operation.directory), operation.name);
  if (found) {
    operation.inode = found->inode;
    operation.value = found->mode & 07777;
    mounted.known.push_back(operation.inode);
    if (found->links != 1) fail_run(operation.text() + ": the file has " + std::to_string(found->links) + " names");
  }
  const bool known = found || found.error().code == Code::no_entry;
  end(std::move(operation), known ? Status{} : pass(found), {});
}

void NameClients::list(Mounted& mounted, test::Operation operation) {
  auto where = context(mounted);
  const auto page = mounted.file_system.read_directory(where, directory(operation.directory), 0, 100, random(2) == 0);
  if (page) {
    for (const wire::DirectoryEntry& entry : page->entries) operation.names[entry.name] = entry.inode;
  }
  end(std::move(operation), page ? Status{} : pass(page), {});
}

void NameClients::chmod(Mounted& mounted, test::Operation operation) {
  auto where = context(mounted);
  wire::SetAttributes change;
  change.inode = operation.inode;
  change.set = wire::SetAttributes::set_mode;
  change.mode = static_cast<uint32_t>(operation.value);
  const auto changed = mounted.file_system.set_attributes(where, change);
  end(std::move(operation), changed ? Status{} : pass(changed), {Code::stale_handle, Code::no_entry});
}

void NameClients::put(Mounted& mounted, test::Operation operation) {
  auto where = context(mounted);
  auto opened = mounted.file_system.open(where, operation.inode, O_WRONLY);
  Status done = opened ? Status{} : pass(opened);
  if (opened) {
    const auto written = mounted.file_system.write(where, opened->handle, 0, bytes_of(operation.value));
    done = written ? mounted.file_system.flush(where, opened->handle) : pass(written);
    mounted.file_system.release(where, opened->handle);
  }
  end(std::move(operation), done, {Code::stale_handle, Code::no_entry});
}

void NameClients::get(Mounted& mounted, test::Operation operation) {
  auto where = context(mounted);
  auto opened = mounted.file_system.open(where, operation.inode, O_RDONLY);
  Status done = opened ? Status{} : pass(opened);
  if (opened) {
    uint64_t value = 0;
    const auto got = mounted.file_system.read(where, opened->handle, 0, reinterpret_cast<char*>(&value), sizeof(value));
    if (!got) done = pass(got);
    mounted.file_system.release(where, opened->handle);
    operation.value = value;
  }
  end(std::move(operation), done, {Code::stale_handle, Code::no_entry});
}

}  // namespace lace::sim
