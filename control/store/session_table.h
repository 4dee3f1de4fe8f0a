// Sessions, their slots, and the storage servers of the cluster.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/db/database.h"
#include "control/namespace/records.h"

namespace lace::control {

// All sessions are in memory too: every commit asks for one.
class SessionTable {
 public:
  explicit SessionTable(db::Database& database);

  const SessionRecord* find(SessionId session) const;
  std::vector<SessionRecord> list() const;  // by id
  void insert(const SessionRecord& record);
  bool erase(SessionId session);  // whether it was there
  void reload();

 private:
  std::unordered_map<uint64_t, SessionRecord> sessions_;
  db::Statement list_;
  db::Statement insert_;
  db::Statement insert_process_;
  db::Statement insert_leases_;
  db::Statement erase_;
  db::Statement erase_process_;
  db::Statement erase_leases_;
};

// The last commit of each slot: its number, and what is needed to answer it again (see namespace/slot_record.h).
class SlotTable {
 public:
  explicit SlotTable(db::Database& database);

  uint64_t number(SessionId session, uint32_t slot);  // 0: none yet
  std::string record(SessionId session, uint32_t slot);
  void set(SessionId session, uint32_t slot, uint64_t number, std::string_view record);
  void erase(SessionId session);

 private:
  db::Statement number_;
  db::Statement record_;
  db::Statement set_;
  db::Statement erase_;
};

class ServerTable {
 public:
  explicit ServerTable(db::Database& database);

  std::vector<ServerRecord> list();  // by id
  bool exists(const std::string& name);
  void insert(const ServerRecord& record);
  bool update(const ServerRecord& record);  // whether it was there

  void erase(ServerId server);

 private:
  db::Statement list_;
  db::Statement by_name_;
  db::Statement insert_;
  db::Statement update_;
  db::Statement erase_;
};

// Numbers that are set while the cluster runs.
class SettingTable {
 public:
  explicit SettingTable(db::Database& database);

  std::map<std::string, uint64_t> all();
  void set(const std::string& name, uint64_t value);

 private:
  db::Statement all_;
  db::Statement set_;
};

}  // namespace lace::control
