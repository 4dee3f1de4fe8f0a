// Names: what make, link, remove and rename do to entries, links and times.
#include "tests/unit/control/namespace_fixture.h"

namespace lace::control {
namespace {

using testing::Test;
using Names = std::vector<std::string>;

class Entries : public NamespaceTest {};

TEST_F(Entries, ANewFileIsFoundByItsName) {
  const InodeId inode = make(file(root_inode, "a"));
  const auto found = ns_->lookup(root_inode, "a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->inode, inode);
  EXPECT_EQ(found->mode, static_cast<uint32_t>(S_IFREG | 0644));
  EXPECT_EQ(found->links, 1U);
  EXPECT_EQ(found->born, found->modified);
  EXPECT_EQ(ns_->lookup(root_inode, "b").error().code, Code::no_entry);
  EXPECT_EQ(ns_->lookup(inode, "b").error().code, Code::not_directory);
  EXPECT_EQ(ns_->lookup(InodeId{99}, "b").error().code, Code::stale_handle);
}

TEST_F(Entries, AFileOfEveryTypeCanBeMade) {
  for (const uint32_t type : {S_IFREG, S_IFDIR, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK}) {
    auto create = file(root_inode, "type" + std::to_string(type), type | 0600);
    create.device = 0x0801;
    const auto made = run(create);
    EXPECT_EQ(code_of(made), done);
    EXPECT_EQ(made.inode.mode, type | 0600);
    EXPECT_EQ(made.inode.device, type == S_IFCHR || type == S_IFBLK ? 0x0801U : 0U);
  }
  EXPECT_EQ(code_of(run(file(root_inode, "no type", 0644))), Code::invalid);
}

TEST_F(Entries, NamesAreAnyBytesUpTo255) {
  for (const std::string& good :
       {std::string(255, 'x'), std::string("\xff\xfe invalid utf-8"), std::string("new\nline"), std::string("...")}) {
    make(file(root_inode, good));
    EXPECT_TRUE(ns_->lookup(root_inode, good));
  }
  EXPECT_EQ(code_of(run(file(root_inode, std::string(256, 'x')))), Code::name_too_long);
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("a\0b", 3)}) {
    EXPECT_EQ(code_of(run(file(root_inode, bad))), Code::invalid);
  }
}

TEST_F(Entries, ANameIsTakenOnlyOnce) {
  const InodeId inode = make(file(root_inode, "a"));
  EXPECT_EQ(code_of(run(file(root_inode, "a"))), Code::exists);
  auto again = file(root_inode, "a");
  again.exclusive = false;
  const auto result = run(again);
  EXPECT_EQ(code_of(result), done);
  EXPECT_TRUE(result.existed);
  EXPECT_EQ(result.inode.inode, inode);
}

TEST_F(Entries, AFileCannotBeMadeInWhatIsNoDirectoryOrIsGone) {
  const InodeId inode = make(file(root_inode, "a"));
  EXPECT_EQ(code_of(run(file(inode, "b"))), Code::not_directory);
  EXPECT_EQ(code_of(run(file(InodeId{77}, "b"))), Code::no_entry);
  const InodeId held = make(directory(root_inode, "d"));
  held_.insert(held);
  run(remove(root_inode, "d", true));
  EXPECT_EQ(code_of(run(file(held, "b"))), Code::no_entry);
  EXPECT_EQ(ns_->attributes(held)->links, 0U);
}

TEST_F(Entries, DirectoriesCountTheirEntriesAndSubdirectories) {
  const InodeId d = make(directory(root_inode, "d"));
  make(file(d, "f"));
  make(directory(d, "e"));
  EXPECT_EQ(attributes(d).size, 2U);
  EXPECT_EQ(attributes(d).links, 3U);
  EXPECT_EQ(code_of(run(remove(root_inode, "d", true))), Code::not_empty);
  run(remove(d, "e", true));
  run(remove(d, "f"));
  EXPECT_EQ(attributes(d).size, 0U);
  EXPECT_EQ(attributes(d).links, 2U);
  EXPECT_EQ(code_of(run(remove(root_inode, "d", true))), done);
  EXPECT_EQ(ns_->attributes(d).error().code, Code::stale_handle);
}

TEST_F(Entries, AChangeOfEntriesChangesTheDirectorysTimes) {
  const InodeId d = make(directory(root_inode, "d"));
  const auto before = attributes(d);
  const auto made = run(file(d, "f"));
  EXPECT_GT(made.parent.modified, before.modified);
  EXPECT_EQ(made.parent.modified, made.inode.born);
  EXPECT_EQ(made.parent.changed, made.inode.born);
  EXPECT_EQ(made.parent.accessed, before.accessed);
  EXPECT_GT(made.parent.change, before.change);
}

TEST_F(Entries, UnlinkAndRmdirTellFilesFromDirectories) {
  make(file(root_inode, "f"));
  make(directory(root_inode, "d"));
  EXPECT_EQ(code_of(run(remove(root_inode, "f", true))), Code::not_directory);
  EXPECT_EQ(code_of(run(remove(root_inode, "d", false))), Code::is_directory);
  EXPECT_EQ(code_of(run(remove(root_inode, "x", false))), Code::no_entry);
}

TEST_F(Entries, AFileLivesAsLongAsItHasANameOrIsHeld) {
  const InodeId inode = make(file(root_inode, "a"));
  EXPECT_EQ(run(wire::Link{inode, root_inode, "b", tick()}).inode.links, 2U);
  EXPECT_EQ(run(remove(root_inode, "a")).displaced.links, 1U);
  held_.insert(inode);
  EXPECT_EQ(run(remove(root_inode, "b")).displaced.links, 0U);
  EXPECT_EQ(last_.orphaned, std::vector<InodeId>{inode});
  EXPECT_EQ(attributes(inode).links, 0U);
  EXPECT_EQ(ns_->counts().orphans, 1U);
  EXPECT_EQ(*ns_->orphans(InodeId{}, 10), std::vector<InodeId>{inode});
  EXPECT_EQ(code_of(run(wire::Link{inode, root_inode, "c", tick()})), Code::no_entry);
  held_.clear();
  EXPECT_TRUE(change([&] { return ns_->reap(inode); })->done);
  EXPECT_EQ(ns_->attributes(inode).error().code, Code::stale_handle);
  EXPECT_EQ(ns_->counts().inodes, 1U);
}

TEST_F(Entries, AFileThatItsMakerHoldsOutlivesARemoveInTheSameCommit) {
  auto create = file(root_inode, "a");
  create.hold = true;
  const auto outcome = commit({create, remove(root_inode, "a")});
  const InodeId inode = outcome.reply.results[0].inode.inode;
  EXPECT_EQ(outcome.held, std::vector<InodeId>{inode});
  EXPECT_EQ(outcome.orphaned, std::vector<InodeId>{inode});
  EXPECT_TRUE(ns_->attributes(inode));
}

TEST_F(Entries, WhatNobodyHoldsIsGoneAtOnce) {
  const InodeId inode = make(file(root_inode, "a"));
  run(remove(root_inode, "a"));
  EXPECT_EQ(ns_->attributes(inode).error().code, Code::stale_handle);
  EXPECT_EQ(ns_->counts().orphans, 0U);
}

TEST_F(Entries, ADirectoryHasOneName) {
  const InodeId d = make(directory(root_inode, "d"));
  EXPECT_EQ(code_of(run(wire::Link{d, root_inode, "e", tick()})), Code::not_permitted);
}

TEST_F(Entries, SymbolicLinksKeepTheirTargets) {
  auto create = file(root_inode, "s", S_IFLNK | 0600);
  create.target = std::string(4'095, 't');
  create.umask = 077;
  const auto made = run(create);
  EXPECT_EQ(made.inode.mode, static_cast<uint32_t>(S_IFLNK | 0777));
  EXPECT_EQ(made.inode.size, 4'095U);
  EXPECT_EQ(*ns_->read_link(made.inode.inode), create.target);
  EXPECT_EQ(ns_->read_link(root_inode).error().code, Code::invalid);
  create.name = "t";
  create.target += "t";
  EXPECT_EQ(code_of(run(create)), Code::name_too_long);
  create.target.clear();
  EXPECT_EQ(code_of(run(create)), Code::invalid);
  EXPECT_EQ(code_of(run(remove(root_inode, "s"))), done);
}

TEST_F(Entries, RenameReplacesWhatHasTheNewName) {
  const InodeId a = make(file(root_inode, "a"));
  const InodeId b = make(file(root_inode, "b"));
  const auto result = run(rename(root_inode, "a", root_inode, "b"));
  EXPECT_EQ(code_of(result), done);
  EXPECT_EQ(result.displaced.inode, b);
  EXPECT_EQ(result.displaced.links, 0U);
  EXPECT_EQ(ns_->lookup(root_inode, "b")->inode, a);
  EXPECT_EQ(names(root_inode), Names{"b"});
  EXPECT_EQ(result.inode.changed, result.parent.changed);
}

TEST_F(Entries, RenameMovesDirectoriesWithTheirLinks) {
  const InodeId d = make(directory(root_inode, "d"));
  const InodeId e = make(directory(root_inode, "e"));
  const InodeId s = make(directory(d, "s"));
  run(rename(d, "s", e, "s"));
  EXPECT_EQ(attributes(d).links, 2U);
  EXPECT_EQ(attributes(e).links, 3U);
  EXPECT_EQ(ns_->lookup(s, "..")->inode, e);
  EXPECT_EQ(*ns_->path_of(s), "/e/s");
}

TEST_F(Entries, RenameChecksTypes) {
  const InodeId d = make(directory(root_inode, "d"));
  make(directory(root_inode, "empty"));
  make(file(root_inode, "f"));
  make(file(d, "x"));
  EXPECT_EQ(code_of(run(rename(root_inode, "d", root_inode, "f"))), Code::not_directory);
  EXPECT_EQ(code_of(run(rename(root_inode, "f", root_inode, "d"))), Code::is_directory);
  EXPECT_EQ(code_of(run(rename(root_inode, "empty", root_inode, "d"))), Code::not_empty);
  EXPECT_EQ(code_of(run(rename(root_inode, "nothing", root_inode, "d"))), Code::no_entry);
  EXPECT_EQ(code_of(run(rename(root_inode, "d", root_inode, "empty"))), done);
  EXPECT_EQ(code_of(run(rename(root_inode, "empty", root_inode, "empty"))), done);
  EXPECT_EQ(attributes(root_inode).links, 3U);
}

TEST_F(Entries, ADirectoryDoesNotGoIntoItself) {
  const InodeId d = make(directory(root_inode, "d"));
  const InodeId e = make(directory(d, "e"));
  const InodeId f = make(directory(e, "f"));
  EXPECT_EQ(code_of(run(rename(root_inode, "d", d, "x"))), Code::invalid);
  EXPECT_EQ(code_of(run(rename(root_inode, "d", f, "x"))), Code::invalid);
  EXPECT_EQ(code_of(run(rename(d, "e", root_inode, "d"))), Code::not_empty);
  auto swap = rename(root_inode, "d", e, "f");
  swap.exchange = true;
  EXPECT_EQ(code_of(run(swap)), Code::invalid);
  auto up = rename(e, "f", root_inode, "d");
  up.exchange = true;
  EXPECT_EQ(code_of(run(up)), Code::invalid);
}

TEST_F(Entries, RenameCanRefuseToReplace) {
  const InodeId a = make(file(root_inode, "a"));
  make(file(root_inode, "b"));
  auto careful = rename(root_inode, "a", root_inode, "b");
  careful.no_replace = true;
  EXPECT_EQ(code_of(run(careful)), Code::exists);
  careful.new_name = "c";
  EXPECT_EQ(code_of(run(careful)), done);
  EXPECT_EQ(ns_->lookup(root_inode, "c")->inode, a);
  careful.exchange = true;
  EXPECT_EQ(code_of(run(careful)), Code::invalid);
}

TEST_F(Entries, ExchangeSwapsAFileAndADirectory) {
  const InodeId d = make(directory(root_inode, "d"));
  const InodeId sub = make(directory(d, "sub"));
  const InodeId f = make(file(root_inode, "f"));
  auto swap = rename(root_inode, "f", d, "sub");
  swap.exchange = true;
  const auto result = run(swap);
  EXPECT_EQ(code_of(result), done);
  EXPECT_EQ(result.displaced.inode, sub);
  EXPECT_EQ(ns_->lookup(d, "sub")->inode, f);
  EXPECT_EQ(ns_->lookup(root_inode, "f")->inode, sub);
  EXPECT_EQ(attributes(d).links, 2U);
  EXPECT_EQ(attributes(root_inode).links, 4U);
  EXPECT_EQ(ns_->lookup(sub, "..")->inode, root_inode);
  swap.new_name = "nothing";
  EXPECT_EQ(code_of(run(swap)), Code::no_entry);
}

TEST_F(Entries, RenamingOneNameOfAFileToAnotherDoesNothing) {
  const InodeId a = make(file(root_inode, "a"));
  run(wire::Link{a, root_inode, "b", tick()});
  const auto before = attributes(a);
  EXPECT_EQ(code_of(run(rename(root_inode, "a", root_inode, "b"))), done);
  EXPECT_EQ(names(root_inode), (Names{"a", "b"}));
  EXPECT_EQ(attributes(a).changed, before.changed);
}

TEST_F(Entries, FilesWithSeveralNamesKnowWhereTheyAre) {
  const InodeId d = make(directory(root_inode, "d"));
  const InodeId e = make(directory(root_inode, "e"));
  const InodeId f = make(file(root_inode, "f"));
  EXPECT_FALSE(*ns_->is_inside(f, d));
  run(wire::Link{f, d, "f", tick()});
  run(wire::Link{f, d, "g", tick()});
  EXPECT_TRUE(*ns_->is_inside(f, d));
  run(rename(d, "f", e, "f"));
  EXPECT_TRUE(*ns_->is_inside(f, d));
  EXPECT_TRUE(*ns_->is_inside(f, e));
  run(remove(d, "g"));
  EXPECT_FALSE(*ns_->is_inside(f, d));
  run(remove(root_inode, "f"));
  EXPECT_TRUE(*ns_->is_inside(f, e));
  EXPECT_EQ(*ns_->path_of(f), "/e/f");
}

TEST_F(Entries, ReadingADirectoryWhileItChangesShowsWhatStaysExactlyOnce) {
  for (int i = 0; i < 100; ++i) make(file(root_inode, "f" + std::to_string(i)));
  std::multiset<std::string> seen;
  uint64_t cookie = 0;
  for (int page = 0;; ++page) {
    const auto listing = ns_->read_directory(root_inode, cookie, 7, true);
    ASSERT_TRUE(listing);
    for (const auto& entry : listing->entries) {
      seen.insert(entry.name);
      EXPECT_EQ(entry.attributes.inode, entry.inode);
      EXPECT_EQ(entry.type, DT_REG);
      cookie = entry.cookie;
    }
    if (listing->end) break;
    run(remove(root_inode, "f" + std::to_string(page)));  // read already, or not
    run(file(root_inode, "new" + std::to_string(page)));
    run(rename(root_inode, "new" + std::to_string(page), root_inode, "f" + std::to_string(50 + page)));  // replaced: it stays
    ASSERT_LT(page, 100);
  }
  for (int i = 20; i < 100; ++i) EXPECT_EQ(seen.count("f" + std::to_string(i)), 1U) << i;
}

TEST_F(Entries, ReadingADirectorySeesTheOpenTransaction) {
  const InodeId old = make(file(root_inode, "old"));
  ASSERT_TRUE(ns_->begin());
  wire::SetAttributes mode;
  mode.inode = old;
  mode.set = wire::SetAttributes::set_mode;
  mode.mode = 0400;
  wire::Commit commit;
  commit.session = session_;
  commit.slot = 9;
  commit.number = 1;
  commit.operations = {mode, file(root_inode, "new")};
  ASSERT_TRUE(ns_->apply(commit));
  const auto listing = ns_->read_directory(root_inode, 0, 10, true);
  ASSERT_TRUE(ns_->commit());
  ASSERT_EQ(listing->entries.size(), 2U);
  EXPECT_EQ(listing->entries[0].attributes.mode & 07777, 0400U);
  EXPECT_EQ(listing->entries[1].attributes.links, 1U);
  EXPECT_EQ(listing->entries[1].attributes.inode, listing->entries[1].inode);
  EXPECT_EQ(ns_->read_directory(root_inode, 0, 10, true)->entries[0].attributes.mode & 07777, 0400U);
}

TEST_F(Entries, ReadingADirectoryEndsBehindTheLastEntry) {
  EXPECT_TRUE(ns_->read_directory(root_inode, 0, 10, false)->end);
  make(file(root_inode, "a"));
  const auto listing = ns_->read_directory(root_inode, 0, 10, false);
  ASSERT_EQ(listing->entries.size(), 1U);
  EXPECT_TRUE(ns_->read_directory(root_inode, listing->entries[0].cookie, 10, false)->entries.empty());
  EXPECT_TRUE(ns_->read_directory(root_inode, UINT64_MAX, 10, false)->entries.empty());
  EXPECT_EQ(ns_->read_directory(root_inode, 0, 0, false).error().code, Code::invalid);
  EXPECT_EQ(ns_->read_directory(listing->entries[0].inode, 0, 10, false).error().code, Code::not_directory);
}

TEST_F(Entries, PathsAreResolvedWithoutFollowingLinks) {
  const InodeId d = make(directory(root_inode, "d"));
  const InodeId e = make(directory(d, "e"));
  auto link = file(root_inode, "s", S_IFLNK | 0777);
  link.target = "d";
  make(link);
  EXPECT_EQ(*ns_->resolve("/"), root_inode);
  EXPECT_EQ(*ns_->resolve("/d/e"), e);
  EXPECT_EQ(*ns_->resolve("//d//e/"), e);
  EXPECT_EQ(ns_->resolve("/d/x").error().code, Code::no_entry);
  EXPECT_EQ(ns_->resolve("/s/e").error().code, Code::not_directory);
}

}  // namespace
}  // namespace lace::control
