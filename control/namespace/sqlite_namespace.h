// The Namespace over SQLite: transactions, questions, blocks and sessions over the Store; commits are in apply.h.
#pragma once

#include "common/base/check.h"
#include "control/namespace/namespace.h"
#include "control/store/schema.h"
#include "control/store/store.h"

namespace lace::control {

class SqliteNamespace final : public Namespace {
 public:
  SqliteNamespace(std::unique_ptr<db::Database> database, std::string path, Identity identity, const NamespaceOptions& options)
      : path_(std::move(path)),
        vfs_(options.vfs),
        grouped_(options.grouped),
        identity_(std::move(identity)),
        store_(std::move(database), options.log_bytes, options.grouped) {}
  ~SqliteNamespace() override { rollback(); }

  const std::string& cluster() const override { return identity_.cluster; }
  const std::string& secret() const override { return identity_.secret; }
  uint64_t term() const override { return identity_.term; }
  void set_held(Held held) override { held_ = std::move(held); }

  Status begin() override;
  Status commit() override;
  void rollback() override;
  bool in_transaction() const override { return store_.database->in_transaction(); }
  Result<CommitOutcome> apply(const wire::Commit& commit) override;

  Result<wire::Attributes> lookup(InodeId parent, std::string_view name) override;
  Result<wire::Attributes> attributes(InodeId inode) override;
  Result<Listing> read_directory(InodeId inode, uint64_t cookie, uint32_t max_entries, bool with_attributes) override;
  Result<std::string> read_link(InodeId inode) override;
  Result<std::string> get_xattr(InodeId inode, std::string_view name) override;
  Result<std::vector<std::string>> list_xattrs(InodeId inode) override;
  Result<Extents> extents(InodeId inode, uint64_t offset, uint64_t length, uint32_t max) override;
  Result<bool> is_inside(InodeId inode, InodeId subtree) override;
  Result<InodeId> home(InodeId inode) override;
  Result<InodeId> resolve(std::string_view path) override;
  Result<std::string> path_of(InodeId inode) override;
  Counts counts() const override;

  Result<std::vector<InodeId>> orphans(InodeId after, uint32_t limit) override;
  Result<Reaped> reap(InodeId inode, uint32_t max_extents) override;

  Result<std::vector<wire::BlockInfo>> allocate(SessionId session, const std::vector<Placement>& placements) override;
  Result<std::optional<wire::BlockInfo>> block(BlockId block) override;
  Result<std::vector<wire::BlockInfo>> blocks(const std::vector<BlockId>& ids) override;
  Result<bool> uses_block(InodeId inode, BlockId block) override;
  Result<bool> allocated_by(BlockId block, SessionId session) override;
  Result<std::vector<wire::PageRange>> free_pages(BlockId block, uint32_t most) override;
  Status set_copy_set(BlockId block, Epoch epoch, const std::vector<ServerId>& in_sync, const std::vector<ServerId>& filling,
                      bool accepted) override;
  Result<std::vector<wire::BlockInfo>> blocks_on(ServerId server, BlockId after, uint32_t limit) override;
  Result<uint64_t> count_on(ServerId server) override;
  Result<std::vector<wire::BlockInfo>> all_blocks(BlockId after, uint32_t limit) override;
  Result<std::vector<BlockId>> dropped_on(ServerId server, BlockId after, uint32_t limit) override;
  Status forget_dropped(ServerId server, const std::vector<BlockId>& blocks) override;
  bool was_block(BlockId block) const override;

  Result<std::vector<PendingPunch>> pending_punches(uint64_t after, uint32_t limit) override;
  Status acknowledge_punches(const std::vector<uint64_t>& ids) override;
  Result<std::vector<BlockId>> pending_deletes(ServerId server, BlockId after, uint32_t limit) override;
  Status acknowledge_deletes(ServerId server, const std::vector<BlockId>& blocks) override;
  Result<bool> is_pending_delete(ServerId server, BlockId block) override;

  Result<SessionId> create_session(const SessionRecord& record) override;
  Result<std::optional<SessionRecord>> session(SessionId session) override;
  Result<std::vector<SessionRecord>> sessions() override;
  Result<bool> end_session(SessionId session) override;
  Result<ServerId> register_server(const std::string& name, const wire::Endpoint& endpoint) override;
  Result<std::vector<ServerRecord>> servers() override;
  Status update_server(const ServerRecord& record) override;
  Status remove_server(ServerId server) override;
  Result<std::map<std::string, uint64_t>> settings() override;
  Status change_setting(const std::string& name, uint64_t value) override;

  Position position() const override { return store_.log.last(); }
  Result<std::vector<LoggedChange>> changes_after(uint64_t number, uint64_t most_bytes) override;
  Result<bool> has_change(Position at) override;
  void keep_log_from(uint64_t number) override { store_.log.keep_from(number); }
  Status follow(const std::vector<LoggedChange>& changes) override;
  Status discard_last() override;
  Status take_term(uint64_t term) override;
  Result<std::unique_ptr<db::BackupFile>> back_up(const std::string& path) override;

  Status checkpoint() override;
  Result<std::vector<std::string>> check() override;
  Result<std::unique_ptr<NamespaceCopy>> begin_copy() override;
  Status mend(const Inconsistency& inconsistency) override;
  Result<std::vector<std::string>> query_plans() override;

 private:
  // Runs a question.
  template <class Run>
  auto ask(Run&& run) {
    return db::guarded([&] {
      if (!broken_) store_.trim();
      return run();
    });
  }
  // Runs a change. A failure of the database breaks the transaction: what comes after it answers the same.
  template <class Run>
  auto change(Run&& run);
  std::vector<wire::BlockInfo> infos(const std::vector<BlockId>& ids);
  void release(Block& block, bool& deletes);

  // Runs a transaction of the log: what is kept in memory is read anew afterwards.
  Status replay(const std::function<void()>& run);

  const std::string path_;
  const std::string vfs_;
  const bool grouped_;
  Identity identity_;
  Store store_;
  Held held_;
  std::optional<Error> broken_;
};

template <class Run>
auto SqliteNamespace::change(Run&& run) {
  CHECK(in_transaction() || broken_);
  using Answer = decltype(db::guarded(run));
  if (broken_) return Answer(tl::unexpected<Error>(*broken_));
  bool finished = false;
  Answer answer = db::guarded([&] {
    store_.trim();
    if constexpr (std::is_void_v<std::invoke_result_t<Run>>) {
      run();
      finished = true;
    } else {
      auto result = run();
      finished = true;
      return result;
    }
  });
  if (!finished) broken_ = answer.error();
  return answer;
}

}  // namespace lace::control
