// What inodes have besides their rows: extended attributes, targets of symbolic links, and whether they lost their name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/db/database.h"

namespace lace::control {

class XattrTable {
 public:
  explicit XattrTable(db::Database& database);

  std::optional<std::string> get(InodeId inode, std::string_view name);
  void set(InodeId inode, std::string_view name, std::string_view value);
  bool erase(InodeId inode, std::string_view name);  // whether it was there
  void erase_all(InodeId inode);
  std::vector<std::string> names(InodeId inode);
  struct Total {
    uint64_t count = 0;
    uint64_t name_bytes = 0;
    uint64_t value_bytes = 0;
  };
  Total total(InodeId inode);

 private:
  db::Statement get_;
  db::Statement set_;
  db::Statement erase_;
  db::Statement erase_all_;
  db::Statement names_;
  db::Statement total_;
};

class SymlinkTable {
 public:
  explicit SymlinkTable(db::Database& database);

  std::optional<std::string> get(InodeId inode);
  void insert(InodeId inode, std::string_view target);
  void erase(InodeId inode);

 private:
  db::Statement get_;
  db::Statement insert_;
  db::Statement erase_;
};

class OrphanTable {
 public:
  explicit OrphanTable(db::Database& database);

  void insert(InodeId inode);
  bool erase(InodeId inode);  // whether it was there
  std::vector<InodeId> list(InodeId after, uint32_t limit);

 private:
  db::Statement insert_;
  db::Statement erase_;
  db::Statement list_;
};

}  // namespace lace::control
