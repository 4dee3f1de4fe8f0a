#include "control/ops/mend.h"

#include <sys/stat.h>

#include <map>
#include <set>

#include "control/ops/names.h"
#include "control/store/rules.h"

namespace lace::control {
namespace {

constexpr std::string_view lost_and_found = "lost+found";

uint64_t count(db::Database& database, const char* sql) { return static_cast<uint64_t>(database.number(sql)); }

void run_mends(db::Database& database, std::string_view statements, uint64_t id) {
  while (!statements.empty()) {
    const size_t end = std::min(statements.find(";;"), statements.size());
    db::Statement statement(database, std::string(statements.substr(0, end)).c_str(), db::Use::occasional);
    statement.execute(id);
    statements.remove_prefix(std::min(end + 2, statements.size()));
  }
}

void recount_stored(db::Database& database, uint64_t inode) {
  std::set<uint64_t> pages;
  db::Statement extents(database, "SELECT offset, length FROM extent WHERE inode = ?1", db::Use::occasional);
  for (auto rows = extents.query(inode); rows.next();) {
    const uint64_t end = (rows.number(0) + rows.number(1) + page_bytes - 1) / page_bytes;
    for (uint64_t page = rows.number(0) / page_bytes; page < end; ++page) pages.insert(page);
  }
  db::Statement set(database, "UPDATE inode SET stored = ?2 WHERE id = ?1", db::Use::occasional);
  set.execute(inode, pages.size() * page_bytes);
}

void recount_users(db::Database& database, uint64_t block) {
  std::map<uint64_t, std::set<std::pair<uint64_t, uint64_t>>> users;  // by page
  db::Statement extents(database, "SELECT block_offset, length, inode, offset FROM extent WHERE block = ?1",
                        db::Use::occasional);
  for (auto rows = extents.query(block); rows.next();) {
    const uint64_t first = rows.number(0) / page_bytes;
    const uint64_t end = (rows.number(0) + rows.number(1) + page_bytes - 1) / page_bytes;
    for (uint64_t page = first; page < end; ++page) {
      users[page].emplace(rows.number(2), rows.number(3) / page_bytes + (page - first));
    }
  }
  db::Statement clear(database, "DELETE FROM shared WHERE block = ?1", db::Use::occasional);
  clear.execute(block);
  db::Statement insert(database, "INSERT INTO shared(block, first, end, more) VALUES(?1, ?2, ?3, ?4)", db::Use::occasional);
  for (const auto& [page, of_page] : users) {
    if (of_page.size() > 1) insert.execute(block, page, page + 1, of_page.size() - 1);
  }
}

void recount_counters(db::Database& database, Counters& now) {
  now.inodes = count(database, "SELECT count(*) FROM inode");
  now.orphans = count(database, "SELECT count(*) FROM orphan");
  now.blocks = count(database, "SELECT count(*) FROM block");
  now.punches = count(database, "SELECT count(*) FROM pending_punch");
  for (size_t copies = 0; copies < now.in_sync.size(); ++copies) {
    db::Statement by_copies(database, "SELECT count(*) FROM block WHERE length(in_sync) = ?1", db::Use::occasional);
    auto rows = by_copies.query(4 * copies);
    now.in_sync.at(copies) = rows.next() ? rows.number(0) : 0;
  }
}

InodeId lost_and_found_directory(Store& store) {
  if (const auto found = store.entries.find(root_inode, lost_and_found)) return found->inode;
  const wire::Attributes root = store.inodes.at(root_inode).attributes;
  Inode made;
  wire::Attributes& attributes = made.attributes;
  attributes.inode = InodeId{store.counters.now.next_inode++};
  attributes.mode = S_IFDIR | 0700;
  attributes.links = 2;
  attributes.uid = root.uid;
  attributes.gid = root.gid;
  attributes.accessed = attributes.modified = attributes.changed = attributes.born = root.changed;
  attributes.change = 1;
  made.parent = root_inode;
  store.inodes.insert(made);
  ++store.counters.now.inodes;
  add_entry(store, root_inode, lost_and_found, attributes);
  return attributes.inode;
}

// A file or directory that has links and no name at all.
void give_name(Store& store, InodeId id) {
  const Inode* inode = store.inodes.find(id);
  if (inode == nullptr || inode->attributes.links == 0 || id == root_inode) return;
  db::Statement names(*store.database, "SELECT 1 FROM entry WHERE inode = ?1 LIMIT 1", db::Use::occasional);
  if (names.query(id).next()) return;
  const InodeId directory = lost_and_found_directory(store);
  Inode& found = store.inodes.edit(id);
  found.parent = directory;
  if (!is_directory(found.attributes)) found.attributes.links = 1;
  add_entry(store, directory, "inode-" + std::to_string(raw(id)), found.attributes);
}

}  // namespace

void mend(Store& store, const Inconsistency& inconsistency) {
  db::Database& database = *store.database;
  store.flush();
  const uint32_t rule = inconsistency.rule;
  if (rule < rules().size() && rules()[rule].mends != nullptr) run_mends(database, rules()[rule].mends, inconsistency.id);
  if (rule < rules().size() && rules()[rule].finds_nameless) give_name(store, InodeId{inconsistency.id});
  if (rule == special_rules::stored) recount_stored(database, inconsistency.id);
  if (rule == special_rules::users) recount_users(database, inconsistency.id);
  if (rule == special_rules::counters) recount_counters(database, store.counters.now);
  store.flush();
  store.inodes.forget();
  store.blocks.forget();
  store.shared.reload();
}

}  // namespace lace::control
