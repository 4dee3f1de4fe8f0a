// A SqliteNamespace as a member's of a control group: its log, and what other members did.
#include "control/namespace/sqlite_namespace.h"

namespace lace::control {

Result<std::vector<LoggedChange>> SqliteNamespace::changes_after(uint64_t number, uint64_t most_bytes) {
  return ask([&] { return store_.log.after(number, most_bytes); });
}

Result<bool> SqliteNamespace::has_change(Position at) {
  return ask([&] { return store_.log.contains(at); });
}

Status SqliteNamespace::replay(const std::function<void()>& run) {
  CHECK(grouped_ && !in_transaction());
  const Status done = db::guarded([&] {
    store_.database->begin();
    run();
    store_.database->commit();
    store_.log.committed();
  });
  if (!done) {
    rollback();
    return done;
  }
  return db::guarded([&] {
    store_.forget();
    identity_.term = static_cast<uint64_t>(store_.database->number("SELECT term FROM counters WHERE id = 1"));
  });
}

Status SqliteNamespace::follow(const std::vector<LoggedChange>& changes) {
  return replay([&] {
    for (const LoggedChange& change : changes) store_.log.apply(change);
  });
}

Status SqliteNamespace::discard_last() {
  Status can;
  const Status done = replay([&] { can = store_.log.discard_last(); });
  return done ? can : done;
}

Status SqliteNamespace::take_term(uint64_t term) {
  const Status taken = change([&] {
    db::Statement set(*store_.database, "UPDATE counters SET term = ? WHERE id = 1", db::Use::occasional);
    set.execute(term);
  });
  if (taken) identity_.term = term;
  return taken;
}

Result<std::unique_ptr<db::BackupFile>> SqliteNamespace::back_up(const std::string& path) {
  CHECK(!in_transaction());
  return db::guarded([&] { return std::make_unique<db::BackupFile>(*store_.database, path, vfs_); });
}

}  // namespace lace::control
