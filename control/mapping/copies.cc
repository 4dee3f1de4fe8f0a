#include "control/mapping/copies.h"

#include <filesystem>

#include "common/base/log.h"
#include "common/db/database.h"

namespace lace::control {
namespace {

constexpr const char* schema = R"(
create table if not exists copies(
  block integer not null, server integer not null, epoch integer not null, state integer not null, missing integer not null,
  primary key(block, server)) without rowid;
create index if not exists copies_by_server on copies(server, block);
)";

void complain(const Error& error) {
  static log::Limiter limiter;
  if (limiter.pass()) log::warn("control.mapping_failed", {{"error", error.what}, {"suppressed", limiter.taken()}});
}

wire::CopyReport report_of(db::Rows& rows, int column) {
  return {BlockId{rows.number(column)}, rows.number<Epoch>(column + 1), static_cast<wire::CopyState>(rows.number(column + 2)),
          rows.number(column + 3)};
}

}  // namespace

struct Copies::Tables {
  explicit Tables(std::unique_ptr<db::Database> opened) : database(with_schema(std::move(opened))) {}

  // The statements below are prepared right after `database` is set: the tables must be there by then.
  static std::unique_ptr<db::Database> with_schema(std::unique_ptr<db::Database> opened) {
    opened->run(schema);
    return opened;
  }

  std::unique_ptr<db::Database> database;
  db::Statement put{*database,
                    "insert into copies(block, server, epoch, state, missing) values(?, ?, ?, ?, ?) "
                    "on conflict(block, server) do update set epoch = excluded.epoch, state = excluded.state, "
                    "missing = excluded.missing"};
  db::Statement remove{*database, "delete from copies where block = ? and server = ?"};
  db::Statement forget{*database, "delete from copies where server = ?"};
  db::Statement find{*database, "select block, epoch, state, missing from copies where block = ? and server = ?"};
  db::Statement of{*database, "select block, epoch, state, missing, server from copies where block = ? order by server"};
  db::Statement on{*database,
                   "select block, epoch, state, missing from copies where server = ? and block > ? order by block limit ?"};
};

Copies::Copies() = default;
Copies::~Copies() = default;

Result<std::unique_ptr<Copies>> Copies::open(const std::string& directory) {
  db::DatabaseOptions options;
  options.synchronous = db::Synchronous::off;
  const std::string path = directory.empty() ? ":memory:" : directory + "/mapping.db";
  for (int attempt = 0;; ++attempt) {
    auto opened = db::Database::open(path, options);
    Error reason{Code::io, ""};
    if (opened) {
      std::unique_ptr<Copies> copies(new Copies);
      const Status made = db::guarded([&] { copies->tables_ = std::make_unique<Tables>(std::move(*opened)); });
      if (made) return copies;
      reason = made.error();
    } else {
      reason = opened.error();
    }
    const bool again = attempt == 0 && !directory.empty() && (reason.code == Code::corrupt || reason.code == Code::io);
    if (!again) return tl::unexpected<Error>(reason);
    log::warn("control.mapping_rebuilt", {{"reason", reason.what}, {"path", path}});
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::error_code ignored;
      std::filesystem::remove(path + suffix, ignored);
    }
  }
}

template <class Run>
void Copies::change(Run&& run) {
  const Status done = db::guarded([&] {
    tables_->database->begin();
    run();
    tables_->database->commit();
  });
  if (done) return;
  if (tables_->database->in_transaction()) tables_->database->rollback();
  complain(done.error());
}

void Copies::forget(ServerId server) {
  change([&] { tables_->forget.execute(server); });
}

void Copies::put(ServerId server, const std::vector<wire::CopyReport>& reports) {
  if (reports.empty()) return;
  change([&] {
    for (const wire::CopyReport& copy : reports) {
      if (copy.state == wire::CopyState::gone) {
        tables_->remove.execute(copy.block, server);
      } else {
        tables_->put.execute(copy.block, server, copy.epoch, copy.state, copy.missing_bytes);
      }
    }
  });
}

std::optional<wire::CopyReport> Copies::find(ServerId server, BlockId block) {
  std::optional<wire::CopyReport> found;
  const Status done = db::guarded([&] {
    db::Rows rows = tables_->find.query(block, server);
    if (rows.next()) found = report_of(rows, 0);
  });
  if (!done) complain(done.error());
  return found;
}

std::vector<CopyRecord> Copies::of(BlockId block) {
  std::vector<CopyRecord> found;
  const Status done = db::guarded([&] {
    db::Rows rows = tables_->of.query(block);
    while (rows.next()) found.push_back({ServerId{rows.number<uint32_t>(4)}, report_of(rows, 0)});
  });
  if (!done) complain(done.error());
  return found;
}

std::vector<wire::CopyReport> Copies::on(ServerId server, BlockId after, uint32_t limit) {
  std::vector<wire::CopyReport> found;
  const Status done = db::guarded([&] {
    db::Rows rows = tables_->on.query(server, after, limit);
    while (rows.next()) found.push_back(report_of(rows, 0));
  });
  if (!done) complain(done.error());
  return found;
}

}  // namespace lace::control
