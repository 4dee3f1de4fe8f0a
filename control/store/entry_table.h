// Directory entries, in order of creation and by name; and where files with several names have them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/db/database.h"
#include "common/wire/control_messages.h"

namespace lace::control {

struct Entry {
  InodeId inode{};
  uint8_t type = 0;  // DT_REG, DT_DIR, ...
  uint64_t cookie = 0;
};

class EntryTable {
 public:
  explicit EntryTable(db::Database& database);

  std::optional<Entry> find(InodeId parent, std::string_view name);
  void insert(InodeId parent, std::string_view name, const Entry& entry);
  // Another inode under the same name: it keeps its place in the order.
  void replace(InodeId parent, std::string_view name, InodeId inode, uint8_t type);
  void erase(InodeId parent, std::string_view name);
  // Entries behind `cookie`, without attributes.
  std::vector<wire::DirectoryEntry> list(InodeId parent, uint64_t cookie, uint32_t limit);
  std::optional<std::string> name_of(InodeId parent, InodeId inode);  // one of them; looks through the directory

 private:
  db::Statement find_;
  db::Statement insert_;
  db::Statement replace_;
  db::Statement erase_;
  db::Statement list_;
  db::Statement name_of_;
};

// Rows exist for inodes with two names or more: how many of them each directory holds.
class HardlinkTable {
 public:
  explicit HardlinkTable(db::Database& database);

  void add(InodeId inode, InodeId parent, uint32_t names = 1);
  void take(InodeId inode, InodeId parent);  // one name less
  std::vector<InodeId> parents(InodeId inode, uint32_t limit);
  void erase(InodeId inode);

 private:
  db::Statement add_;
  db::Statement take_;
  db::Statement drop_empty_;
  db::Statement parents_;
  db::Statement erase_;
};

}  // namespace lace::control
