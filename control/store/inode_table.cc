#include "control/store/inode_table.h"

#include <algorithm>

#include "common/base/check.h"

namespace lace::control {
namespace {

constexpr size_t most_kept = 16'384;  // about 5 MiB
constexpr uint64_t acl_flag = 1;
constexpr uint64_t xattr_flag = 2;
constexpr uint64_t frozen_flag = 4;

FileTime time_of(const db::Rows& row, int column) { return {row.signed_number(column), row.number<uint32_t>(column + 1)}; }

void fill(const db::Rows& row, InodeId inode, wire::Attributes& into) {
  into.inode = inode;
  into.mode = row.number<uint32_t>(0);
  into.links = row.number<uint32_t>(1);
  into.uid = row.number<uint32_t>(2);
  into.gid = row.number<uint32_t>(3);
  into.device = row.number<uint32_t>(4);
  into.size = row.number(5);
  into.stored = row.number(6);
  into.accessed = time_of(row, 7);
  into.modified = time_of(row, 9);
  into.changed = time_of(row, 11);
  into.born = time_of(row, 13);
  into.change = row.number(15);
  into.layout = row.number(16);
  into.has_acl = (row.number(17) & acl_flag) != 0;
  into.has_xattr = (row.number(17) & xattr_flag) != 0;
  into.frozen = (row.number(17) & frozen_flag) != 0;
}

}  // namespace

InodeTable::InodeTable(db::Database& database)
    : get_(database,
           "SELECT mode, links, uid, gid, device, size, stored, accessed, accessed_nanos, modified, modified_nanos, changed, "
           "changed_nanos, born, born_nanos, change, layout, attributes, parent FROM inode WHERE id = ?1"),
      list_(database,
            "SELECT mode, links, uid, gid, device, size, stored, accessed, accessed_nanos, modified, modified_nanos, changed, "
            "changed_nanos, born, born_nanos, change, layout, attributes, e.name, e.cookie, e.inode, e.type "
            "FROM entry e LEFT JOIN inode i ON i.id = e.inode "
            "WHERE e.parent = ?1 AND e.cookie > ?2 ORDER BY e.cookie LIMIT ?3"),
      insert_(database,
              "INSERT INTO inode(id, mode, links, uid, gid, device, size, stored, accessed, accessed_nanos, modified, "
              "modified_nanos, changed, changed_nanos, born, born_nanos, change, layout, attributes, parent) "
              "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)"),
      update_(database,
              "UPDATE inode SET mode = ?2, links = ?3, uid = ?4, gid = ?5, device = ?6, size = ?7, stored = ?8, accessed = ?9, "
              "accessed_nanos = ?10, modified = ?11, modified_nanos = ?12, changed = ?13, changed_nanos = ?14, born = ?15, "
              "born_nanos = ?16, change = ?17, layout = ?18, attributes = ?19, parent = ?20 WHERE id = ?1"),
      erase_(database, "DELETE FROM inode WHERE id = ?1") {}

const Inode* InodeTable::find(InodeId inode) {
  if (const auto kept = kept_.find(raw(inode)); kept != kept_.end()) return &kept->second.inode;
  auto rows = get_.query(inode);
  if (!rows.next()) return nullptr;
  Inode& found = kept_[raw(inode)].inode;
  fill(rows, inode, found.attributes);
  found.parent = rows.number<InodeId>(18);
  return &found;
}

const Inode& InodeTable::at(InodeId inode) {
  const Inode* found = find(inode);
  if (found != nullptr) return *found;
  throw db::Failure({Code::corrupt, "the namespace speaks of inode " + std::to_string(raw(inode)) +
                                        ", which is missing; restore the database from a copy"});
}

bool InodeTable::read(InodeId inode, wire::Attributes& into) {
  if (const auto kept = kept_.find(raw(inode)); kept != kept_.end()) {
    into = kept->second.inode.attributes;
    return true;
  }
  auto rows = get_.query(inode);
  if (!rows.next()) return false;
  fill(rows, inode, into);
  return true;
}

std::vector<wire::DirectoryEntry> InodeTable::list(InodeId parent, uint64_t cookie, uint32_t limit) {
  std::vector<wire::DirectoryEntry> entries;
  if (cookie > INT64_MAX) return entries;  // SQLite's integers are signed; nothing is behind it
  auto rows = list_.query(parent, cookie, limit);
  while (rows.next()) {
    auto& entry = entries.emplace_back();
    entry.name = rows.text(18);
    entry.cookie = rows.number(19);
    entry.inode = rows.number<InodeId>(20);
    entry.type = rows.number<uint8_t>(21);
    // What this transaction has changed is not in the rows yet.
    const auto kept = changed_.empty() ? kept_.end() : kept_.find(raw(entry.inode));
    if (kept != kept_.end()) {
      entry.attributes = kept->second.inode.attributes;
    } else if (rows.number(0) != 0) {  // without a mode there is no such inode: the database is damaged
      fill(rows, entry.inode, entry.attributes);
    }
  }
  return entries;
}

Inode& InodeTable::edit(InodeId inode) {
  at(inode);
  Kept& kept = kept_[raw(inode)];
  if (!kept.changed) changed_.push_back(raw(inode));
  kept.changed = true;
  return kept.inode;
}

const Inode& InodeTable::insert(const Inode& inode) {
  const auto [place, fresh] = kept_.try_emplace(raw(inode.attributes.inode), Kept{inode, true, true});
  CHECK(fresh);
  changed_.push_back(place->first);
  return place->second.inode;
}

void InodeTable::erase(InodeId inode) {
  const auto kept = kept_.find(raw(inode));
  const bool stored = kept == kept_.end() || !kept->second.is_new;
  if (kept != kept_.end()) kept_.erase(kept);
  if (stored) erase_.execute(inode);
}

void InodeTable::store(const Kept& kept) {
  const wire::Attributes& a = kept.inode.attributes;
  const uint64_t flags = (a.has_acl ? acl_flag : 0) | (a.has_xattr ? xattr_flag : 0) | (a.frozen ? frozen_flag : 0);
  (kept.is_new ? insert_ : update_)
      .execute(a.inode, a.mode, a.links, a.uid, a.gid, a.device, a.size, a.stored, a.accessed.seconds, a.accessed.nanos,
               a.modified.seconds, a.modified.nanos, a.changed.seconds, a.changed.nanos, a.born.seconds, a.born.nanos, a.change,
               a.layout, flags, kept.inode.parent);
}

void InodeTable::flush() {
  std::sort(changed_.begin(), changed_.end());  // new ones are appended to the tree, which is fast in order
  for (const uint64_t id : changed_) {
    const auto kept = kept_.find(id);
    if (kept == kept_.end() || !kept->second.changed) continue;
    store(kept->second);
    kept->second.is_new = false;
    kept->second.changed = false;
  }
  changed_.clear();
}

void InodeTable::trim() {
  if (kept_.size() < most_kept) return;
  flush();
  kept_.clear();
}

void InodeTable::forget() {
  kept_.clear();
  changed_.clear();
}

}  // namespace lace::control
