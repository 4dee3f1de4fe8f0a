#include "common/db/database.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace lace::db {
namespace {

class DatabaseTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "lace-db-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    database_ = open();
    database_->run("CREATE TABLE t(id INTEGER PRIMARY KEY, text BLOB)");
  }
  void TearDown() override {
    database_.reset();
    std::filesystem::remove_all(directory_);
  }
  std::string path() const { return directory_ + "/test.db"; }
  std::unique_ptr<Database> open() {
    auto opened = Database::open(path());
    EXPECT_TRUE(opened) << opened.error().what;
    return std::move(*opened);
  }

  std::string directory_;
  std::unique_ptr<Database> database_;
};

TEST_F(DatabaseTest, KeepsNumbersAndAnyBytes) {
  const std::string bytes("\0a\xff'\"", 5);
  Statement insert(*database_, "INSERT INTO t VALUES(?1, ?2)");
  EXPECT_EQ(insert.execute(INT64_MIN, bytes), 1);
  EXPECT_EQ(insert.execute(INT64_MAX, std::string_view()), 1);
  Statement select(*database_, "SELECT id, text FROM t ORDER BY id");
  auto rows = select.query();
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.signed_number(0), INT64_MIN);
  EXPECT_EQ(rows.bytes(1), bytes);
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.number(0), uint64_t{INT64_MAX});
  EXPECT_EQ(rows.bytes(1), "");
  EXPECT_FALSE(rows.next());
}

TEST_F(DatabaseTest, AQueryThatWasLeftCanBeRunAgain) {
  database_->run("INSERT INTO t VALUES(1, 'a'), (2, 'b')");
  Statement select(*database_, "SELECT id FROM t WHERE id >= ?1 ORDER BY id");
  for (const int first : {1, 2, 1}) {
    auto rows = select.query(first);
    ASSERT_TRUE(rows.next());
    EXPECT_EQ(rows.number<int>(0), first);
  }
}

TEST_F(DatabaseTest, ATransactionIsKeptOrNot) {
  database_->begin();
  database_->run("INSERT INTO t VALUES(1, 'a')");
  EXPECT_TRUE(database_->in_transaction());
  database_->rollback();
  EXPECT_EQ(database_->number("SELECT count(*) FROM t"), 0);
  database_->begin();
  database_->run("INSERT INTO t VALUES(1, 'a')");
  database_->commit();
  database_.reset();
  database_ = open();
  EXPECT_EQ(database_->number("SELECT count(*) FROM t"), 1);
}

TEST_F(DatabaseTest, FailuresEndAsResults) {
  Statement insert(*database_, "INSERT INTO t VALUES(?1, 'x')");
  insert.execute(1);
  const Status twice = guarded([&] { insert.execute(1); });
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Code::corrupt);
  const auto wrong = guarded([&] { return database_->number("SELECT nothing"); });
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().what.find(path()), std::string::npos);
  EXPECT_EQ(*guarded([&] { return database_->number("SELECT 7"); }), 7);
  EXPECT_EQ(guarded([]() -> Result<int> { return fail(Code::no_entry); }).error().code, Code::no_entry);
  EXPECT_EQ(insert.execute(2), 1);
}

TEST_F(DatabaseTest, ASecondOpenerIsTold) {
  DatabaseOptions options;
  options.busy_timeout_ms = 1;
  const auto second = Database::open(path(), options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::busy);
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsCorrupt) {
  std::ofstream(directory_ + "/no.db") << std::string(10'000, 'x');
  const auto opened = Database::open(directory_ + "/no.db");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::corrupt);
}

TEST_F(DatabaseTest, OnlySteadyStatementsAreListed) {
  Statement steady(*database_, "SELECT 1");
  Statement again(*database_, "SELECT 1");
  Statement occasional(*database_, "SELECT 2", Use::occasional);
  EXPECT_EQ(database_->statements(), std::vector<std::string>{"SELECT 1"});
}

}  // namespace
}  // namespace lace::db
