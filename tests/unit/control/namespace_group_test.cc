// A namespace as a member's of a control group: its log, and another namespace that follows it.
#include <random>

#include "common/db/database.h"
#include "tests/unit/control/namespace_fixture.h"

namespace lace::control {
namespace {

// All that a database holds, table by table.
std::string content_of(const std::string& path) {
  auto database = db::Database::open(path);
  EXPECT_TRUE(database) << database.error().what;
  std::vector<std::string> tables;
  {
    db::Statement list(**database, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", db::Use::occasional);
    for (auto rows = list.query(); rows.next();) tables.push_back(rows.text(0));
  }
  std::string all;
  for (const std::string& table : tables) {
    all += table + ":\n";
    const std::string columns =
        "SELECT group_concat('quote(' || name || ')', ' || '','' || ') FROM pragma_table_info('" + table + "')";
    db::Statement quoted(**database, columns.c_str(), db::Use::occasional);
    std::string expression;
    {
      auto rows = quoted.query();
      if (rows.next()) expression = rows.text(0);
    }
    const std::string select = "SELECT " + expression + " AS line FROM \"" + table + "\" ORDER BY line";
    db::Statement lines(**database, select.c_str(), db::Use::occasional);
    for (auto rows = lines.query(); rows.next();) all += rows.text(0) + '\n';
  }
  return all;
}

class GroupNamespace : public NamespaceTest {
 protected:
  GroupNamespace() { grouped_ = true; }

  // A second member, which holds what the first one does now.
  void add_slave() {
    slave_directory_ = directory_ + "/slave";
    std::filesystem::create_directory(slave_directory_);
    auto copy = ns_->back_up(slave_directory_ + "/namespace.db");
    ASSERT_TRUE(copy) << copy.error().what;
    while (!(*copy)->step(3)) {
    }
    open_slave();
  }
  void open_slave() {
    slave_.reset();
    NamespaceOptions options;
    options.grouped = true;
    options.durability = Durability::normal;
    auto opened = Namespace::open(slave_directory_, options);
    ASSERT_TRUE(opened) << opened.error().what;
    slave_ = std::move(*opened);
  }
  void follow(uint64_t most_bytes = 20'000) {
    while (!(slave_->position() == ns_->position())) {
      const auto changes = ns_->changes_after(slave_->position().number, most_bytes);
      ASSERT_TRUE(changes) << changes.error().what;
      ASSERT_FALSE(changes->empty());
      const Status followed = slave_->follow(*changes);
      ASSERT_TRUE(followed) << followed.error().what;
    }
  }
  void expect_same() {
    EXPECT_EQ(ns_->counts().inodes, slave_->counts().inodes);
    EXPECT_EQ(ns_->counts().applied, slave_->counts().applied);
    slave_.reset();
    ns_.reset();
    EXPECT_EQ(content_of(directory_ + "/namespace.db"), content_of(slave_directory_ + "/namespace.db"));
    open();
    open_slave();
  }

  uint64_t pick(uint64_t below) { return random_() % below; }
  InodeId any(const std::vector<InodeId>& inodes) { return inodes[pick(inodes.size())]; }
  void do_something() {
    const std::string name(1, static_cast<char>('a' + pick(8)));
    switch (pick(9)) {
      case 0: directories_.push_back(run(directory(any(directories_), name)).inode.inode); break;
      case 1:
      case 2: files_.push_back(run(file(any(directories_), name)).inode.inode); break;
      case 3: run(remove(any(directories_), name, pick(2) == 0)); break;
      case 4: run(rename(any(directories_), name, any(directories_), "n" + name)); break;
      case 5: run(truncate(any(files_), pick(100'000))); break;
      case 6: run(wire::Link{any(files_), any(directories_), name, tick()}); break;
      case 7: {
        const InodeId inode = any(files_);
        const auto found = ns_->attributes(inode);
        if (found) run(wire::Write{inode, {{0, 8'192, block(), 0}}, 8'192, found->layout, tick(), false});
        break;
      }
      default: {
        const auto pending = ns_->pending_punches(0, 100);
        std::vector<uint64_t> ids;
        for (const auto& punch : *pending) ids.push_back(punch.id);
        EXPECT_TRUE(change([&] { return ns_->acknowledge_punches(ids); }));
      }
    }
    std::erase(directories_, InodeId{});
    std::erase(files_, InodeId{});
  }

  std::string slave_directory_;
  std::unique_ptr<Namespace> slave_;
  std::mt19937_64 random_{7};
  std::vector<InodeId> directories_{root_inode}, files_{root_inode};
};

TEST_F(GroupNamespace, FollowsTransactionByTransactionToTheSameContent) {
  add_slave();
  for (int round = 0; round < 400; ++round) {
    do_something();
    if (round % 37 == 0) {
      ASSERT_NO_FATAL_FAILURE(follow());
    }
    if (round % 150 == 149) open_slave();
  }
  const SessionId second = open_session();
  ASSERT_TRUE(change([&] { return ns_->end_session(session_); }));
  session_ = second;
  ASSERT_NO_FATAL_FAILURE(follow());
  expect_same();
  const auto findings = slave_->check();
  ASSERT_TRUE(findings);
  EXPECT_EQ(*findings, std::vector<std::string>{});
}

TEST_F(GroupNamespace, AnswersARepeatedCommitWhereItHasFollowed) {
  add_slave();
  const wire::Commit commit{session_, 0, ++numbers_[session_], {file(root_inode, "a")}};
  const auto first = change([&] { return ns_->apply(commit); });
  ASSERT_TRUE(first);
  ASSERT_NO_FATAL_FAILURE(follow());
  ASSERT_TRUE(slave_->begin());
  const auto again = slave_->apply(commit);
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->reply.results[0].inode.inode, first->reply.results[0].inode.inode);
  ASSERT_TRUE(slave_->commit());
}

// What is kept in memory of the tables must be what the other member made of them.
TEST_F(GroupNamespace, GivesNoPageBackThatWasSharedWhileItFollowed) {
  add_slave();
  const InodeId from = make(file(root_inode, "a")), to = make(file(root_inode, "b"));
  const BlockId shared = block();
  run(write(from, {{0, 4 * page_bytes, shared, 0}}, 4 * page_bytes));
  const auto result = run(wire::Share{to, 0, from, 0, 4 * page_bytes, tick()});
  ASSERT_EQ(code_of(result), done) << result.outcome.what;
  ASSERT_NO_FATAL_FAILURE(follow());
  std::swap(ns_, slave_);  // the other one goes on
  run(truncate(from, 0));
  EXPECT_TRUE(last_.punches.empty());
  EXPECT_TRUE(last_.deferred.empty());
  std::swap(ns_, slave_);
  numbers_[session_]--;
}

TEST_F(GroupNamespace, TakesTransactionsBackOneAfterTheOther) {
  add_slave();
  for (int i = 0; i < 20; ++i) do_something();
  ASSERT_NO_FATAL_FAILURE(follow());
  const Position before = slave_->position();
  for (int i = 0; i < 30; ++i) do_something();
  ASSERT_NO_FATAL_FAILURE(follow());
  while (!(slave_->position() == before)) ASSERT_TRUE(slave_->discard_last());
  ASSERT_NO_FATAL_FAILURE(follow());
  expect_same();
}

TEST_F(GroupNamespace, KnowsItsPositionAfterARestart) {
  for (int i = 0; i < 5; ++i) do_something();
  const Position at = ns_->position();
  EXPECT_GT(at.number, 0u);
  reopen();
  EXPECT_EQ(ns_->position(), at);
  EXPECT_TRUE(*ns_->has_change(at));
  EXPECT_FALSE(*ns_->has_change({at.term + 1, at.number}));
}

TEST_F(GroupNamespace, KeepsNoNumberOfWhatWasRolledBack) {
  const Position at = ns_->position();
  ASSERT_TRUE(ns_->begin());
  ASSERT_TRUE(ns_->create_session({}));
  ns_->rollback();
  EXPECT_EQ(ns_->position(), at);
  open_session();
  EXPECT_EQ(ns_->position().number, at.number + 1);
}

TEST_F(GroupNamespace, CopiesNoTreeForWhichTheMasterWouldBeSilentForLong) {
  const InodeId top = make(directory(root_inode, "d"));
  for (int part = 0; part < 2; ++part) {
    std::vector<wire::Operation> operations;
    for (int i = 0; i < 10'000; ++i) operations.emplace_back(file(top, std::to_string(part) + '-' + std::to_string(i)));
    commit(std::move(operations));
  }
  const auto refused = run(wire::CopyTree{top, root_inode, "copy", tick()});
  EXPECT_EQ(code_of(refused), Code::too_big);
  EXPECT_NE(refused.outcome.what.find("20,000 inodes"), std::string::npos);
  run(remove(top, "0-0"));
  EXPECT_EQ(code_of(run(wire::CopyTree{top, root_inode, "copy", tick()})), done);
}

TEST_F(GroupNamespace, RefusesChangesThatWereMadeFromSomethingElse) {
  add_slave();
  make(file(root_inode, "a"));
  ASSERT_NO_FATAL_FAILURE(follow());
  const auto changes = [&] {
    run(rename(root_inode, "a", root_inode, "b"));
    return *ns_->changes_after(ns_->position().number - 1, 1'000);
  }();
  ASSERT_TRUE(slave_->discard_last());
  auto moved = changes;
  moved[0].at.number = slave_->position().number + 1;
  const Status followed = slave_->follow(moved);
  ASSERT_FALSE(followed);
  EXPECT_EQ(followed.error().code, Code::corrupt);
}

class ShortLog : public GroupNamespace {
 protected:
  ShortLog() { log_bytes_ = 4'000; }
};

TEST_F(ShortLog, ForgetsWhatIsOldAndSaysSo) {
  for (int i = 0; i < 100; ++i) make(file(root_inode, "f" + std::to_string(i)));
  const auto old = ns_->changes_after(1, 1'000);
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code, Code::no_entry);
  EXPECT_TRUE(ns_->changes_after(ns_->position().number - 1, 1'000));
  EXPECT_TRUE(ns_->discard_last());
  numbers_[session_]--;
}

TEST_F(ShortLog, IsKeptForWhoeverFetchesASnapshot) {
  const uint64_t from = ns_->position().number;
  ns_->keep_log_from(from);
  for (int i = 0; i < 100; ++i) make(file(root_inode, "f" + std::to_string(i)));
  EXPECT_TRUE(ns_->changes_after(from, 1'000));
}

TEST_F(GroupNamespace, TakesTheTermOfItsGroupAndRaisesNoneItself) {
  const uint64_t term = ns_->term();
  reopen();
  EXPECT_EQ(ns_->term(), term);
  ASSERT_TRUE(change([&] { return ns_->take_term(17); }));
  EXPECT_EQ(ns_->term(), 17u);
  EXPECT_EQ(ns_->position().term, 17u);
  reopen();
  EXPECT_EQ(ns_->term(), 17u);
}

}  // namespace
}  // namespace lace::control
