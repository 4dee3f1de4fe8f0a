// Commits: numbers and slots, transactions, sessions, and what is still there after a restart.
#include <fstream>

#include "common/db/database.h"
#include "tests/unit/control/namespace_fixture.h"

namespace lace::control {
namespace {

class Commits : public NamespaceTest {
 protected:
  wire::Commit numbered(uint64_t number, wire::Operation operation, uint32_t slot = 1) {
    return {session_, slot, number, {std::move(operation)}};
  }
  Result<CommitOutcome> send(const wire::Commit& commit) {
    return change([&] { return ns_->apply(commit); });
  }
  void damage(uint64_t offset, const std::string& bytes) {
    std::fstream stream(directory_ + "/namespace.db", std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream << bytes;
  }
  void run_sql(const std::string& sql) {
    const auto database = db::Database::open(directory_ + "/namespace.db");
    ASSERT_TRUE(database) << database.error().what;
    (*database)->run(sql);
  }
};

TEST_F(Commits, ANumberSentAgainIsAnsweredFromTheRecord) {
  auto create = file(root_inode, "a");
  create.hold = true;
  const auto commit = numbered(1, create);
  const auto first = send(commit);
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->repeated);
  const auto second = send(commit);
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->repeated);
  EXPECT_EQ(second->held, first->held);
  EXPECT_EQ(second->reply.results[0].inode.inode, first->reply.results[0].inode.inode);
  EXPECT_EQ(second->reply.results[0].inode.born, first->reply.results[0].inode.born);
  EXPECT_EQ(ns_->counts().inodes, 2U);
  EXPECT_EQ(ns_->counts().applied, 1U);
}

TEST_F(Commits, HappenOnceThoughTheAnswerWasLostInARestart) {
  make(file(root_inode, "a"));
  const auto commit = numbered(1, rename(root_inode, "a", root_inode, "b"));
  ASSERT_TRUE(send(commit));
  const auto failing = numbered(2, remove(root_inode, "a"));
  ASSERT_TRUE(send(failing));
  reopen();
  const auto again = send(failing);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(code_of(again->reply.results[0]), Code::no_entry);
  EXPECT_EQ(send(commit).error().code, Code::stale);
  EXPECT_EQ(ns_->lookup(root_inode, "b")->links, 1U);
}

TEST_F(Commits, NumbersFollowOneAnotherInEachSlot) {
  EXPECT_EQ(send(numbered(2, file(root_inode, "a"))).error().code, Code::stale);
  EXPECT_EQ(send(numbered(0, file(root_inode, "a"))).error().code, Code::stale);
  EXPECT_TRUE(send(numbered(1, file(root_inode, "a"))));
  EXPECT_TRUE(send(numbered(1, file(root_inode, "b"), 63)));
  EXPECT_EQ(send(numbered(1, file(root_inode, "c"), 64)).error().code, Code::malformed);
  EXPECT_TRUE(send(numbered(2, file(root_inode, "c"))));
  EXPECT_EQ(send(numbered(1, file(root_inode, "a"))).error().code, Code::stale);
}

TEST_F(Commits, AnotherCommitUnderAnOldNumberIsRefused) {
  ASSERT_TRUE(send(numbered(1, file(root_inode, "a"))));
  auto other = numbered(1, file(root_inode, "b"));
  other.operations.push_back(file(root_inode, "c"));
  EXPECT_EQ(send(other).error().code, Code::malformed);
}

TEST_F(Commits, ARepeatedTruncateWaitsForItsPunches) {
  const InodeId f = make(file(root_inode, "f"));
  run(write(f, {{0, page_bytes, block(), 0}}, page_bytes));
  const auto commit = numbered(1, truncate(f, 0));
  const auto first = send(commit);
  const auto again = send(commit);
  ASSERT_EQ(again->punches.size(), 1U);
  EXPECT_EQ(again->punches[0].id, first->punches[0].id);
  change([&] { return ns_->acknowledge_punches({first->punches[0].id}); });
  EXPECT_TRUE(send(commit)->punches.empty());
}

TEST_F(Commits, OfUnknownAndReadOnlySessionsAreRefused) {
  EXPECT_EQ(send({SessionId{99}, 0, 1, {}}).error().code, Code::fenced);
  SessionRecord reader;
  reader.read_only = true;
  EXPECT_EQ(send({open_session(reader), 0, 1, {}}).error().code, Code::read_only);
  EXPECT_EQ(send({session_, 0, 1, std::vector<wire::Operation>(10'001)}).error().code, Code::malformed);
}

TEST_F(Commits, OfConfinedSessionsStayInTheirSubtree) {
  const InodeId d = make(directory(root_inode, "d"));
  const InodeId mine = make(file(d, "mine"));
  const InodeId theirs = make(file(root_inode, "theirs"));
  SessionRecord record;
  record.subtree = "/d";
  record.root = d;
  const SessionId confined = open_session(record);
  const auto outcome = commit(
      {truncate(mine, 1), truncate(theirs, 1), file(root_inode, "x"), file(d, "x"), wire::Link{theirs, d, "stolen", tick()},
       rename(d, "mine", root_inode, "out"), rename(root_inode, "theirs", d, "in"), remove(root_inode, "theirs"),
       wire::SetXattr{theirs, "user.a", "", false, false, tick()}},
      confined);
  std::vector<Code> codes;
  for (const auto& result : outcome.reply.results) codes.push_back(code_of(result));
  const Code no = Code::denied;
  EXPECT_EQ(codes, (std::vector<Code>{done, no, no, done, no, no, no, no, no}));
  held_.insert(mine);
  commit({remove(d, "mine")}, confined);
  EXPECT_EQ(code_of(commit({truncate(mine, 2)}, confined).reply.results[0]), done);
}

TEST_F(Commits, OperationsBehindAFailedOneAreDone) {
  const auto outcome = commit({file(root_inode, "a"), file(root_inode, "a"), file(root_inode, "b")});
  EXPECT_EQ(code_of(outcome.reply.results[0]), done);
  EXPECT_EQ(code_of(outcome.reply.results[1]), Code::exists);
  EXPECT_EQ(code_of(outcome.reply.results[2]), done);
}

TEST_F(Commits, WhatIsRolledBackNeverWas) {
  const auto before = attributes(root_inode);
  ASSERT_TRUE(ns_->begin());
  ASSERT_TRUE(ns_->apply(numbered(1, file(root_inode, "a"))));
  ASSERT_TRUE(ns_->create_session({}));
  EXPECT_TRUE(ns_->lookup(root_inode, "a"));
  ns_->rollback();
  EXPECT_EQ(ns_->lookup(root_inode, "a").error().code, Code::no_entry);
  EXPECT_EQ(attributes(root_inode).change, before.change);
  EXPECT_EQ(ns_->sessions()->size(), 1U);
  EXPECT_EQ(ns_->counts().inodes, 1U);
  EXPECT_FALSE(send(numbered(1, file(root_inode, "a")))->repeated);
}

TEST_F(Commits, ManyLargeOnesKeepTheCachesRight) {
  const InodeId d = make(directory(root_inode, "d"));
  for (int batch = 0; batch < 4; ++batch) {
    std::vector<wire::Operation> operations;
    for (int i = 0; i < 10'000; ++i) operations.push_back(file(d, std::to_string(batch) + "-" + std::to_string(i)));
    commit(std::move(operations));
  }
  EXPECT_EQ(attributes(d).size, 40'000U);
  EXPECT_EQ(ns_->counts().inodes, 40'002U);
}

TEST_F(Commits, AServerThatIsRemovedIsForgottenAndItsIdIsNotGivenAgain) {
  const SessionId session = open_session();
  const auto first = change([&] { return ns_->register_server("storage-1", {}); });
  const auto second = change([&] { return ns_->register_server("storage-2", {}); });
  const auto made = change([&] { return ns_->allocate(session, {{{*first, *second}}}); });
  const BlockId block = made->front().block;
  EXPECT_EQ(*ns_->count_on(*second), 1U);
  EXPECT_EQ(change([&] { return ns_->remove_server(*second); }).error().code, Code::busy);
  ASSERT_TRUE(change([&] { return ns_->set_copy_set(block, 2, {*first}, {}); }));
  ASSERT_TRUE(change([&] { return ns_->remove_server(*second); }));
  EXPECT_EQ(change([&] { return ns_->remove_server(*second); }).error().code, Code::no_entry);
  EXPECT_TRUE(ns_->dropped_on(*second, BlockId{0}, 10)->empty());
  reopen();
  EXPECT_EQ(ns_->servers()->size(), 1U);
  EXPECT_NE(*change([&] { return ns_->register_server("storage-2", {}); }), *second);
  EXPECT_TRUE(ns_->check()->empty());
}

TEST_F(Commits, SettingsSurviveARestart) {
  EXPECT_TRUE(ns_->settings()->empty());
  ASSERT_TRUE(change([&] { return ns_->change_setting("rate", 5); }));
  ASSERT_TRUE(change([&] { return ns_->change_setting("rate", uint64_t{1} << 40); }));
  reopen();
  EXPECT_EQ((*ns_->settings())["rate"], uint64_t{1} << 40);
}

TEST_F(Commits, SessionsAndServersSurviveARestart) {
  SessionRecord record{{}, "host", "/mnt", 17, "/", root_inode, false, "key"};
  const SessionId session = open_session(record);
  const auto server = change([&] { return ns_->register_server("storage-1", {"tcp://a:1", "k"}); });
  ASSERT_TRUE(server);
  EXPECT_EQ(change([&] { return ns_->register_server("storage-1", {}); }).error().code, Code::exists);
  change([&] { return ns_->update_server({*server, "storage-1", {"tcp://b:1", "k"}, true}); });
  EXPECT_EQ(change([&] { return ns_->update_server({ServerId{9}, "x", {}, true}); }).error().code, Code::no_entry);
  const std::string cluster = ns_->cluster();
  const std::string secret = ns_->secret();
  const uint64_t term = ns_->term();
  reopen();
  EXPECT_EQ(ns_->cluster(), cluster);
  EXPECT_EQ(ns_->secret(), secret);
  EXPECT_EQ(ns_->term(), term + 1);
  const auto found = **ns_->session(session);
  EXPECT_EQ(found.host, "host");
  EXPECT_EQ(found.process, 17U);
  EXPECT_EQ(found.key, "key");
  const auto servers = *ns_->servers();
  ASSERT_EQ(servers.size(), 1U);
  EXPECT_EQ(servers[0].endpoint.url, "tcp://b:1");
  EXPECT_TRUE(servers[0].draining);
  change([&] { return ns_->end_session(session); });
  EXPECT_FALSE(*ns_->session(session));
  EXPECT_NE(open_session(), session);
}

TEST_F(Commits, AnotherClustersDatabaseIsRefused) {
  ns_.reset();
  NamespaceOptions options;
  options.cluster = std::string(32, '0');
  const auto opened = Namespace::open(directory_, options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::denied);
  EXPECT_NE(opened.error().what.find(options.cluster), std::string::npos);
}

TEST_F(Commits, ADatabaseThatIsOpenIsRefused) {
  const auto opened = Namespace::open(directory_, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::busy);
}

TEST_F(Commits, ANewerFormatIsRefused) {
  ns_.reset();
  run_sql("PRAGMA user_version=2");
  const auto opened = Namespace::open(directory_, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::corrupt);
  EXPECT_NE(opened.error().what.find("format 2"), std::string::npos);
}

TEST_F(Commits, AnotherProgramsDatabaseIsRefused) {
  ns_.reset();
  run_sql("PRAGMA application_id=7");
  EXPECT_EQ(Namespace::open(directory_, {}).error().code, Code::corrupt);
}

TEST_F(Commits, GarbageIsRefused) {
  ns_.reset();
  damage(0, std::string(4'096, 'x'));
  EXPECT_EQ(Namespace::open(directory_, {}).error().code, Code::corrupt);
}

TEST_F(Commits, ADirectoryThatIsMissingIsAnError) {
  const auto opened = Namespace::open(directory_ + "/nowhere", {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::io);
  EXPECT_NE(opened.error().what.find("directory"), std::string::npos);
}

TEST_F(Commits, TheRootIsItsMakers) {
  EXPECT_EQ(attributes(root_inode).born, (FileTime{1'000, 0}));
  EXPECT_EQ(attributes(root_inode).mode, static_cast<uint32_t>(S_IFDIR | 0755));
  EXPECT_EQ(ns_->lookup(root_inode, "..")->inode, root_inode);
}

TEST_F(Commits, NoStatementScansATable) {
  const auto plans = ns_->query_plans();
  ASSERT_TRUE(plans);
  EXPECT_GT(plans->size(), 40U);
  for (const std::string& plan : *plans) {
    EXPECT_EQ(plan.find("SCAN"), std::string::npos) << plan;
    EXPECT_EQ(plan.find("TEMP B-TREE"), std::string::npos) << plan;
  }
}

}  // namespace
}  // namespace lace::control
