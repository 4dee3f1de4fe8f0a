#include "control/store/session_table.h"

#include <algorithm>

namespace lace::control {

SessionTable::SessionTable(db::Database& database)
    : list_(database,
            "SELECT id, host, mount_point, process, subtree, root, read_only, key, place, started, l.session "
            "FROM session LEFT JOIN session_process p ON p.session = id LEFT JOIN session_with_leases l ON l.session = id "
            "WHERE id > 0 ORDER BY id"),
      insert_(database,
              "INSERT INTO session(id, host, mount_point, process, subtree, root, read_only, key) "
              "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
      insert_process_(database, "INSERT INTO session_process(session, place, started) VALUES(?1, ?2, ?3)"),
      insert_leases_(database, "INSERT INTO session_with_leases(session) VALUES(?1)"),
      erase_(database, "DELETE FROM session WHERE id = ?1"),
      erase_process_(database, "DELETE FROM session_process WHERE session = ?1"),
      erase_leases_(database, "DELETE FROM session_with_leases WHERE session = ?1") {
  reload();
}

const SessionRecord* SessionTable::find(SessionId session) const {
  const auto found = sessions_.find(raw(session));
  return found == sessions_.end() ? nullptr : &found->second;
}

std::vector<SessionRecord> SessionTable::list() const {
  std::vector<SessionRecord> records;
  for (const auto& [id, record] : sessions_) records.push_back(record);
  std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return raw(a.session) < raw(b.session); });
  return records;
}

void SessionTable::insert(const SessionRecord& record) {
  insert_.execute(record.session, record.host, record.mount_point, record.process, record.subtree, record.root,
                  record.read_only, record.key);
  if (!record.process_where.empty()) {
    insert_process_.execute(record.session, record.process_where, record.process_started);
  }
  if (record.leases) insert_leases_.execute(record.session);
  sessions_[raw(record.session)] = record;
}

bool SessionTable::erase(SessionId session) {
  sessions_.erase(raw(session));
  erase_process_.execute(session);
  erase_leases_.execute(session);
  return erase_.execute(session) > 0;
}

void SessionTable::reload() {
  sessions_.clear();
  auto rows = list_.query();
  while (rows.next()) {
    SessionRecord record{rows.number<SessionId>(0),
                         rows.text(1),
                         rows.text(2),
                         rows.number<uint32_t>(3),
                         rows.text(4),
                         rows.number<InodeId>(5),
                         rows.number(6) != 0,
                         rows.text(7),
                         rows.text(8),
                         rows.number(9),
                         rows.number(10) != 0};
    sessions_[raw(record.session)] = std::move(record);
  }
}

SlotTable::SlotTable(db::Database& database)
    : number_(database, "SELECT number FROM slot WHERE session = ?1 AND slot = ?2"),
      record_(database, "SELECT record FROM slot WHERE session = ?1 AND slot = ?2"),
      set_(database,
           "INSERT INTO slot(session, slot, number, record) VALUES(?1, ?2, ?3, ?4) "
           "ON CONFLICT(session, slot) DO UPDATE SET number = excluded.number, record = excluded.record"),
      erase_(database, "DELETE FROM slot WHERE session = ?1") {}

uint64_t SlotTable::number(SessionId session, uint32_t slot) {
  auto rows = number_.query(session, slot);
  return rows.next() ? rows.number(0) : 0;
}

std::string SlotTable::record(SessionId session, uint32_t slot) {
  auto rows = record_.query(session, slot);
  return rows.next() ? rows.text(0) : std::string();
}

void SlotTable::set(SessionId session, uint32_t slot, uint64_t number, std::string_view record) {
  set_.execute(session, slot, number, record);
}

void SlotTable::erase(SessionId session) { erase_.execute(session); }

ServerTable::ServerTable(db::Database& database)
    : list_(database, "SELECT id, name, url, key, draining FROM server WHERE id > 0 ORDER BY id"),
      by_name_(database, "SELECT 1 FROM server WHERE name = ?1"),
      insert_(database, "INSERT INTO server(id, name, url, key, draining) VALUES(?1, ?2, ?3, ?4, ?5)"),
      update_(database, "UPDATE server SET name = ?2, url = ?3, key = ?4, draining = ?5 WHERE id = ?1"),
      erase_(database, "DELETE FROM server WHERE id = ?1") {}

std::vector<ServerRecord> ServerTable::list() {
  std::vector<ServerRecord> records;
  auto rows = list_.query();
  while (rows.next()) {
    records.push_back({rows.number<ServerId>(0), rows.text(1), {rows.text(2), rows.text(3)}, rows.number(4) != 0});
  }
  return records;
}

bool ServerTable::exists(const std::string& name) { return by_name_.query(name).next(); }

void ServerTable::insert(const ServerRecord& record) {
  insert_.execute(record.server, record.name, record.endpoint.url, record.endpoint.key, record.draining);
}

bool ServerTable::update(const ServerRecord& record) {
  return update_.execute(record.server, record.name, record.endpoint.url, record.endpoint.key, record.draining) > 0;
}

void ServerTable::erase(ServerId server) { erase_.execute(server); }

SettingTable::SettingTable(db::Database& database)
    : all_(database, "SELECT name, value FROM setting WHERE name > '' ORDER BY name"),
      set_(database,
           "INSERT INTO setting(name, value) VALUES(CAST(?1 AS TEXT), ?2) ON CONFLICT(name) DO UPDATE SET value = "
           "excluded.value") {}

std::map<std::string, uint64_t> SettingTable::all() {
  std::map<std::string, uint64_t> settings;
  auto rows = all_.query();
  while (rows.next()) settings[rows.text(0)] = rows.number(1);
  return settings;
}

void SettingTable::set(const std::string& name, uint64_t value) { set_.execute(std::string_view(name), value); }

}  // namespace lace::control
