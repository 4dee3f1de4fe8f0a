#include "storage/copy/index.h"

#include <filesystem>

#include "common/base/log.h"
#include "common/db/database.h"

namespace lace::storage {
namespace {

constexpr const char* schema = R"(
create table if not exists copies(
  block integer primary key, epoch integer not null, state integer not null, data_pages integer not null,
  missing_pages integer not null, inode integer not null, file_offset integer not null);
create table if not exists facts(name text primary key, value integer not null) without rowid;
)";

void remove_files(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code ignored;
    std::filesystem::remove(path + suffix, ignored);
  }
}

}  // namespace

struct Index::Tables {
  explicit Tables(std::unique_ptr<db::Database> opened) : database(with_schema(std::move(opened))) {}

  // The statements below are prepared right after `database` is set: the tables must be there by then.
  static std::unique_ptr<db::Database> with_schema(std::unique_ptr<db::Database> opened) {
    opened->run(schema);
    return opened;
  }

  void put_row(const IndexRow& row) {
    put.execute(row.block, row.epoch, row.state, row.data_pages, row.missing_pages, row.inode, row.file_offset);
  }
  template <class Run>
  Status change(Run&& run) {
    const Status done = db::guarded([&] {
      database->begin();
      run();
      database->commit();
    });
    if (!done && database->in_transaction()) database->rollback();
    return done;
  }

  std::unique_ptr<db::Database> database;
  db::Statement put{*database, "insert or replace into copies values(?, ?, ?, ?, ?, ?, ?)"};
  db::Statement remove{*database, "delete from copies where block = ?"};
  db::Statement all{*database, "select block, epoch, state, data_pages, missing_pages, inode, file_offset from copies",
                    db::Use::occasional};
};

Index::Index() = default;
Index::~Index() = default;

Result<std::unique_ptr<Index>> Index::open(const std::string& path) {
  db::DatabaseOptions options;
  options.synchronous = db::Synchronous::normal;
  options.cache_bytes = uint64_t{4} << 20;
  for (int attempt = 0;; ++attempt) {
    auto opened = db::Database::open(path, options);
    Error why{Code::io, ""};
    if (opened) {
      std::unique_ptr<Index> index(new Index);
      const Status made = db::guarded([&] { index->tables_ = std::make_unique<Tables>(std::move(*opened)); });
      if (made) return index;
      why = made.error();
    } else {
      why = opened.error();
    }
    if (attempt > 0 || why.code != Code::corrupt) return tl::unexpected<Error>(why);
    log::warn("storage.index_made_anew", {{"path", path}, {"why", why.what}});
    remove_files(path);
  }
}

bool Index::is_complete() const {
  const auto value = db::guarded([&] { return tables_->database->number("select value from facts where name = 'complete'"); });
  return value && *value == 1;
}

Status Index::each(const std::function<Status(const IndexRow&)>& row) const {
  return db::guarded([&]() -> Status {
    db::Rows rows = tables_->all.query();
    while (rows.next()) {
      IndexRow found{BlockId{rows.number(0)},
                     rows.number<uint32_t>(1),
                     static_cast<StoredState>(rows.number(2)),
                     rows.number<uint32_t>(3),
                     rows.number<uint32_t>(4),
                     InodeId{rows.number(5)},
                     rows.number(6)};
      if (Status seen = row(found); !seen) return seen;
    }
    return {};
  });
}

Status Index::update(const std::vector<IndexRow>& changed, const std::vector<BlockId>& removed) {
  return tables_->change([&] {
    for (const BlockId block : removed) tables_->remove.execute(block);
    for (const IndexRow& row : changed) tables_->put_row(row);
  });
}

Status Index::make_anew(const std::vector<IndexRow>& all) {
  return tables_->change([&] {
    tables_->database->run("delete from copies");
    for (const IndexRow& row : all) tables_->put_row(row);
    tables_->database->run("insert or replace into facts values('complete', 1)");
  });
}

Status Index::checkpoint() {
  return db::guarded([&] { tables_->database->checkpoint(); });
}

}  // namespace lace::storage
