#include "control/store/entry_table.h"

#include "common/base/check.h"

namespace lace::control {

EntryTable::EntryTable(db::Database& database)
    : find_(database, "SELECT inode, type, cookie FROM entry WHERE parent = ?1 AND name = ?2"),
      insert_(database, "INSERT INTO entry(parent, name, inode, type, cookie) VALUES(?1, ?2, ?3, ?4, ?5)"),
      replace_(database, "UPDATE entry SET inode = ?3, type = ?4 WHERE parent = ?1 AND name = ?2"),
      erase_(database, "DELETE FROM entry WHERE parent = ?1 AND name = ?2"),
      list_(database, "SELECT name, cookie, inode, type FROM entry WHERE parent = ?1 AND cookie > ?2 ORDER BY cookie LIMIT ?3"),
      name_of_(database, "SELECT name FROM entry WHERE parent = ?1 AND inode = ?2 LIMIT 1") {}

std::optional<Entry> EntryTable::find(InodeId parent, std::string_view name) {
  auto rows = find_.query(parent, name);
  if (!rows.next()) return std::nullopt;
  return Entry{rows.number<InodeId>(0), rows.number<uint8_t>(1), rows.number(2)};
}

void EntryTable::insert(InodeId parent, std::string_view name, const Entry& entry) {
  insert_.execute(parent, name, entry.inode, entry.type, entry.cookie);
}

void EntryTable::replace(InodeId parent, std::string_view name, InodeId inode, uint8_t type) {
  CHECK(replace_.execute(parent, name, inode, type) == 1);
}

void EntryTable::erase(InodeId parent, std::string_view name) { CHECK(erase_.execute(parent, name) == 1); }

std::vector<wire::DirectoryEntry> EntryTable::list(InodeId parent, uint64_t cookie, uint32_t limit) {
  std::vector<wire::DirectoryEntry> entries;
  if (cookie > INT64_MAX) return entries;  // SQLite's integers are signed; nothing is behind it
  auto rows = list_.query(parent, cookie, limit);
  while (rows.next()) {
    auto& entry = entries.emplace_back();
    entry.name = rows.text(0);
    entry.cookie = rows.number(1);
    entry.inode = rows.number<InodeId>(2);
    entry.type = rows.number<uint8_t>(3);
  }
  return entries;
}

std::optional<std::string> EntryTable::name_of(InodeId parent, InodeId inode) {
  auto rows = name_of_.query(parent, inode);
  if (!rows.next()) return std::nullopt;
  return rows.text(0);
}

HardlinkTable::HardlinkTable(db::Database& database)
    : add_(database,
           "INSERT INTO hardlink(inode, parent, names) VALUES(?1, ?2, ?3) "
           "ON CONFLICT(inode, parent) DO UPDATE SET names = names + excluded.names"),
      take_(database, "UPDATE hardlink SET names = names - 1 WHERE inode = ?1 AND parent = ?2"),
      drop_empty_(database, "DELETE FROM hardlink WHERE inode = ?1 AND parent = ?2 AND names = 0"),
      parents_(database, "SELECT parent FROM hardlink WHERE inode = ?1 ORDER BY parent LIMIT ?2"),
      erase_(database, "DELETE FROM hardlink WHERE inode = ?1") {}

void HardlinkTable::add(InodeId inode, InodeId parent, uint32_t names) { add_.execute(inode, parent, names); }

void HardlinkTable::take(InodeId inode, InodeId parent) {
  CHECK(take_.execute(inode, parent) == 1);
  drop_empty_.execute(inode, parent);
}

std::vector<InodeId> HardlinkTable::parents(InodeId inode, uint32_t limit) {
  std::vector<InodeId> found;
  auto rows = parents_.query(inode, limit);
  while (rows.next()) found.push_back(rows.number<InodeId>(0));
  return found;
}

void HardlinkTable::erase(InodeId inode) { erase_.execute(inode); }

}  // namespace lace::control
