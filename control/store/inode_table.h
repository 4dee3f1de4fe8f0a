// Inodes. Rows in use are kept in memory and changes to them are written when the transaction ends, because a directory in
// which a thousand files are made changes a thousand times, and a new file is made, changed and written in one commit.
#pragma once

#include <unordered_map>
#include <vector>

#include "common/db/database.h"
#include "common/wire/control_messages.h"

namespace lace::control {

struct Inode {
  wire::Attributes attributes;  // of a directory, `size` is the number of its entries
  InodeId parent{};             // where it has its name (see schema.cc)
};

class InodeTable {
 public:
  explicit InodeTable(db::Database& database);

  // The pointer is good until trim() or forget(); nullptr: no such inode.
  const Inode* find(InodeId inode);
  const Inode& at(InodeId inode);  // of which an entry speaks; none: the database is damaged
  // The same, for many inodes of which none will be asked for again: leaves no trace in memory.
  bool read(InodeId inode, wire::Attributes& into);
  // Entries of a directory behind `cookie`, with attributes: one statement for all of them, because a question for each inode
  // costs twice as much.
  std::vector<wire::DirectoryEntry> list(InodeId parent, uint64_t cookie, uint32_t limit);
  // To be changed; it exists.
  Inode& edit(InodeId inode);
  const Inode& insert(const Inode& inode);
  void erase(InodeId inode);

  void flush();   // stores what changed
  void trim();    // between operations: keeps memory bounded
  void forget();  // after a rollback

 private:
  struct Kept {
    Inode inode;
    bool is_new = false;
    bool changed = false;
  };
  void store(const Kept& kept);

  std::unordered_map<uint64_t, Kept> kept_;
  std::vector<uint64_t> changed_;  // ids of those that are `changed`; may name some that were erased
  db::Statement get_;
  db::Statement list_;
  db::Statement insert_;
  db::Statement update_;
  db::Statement erase_;
};

}  // namespace lace::control
