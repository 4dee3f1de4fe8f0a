// A namespace that was damaged is found to be so, in a copy of it, and mended.
#include "common/db/database.h"
#include "tests/unit/control/namespace_fixture.h"

namespace lace::control {
namespace {

struct Damage {
  const char* name;
  const char* sql;
  const char* found;  // one of the sentences begins so
};
std::ostream& operator<<(std::ostream& out, const Damage& damage) { return out << damage.name; }

constexpr Damage damages[] = {
    {"references", "UPDATE block SET refs = refs + 1 WHERE refs > 0", "a block's references are not its extents"},
    {"stored", "UPDATE inode SET stored = stored + 4096 WHERE stored > 0", "stored is wrong"},
    {"stored_of_nothing", "UPDATE inode SET stored = 4096 WHERE mode & 61440 = 16384", "a file has no extents"},
    {"too_many_users", "UPDATE shared SET more = 5", "pages have other numbers of users"},
    {"too_few_users", "DELETE FROM shared", "pages have other numbers of users"},
    {"shared_by_nobody", "INSERT INTO shared VALUES(999, 1, 2, 1)", "pages are shared that nobody uses"},
    {"inode_gone", "DELETE FROM inode WHERE id = (SELECT inode FROM entry WHERE name = CAST('g' AS BLOB))",
     "an entry names an inode that is missing"},
    {"name_gone", "DELETE FROM entry WHERE name = CAST('f' AS BLOB)", "a file's links are not its names"},
    {"directory_name_gone", "DELETE FROM entry WHERE name = CAST('d' AS BLOB)", "a directory has not exactly one name"},
    {"links", "UPDATE inode SET links = 7 WHERE mode & 61440 = 32768", "a file's links are not its names"},
    {"directory_links", "UPDATE inode SET links = 9 WHERE id = 1", "a directory's links are not 2 and its subdirectories"},
    {"size", "UPDATE inode SET size = 9 WHERE id = 1", "a directory's size is not the number of its entries"},
    {"type", "UPDATE entry SET type = 4 WHERE name = CAST('f' AS BLOB)", "an entry's type is not its inode's"},
    {"parent", "UPDATE inode SET parent = 77 WHERE id = (SELECT inode FROM entry WHERE name = CAST('f' AS BLOB))",
     "an inode with one name has another parent"},
    {"counter", "UPDATE counters SET inodes = 77", "the counter of inodes"},
    {"orphan", "INSERT INTO orphan VALUES(555)", "an orphan is missing"},
    {"attributes", "UPDATE inode SET attributes = attributes | 2 WHERE id = 1", "an inode says it has attributes and has none"},
};

class Damaged : public NamespaceTest, public testing::WithParamInterface<Damage> {
 protected:
  void SetUp() override {
    NamespaceTest::SetUp();
    const BlockId on = block();
    const InodeId file_id = make(file(root_inode, "f"));
    const InodeId directory_id = make(directory(root_inode, "d"));
    const InodeId other = make(file(directory_id, "g"));
    run(write(file_id, {{0, 3 * page_bytes, on, 8 * page_bytes}}, 3 * page_bytes));
    run(wire::Share{other, page_bytes, file_id, 0, 2 * page_bytes, tick()});
    file_ = file_id;
    other_ = other;
  }
  void damage(const char* sql) {
    ns_.reset();
    {
      auto database = db::Database::open(directory_ + "/namespace.db");
      ASSERT_TRUE(database);
      (*database)->run(sql);
    }
    open();
  }
  std::vector<Inconsistency> check() {
    auto copy = ns_->begin_copy();
    EXPECT_TRUE(copy) << copy.error().what;
    for (bool complete = false; !complete;) {
      const auto step = (*copy)->step(3);
      EXPECT_TRUE(step) << step.error().what;
      if (!step) return {};
      complete = *step;
      // Work goes on meanwhile, and is in the copy.
      if (!complete) change([&] { return ns_->create_session({}); });
    }
    auto found = (*copy)->check();
    EXPECT_TRUE(found) << found.error().what;
    return found.value_or(std::vector<Inconsistency>{});
  }
  InodeId file_{};
  InodeId other_{};
};

TEST_P(Damaged, IsFoundAndMended) {
  EXPECT_TRUE(check().empty());
  ASSERT_NO_FATAL_FAILURE(damage(GetParam().sql));
  auto found = check();
  EXPECT_TRUE(std::any_of(found.begin(), found.end(), [](const Inconsistency& one) {
    return one.what.starts_with(GetParam().found);
  })) << (found.empty() ? "nothing" : found.front().what);
  for (int round = 0; round < 5 && !found.empty(); ++round) {
    for (const Inconsistency& one : found) EXPECT_TRUE(change([&] { return ns_->mend(one); }));
    found = check();
  }
  EXPECT_TRUE(found.empty()) << found.front().what;
  EXPECT_EQ(map_of(file_).size(), std::string(GetParam().name) == "inode_gone" ? 1U : 2U) << "no bytes are lost";
  if (std::string(GetParam().name) == "name_gone") {
    EXPECT_EQ(*ns_->resolve("/lost+found/inode-" + std::to_string(raw(file_))), file_);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Damaged, testing::ValuesIn(damages), [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace lace::control
