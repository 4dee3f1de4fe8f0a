#include "control/namespace/namespace_copy.h"

#include <unistd.h>

#include <mutex>

#include "common/base/check.h"
#include "common/db/backup.h"

namespace lace::control {
namespace {

// The rest of it, so that the copy knows as much of the blocks' extents as the checks ask for.
constexpr const char* index_of_extents = "CREATE INDEX IF NOT EXISTS extent_of_block ON extent(block)";

void remove_files(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) unlink((path + suffix).c_str());
}

class SqliteCopy final : public NamespaceCopy {
 public:
  SqliteCopy(db::Database& from, std::unique_ptr<db::Database> into, std::string path)
      : path_(std::move(path)), into_(std::move(into)), backup_(std::make_unique<db::Backup>(from, *into_)) {}
  ~SqliteCopy() override {
    backup_.reset();
    into_.reset();
    remove_files(path_);
  }

  Result<bool> step(uint32_t pages) override {
    return db::guarded([&] {
      const bool complete = backup_->step(static_cast<int>(pages));
      set_progress("copy", backup_->pages() - backup_->pages_left(), backup_->pages());
      if (complete) backup_.reset();
      return complete;
    });
  }
  wire::CheckProgress progress() const override {
    const std::lock_guard lock(mutex_);
    return progress_;
  }
  Result<std::vector<Inconsistency>> check() override {
    CHECK(!backup_);
    return db::guarded([&] {
      set_progress("index", 0, 1);
      into_->run(index_of_extents);
      const CounterTable counters(*into_);
      return find_inconsistencies(
          *into_, counters.now, [this](const std::string& step, size_t number, size_t of) { set_progress(step, number, of); });
    });
  }

 private:
  void set_progress(const std::string& step, uint64_t done, uint64_t total) {
    const std::lock_guard lock(mutex_);
    progress_ = {step, done, total};
  }

  const std::string path_;
  std::unique_ptr<db::Database> into_;
  std::unique_ptr<db::Backup> backup_;  // null: complete
  mutable std::mutex mutex_;
  wire::CheckProgress progress_;  // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<NamespaceCopy>> copy_of(db::Database& from, const std::string& path, const std::string& vfs) {
  remove_files(path);
  db::DatabaseOptions how;
  how.synchronous = db::Synchronous::off;
  how.cache_bytes = uint64_t{64} << 20;
  how.vfs = vfs;
  auto into = db::Database::open(path, how);
  if (!into) return pass(into);
  return db::guarded(
      [&]() -> std::unique_ptr<NamespaceCopy> { return std::make_unique<SqliteCopy>(from, std::move(*into), path); });
}

}  // namespace lace::control
