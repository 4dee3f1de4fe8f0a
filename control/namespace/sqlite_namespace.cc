#include "control/namespace/sqlite_namespace.h"

#include <algorithm>

#include "control/namespace/apply.h"
#include "control/namespace/namespace_copy.h"
#include "control/ops/file_map.h"
#include "control/ops/mend.h"
#include "control/ops/names.h"
#include "control/store/consistency.h"

namespace lace::control {
namespace {

db::Synchronous synchronous_of(Durability durability) {
  switch (durability) {
    case Durability::full: return db::Synchronous::full;
    case Durability::normal: return db::Synchronous::normal;
    case Durability::off: return db::Synchronous::off;
  }
  return db::Synchronous::full;
}

}  // namespace

Result<std::unique_ptr<Namespace>> Namespace::open(const std::string& directory, NamespaceOptions options) {
  const std::string path = directory + "/namespace.db";
  db::DatabaseOptions how;
  how.cache_bytes = options.cache_bytes;
  how.synchronous = synchronous_of(options.durability);
  how.vfs = options.vfs;
  auto database = db::Database::open(path, how);
  if (!database) return pass(database);
  return db::guarded([&]() -> Result<std::unique_ptr<Namespace>> {
    auto identity =
        open_schema(**database, path, options.cluster, {options.root_uid, options.root_gid, options.now}, !options.grouped);
    if (!identity) return pass(identity);
    return std::make_unique<SqliteNamespace>(std::move(*database), path, std::move(*identity), options);
  });
}

// ---------------------------------------------------------------- transactions

Status SqliteNamespace::begin() {
  CHECK(!in_transaction() || broken_);
  if (broken_) rollback();
  return db::guarded([&] {
    store_.database->begin();
    if (grouped_) store_.log.record();
  });
}

Status SqliteNamespace::commit() {
  const Status done = change([&] {
    store_.flush();
    if (grouped_) store_.log.append(identity_.term);
    store_.database->commit();
    store_.log.committed();
  });
  if (!done) rollback();
  return done;
}

void SqliteNamespace::rollback() {
  const bool changes = in_transaction() || broken_;
  store_.log.stop();
  store_.database->rollback();
  broken_.reset();
  // Should the tables that are reloaded not be readable, neither is the next thing that anyone asks for.
  if (changes) static_cast<void>(db::guarded([&] { store_.forget(); }));
}

Result<CommitOutcome> SqliteNamespace::apply(const wire::Commit& commit) {
  return change([&] { return apply_commit(store_, held_, commit); });
}

// ---------------------------------------------------------------- orphans

Result<std::vector<InodeId>> SqliteNamespace::orphans(InodeId after, uint32_t limit) {
  return ask([&] { return store_.orphans.list(after, limit); });
}

Result<Reaped> SqliteNamespace::reap(InodeId id, uint32_t max_extents) {
  return change([&]() -> Result<Reaped> {
    Reaped reaped;
    const Inode* inode = store_.inodes.find(id);
    if (inode != nullptr && inode->attributes.links > 0) return fail(Code::busy, "the inode has a name");
    FreedSpace freed;
    CommitOutcome outcome;
    const SessionRecord nobody;
    Context context{store_, nobody, held_, freed, outcome};
    const bool full = inode != nullptr && is_directory(inode->attributes) && inode->attributes.size > 0;
    const bool empty = !full || empty_directory(context, id, max_extents);
    reaped.done = inode == nullptr || (empty && take_apart(store_, freed, id, max_extents));
    reaped.orphaned = std::move(outcome.orphaned);
    if (reaped.done && store_.orphans.erase(id)) --store_.counters.now.orphans;
    auto settled = freed.settle(store_, SessionId{0}, 0);
    reaped.punches = std::move(settled.deferred);
    reaped.deletes = settled.deletes;
    return reaped;
  });
}

// ---------------------------------------------------------------- sessions and servers

Result<SessionId> SqliteNamespace::create_session(const SessionRecord& record) {
  return change([&] {
    SessionRecord made = record;
    made.session = SessionId{store_.counters.now.next_session++};
    store_.sessions.insert(made);
    return made.session;
  });
}

Result<std::optional<SessionRecord>> SqliteNamespace::session(SessionId session) {
  const SessionRecord* found = store_.sessions.find(session);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

Result<std::vector<SessionRecord>> SqliteNamespace::sessions() { return store_.sessions.list(); }

Result<bool> SqliteNamespace::end_session(SessionId session) {
  return change([&] {
    bool deletes = false;
    if (!store_.sessions.erase(session)) return deletes;
    store_.slots.erase(session);
    constexpr uint32_t at_once = 1'000;
    for (auto blocks = store_.blocks.of_session(session, at_once); !blocks.empty();
         blocks = store_.blocks.of_session(session, at_once)) {
      for (const BlockId block : blocks) release(store_.blocks.edit(block), deletes);
    }
    return deletes;
  });
}

Result<ServerId> SqliteNamespace::register_server(const std::string& name, const wire::Endpoint& endpoint) {
  return change([&]() -> Result<ServerId> {
    if (store_.servers.exists(name)) return fail(Code::exists, "another server of this cluster is called " + name);
    const ServerId server{static_cast<uint32_t>(store_.counters.now.next_server++)};
    store_.servers.insert({server, name, endpoint, false});
    return server;
  });
}

Result<std::vector<ServerRecord>> SqliteNamespace::servers() {
  return ask([&] { return store_.servers.list(); });
}

Status SqliteNamespace::update_server(const ServerRecord& record) {
  return change([&]() -> Status {
    if (!store_.servers.update(record)) return fail(Code::no_entry, "no such server");
    return {};
  });
}

Status SqliteNamespace::remove_server(ServerId server) {
  return change([&]() -> Status {
    const auto known = store_.servers.list();
    const bool exists = std::any_of(known.begin(), known.end(), [&](const ServerRecord& one) { return one.server == server; });
    if (!exists) return fail(Code::no_entry, "no such server");
    if (store_.blocks.count_on(server) > 0) return fail(Code::busy, "copies on the server count");
    for (;;) {
      const auto dropped = store_.blocks.dropped_on(server, BlockId{0}, 1'000);
      if (dropped.empty()) break;
      for (const BlockId block : dropped) store_.blocks.forget_dropped(server, block);
      store_.blocks.trim();
    }
    store_.deletes.erase_server(server);
    store_.servers.erase(server);
    return {};
  });
}

Result<std::map<std::string, uint64_t>> SqliteNamespace::settings() {
  return ask([&] { return store_.settings.all(); });
}

Status SqliteNamespace::change_setting(const std::string& name, uint64_t value) {
  return change([&] { store_.settings.set(name, value); });
}

// ---------------------------------------------------------------- care

Status SqliteNamespace::checkpoint() {
  return db::guarded([&] {
    if (!in_transaction()) store_.database->checkpoint();
  });
}

Result<std::vector<std::string>> SqliteNamespace::check() {
  return db::guarded([&] {
    if (in_transaction()) store_.flush();
    std::vector<std::string> findings;
    for (const Inconsistency& one : find_inconsistencies(*store_.database, store_.counters.now)) findings.push_back(one.what);
    return findings;
  });
}

Result<std::unique_ptr<NamespaceCopy>> SqliteNamespace::begin_copy() {
  return copy_of(*store_.database, path_ + ".check", vfs_);
}

Status SqliteNamespace::mend(const Inconsistency& inconsistency) {
  return change([&] { control::mend(store_, inconsistency); });
}

Result<std::vector<std::string>> SqliteNamespace::query_plans() {
  return db::guarded([&] { return plans_of_statements(*store_.database); });
}

}  // namespace lace::control
