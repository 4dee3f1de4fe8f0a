// The store on one page: the tables of the namespace, over one database. All SQL is in this folder; the rules are not.
#pragma once

#include <memory>

#include "control/store/attribute_tables.h"
#include "control/store/block_table.h"
#include "control/store/change_log.h"
#include "control/store/counters.h"
#include "control/store/entry_table.h"
#include "control/store/extent_table.h"
#include "control/store/inode_table.h"
#include "control/store/pending_table.h"
#include "control/store/placed_table.h"
#include "control/store/session_table.h"
#include "control/store/shared_table.h"

namespace lace::control {

struct Store {
  explicit Store(std::unique_ptr<db::Database> opened, uint64_t log_bytes = 0, bool of_group = false)
      : grouped(of_group),
        database(std::move(opened)),
        counters(*database),
        inodes(*database),
        entries(*database),
        hardlinks(*database),
        xattrs(*database),
        symlinks(*database),
        orphans(*database),
        extents(*database),
        blocks(*database, counters.now),
        placed(*database),
        shared(*database),
        punches(*database, counters.now),
        deletes(*database),
        sessions(*database),
        slots(*database),
        servers(*database),
        settings(*database),
        log(*database, log_bytes) {}

  const bool grouped;                      // other members follow: transactions travel
  std::unique_ptr<db::Database> database;  // first: the tables' statements end before it
  CounterTable counters;
  InodeTable inodes;
  EntryTable entries;
  HardlinkTable hardlinks;
  XattrTable xattrs;
  SymlinkTable symlinks;
  OrphanTable orphans;
  ExtentTable extents;
  BlockTable blocks;
  PlacedTable placed;
  SharedTable shared;
  PunchTable punches;
  DeleteTable deletes;
  SessionTable sessions;
  SlotTable slots;
  ServerTable servers;
  SettingTable settings;
  ChangeLog log;

  void flush() {  // before the transaction ends
    inodes.flush();
    blocks.flush();
    counters.flush();
  }
  void trim() {  // between operations
    inodes.trim();
    blocks.trim();
  }
  void forget() {  // after a rollback, and when another member's changes were applied
    inodes.forget();
    blocks.forget();
    counters.reload();
    sessions.reload();
    shared.reload();
  }
};

}  // namespace lace::control
