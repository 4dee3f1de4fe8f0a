#include "control/store/attribute_tables.h"

namespace lace::control {

XattrTable::XattrTable(db::Database& database)
    : get_(database, "SELECT value FROM xattr WHERE inode = ?1 AND name = ?2"),
      set_(database,
           "INSERT INTO xattr(inode, name, value) VALUES(?1, ?2, ?3) "
           "ON CONFLICT(inode, name) DO UPDATE SET value = excluded.value"),
      erase_(database, "DELETE FROM xattr WHERE inode = ?1 AND name = ?2"),
      erase_all_(database, "DELETE FROM xattr WHERE inode = ?1"),
      names_(database, "SELECT name FROM xattr WHERE inode = ?1 ORDER BY name"),
      total_(database, "SELECT count(*), total(length(name)), total(length(value)) FROM xattr WHERE inode = ?1") {}

std::optional<std::string> XattrTable::get(InodeId inode, std::string_view name) {
  auto rows = get_.query(inode, name);
  if (!rows.next()) return std::nullopt;
  return rows.text(0);
}

void XattrTable::set(InodeId inode, std::string_view name, std::string_view value) { set_.execute(inode, name, value); }

bool XattrTable::erase(InodeId inode, std::string_view name) { return erase_.execute(inode, name) > 0; }

void XattrTable::erase_all(InodeId inode) { erase_all_.execute(inode); }

std::vector<std::string> XattrTable::names(InodeId inode) {
  std::vector<std::string> found;
  auto rows = names_.query(inode);
  while (rows.next()) found.push_back(rows.text(0));
  return found;
}

XattrTable::Total XattrTable::total(InodeId inode) {
  auto rows = total_.query(inode);
  if (!rows.next()) return {};
  return {rows.number(0), rows.number(1), rows.number(2)};
}

SymlinkTable::SymlinkTable(db::Database& database)
    : get_(database, "SELECT target FROM symlink WHERE inode = ?1"),
      insert_(database, "INSERT INTO symlink(inode, target) VALUES(?1, ?2)"),
      erase_(database, "DELETE FROM symlink WHERE inode = ?1") {}

std::optional<std::string> SymlinkTable::get(InodeId inode) {
  auto rows = get_.query(inode);
  if (!rows.next()) return std::nullopt;
  return rows.text(0);
}

void SymlinkTable::insert(InodeId inode, std::string_view target) { insert_.execute(inode, target); }

void SymlinkTable::erase(InodeId inode) { erase_.execute(inode); }

OrphanTable::OrphanTable(db::Database& database)
    : insert_(database, "INSERT INTO orphan(inode) VALUES(?1)"),
      erase_(database, "DELETE FROM orphan WHERE inode = ?1"),
      list_(database, "SELECT inode FROM orphan WHERE inode > ?1 ORDER BY inode LIMIT ?2") {}

void OrphanTable::insert(InodeId inode) { insert_.execute(inode); }

bool OrphanTable::erase(InodeId inode) { return erase_.execute(inode) > 0; }

std::vector<InodeId> OrphanTable::list(InodeId after, uint32_t limit) {
  std::vector<InodeId> found;
  auto rows = list_.query(after, limit);
  while (rows.next()) found.push_back(rows.number<InodeId>(0));
  return found;
}

}  // namespace lace::control
