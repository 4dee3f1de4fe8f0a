#include "control/store/consistency.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "control/store/rules.h"

namespace lace::control {
namespace {

class Findings {
 public:
  void add(uint32_t rule, uint64_t id, const std::string& what) {
    if (++counts_[rule] > most_inconsistencies) return;
    found_.push_back({rule, id, what + ": " + std::to_string(id), remedy_of(rule)});
  }
  std::vector<Inconsistency> take() { return std::move(found_); }

 private:
  std::map<uint32_t, size_t> counts_;
  std::vector<Inconsistency> found_;
};

void check_rule(db::Database& database, uint32_t number, Findings& findings) {
  const Rule& rule = rules()[number];
  db::Statement statement(database, rule.finds, db::Use::occasional);
  auto rows = statement.query();
  while (rows.next()) findings.add(number, rows.number(0), rule.broken);
}

void check_file(db::Database& database, Findings& findings) {
  db::Statement integrity(database, "PRAGMA integrity_check(1)", db::Use::occasional);
  auto rows = integrity.query();
  if (!rows.next() || rows.bytes(0) != "ok") findings.add(special_rules::file, 0, "SQLite: " + rows.text(0));
}

// Extents of one inode after another: overlaps, and `stored`.
void check_stored(db::Database& database, Findings& findings) {
  db::Statement stored(database, "SELECT stored FROM inode WHERE id = ?1", db::Use::occasional);
  uint64_t inode = 0;
  uint64_t pages = 0;
  uint64_t end = 0;
  const auto finish = [&] {
    if (inode == 0) return;
    auto rows = stored.query(inode);
    if (rows.next() && rows.number(0) != pages * page_bytes)
      findings.add(special_rules::stored, inode, "stored is wrong of inode");
  };
  db::Statement all(database, "SELECT inode, offset, length FROM extent ORDER BY inode, offset", db::Use::occasional);
  for (auto rows = all.query(); rows.next();) {
    if (rows.number(0) != inode) {
      finish();
      inode = rows.number(0);
      pages = end = 0;
    }
    const uint64_t offset = rows.number(1);
    if (offset < end) findings.add(special_rules::overlap, inode, "extents overlap in inode");
    const uint64_t first_new = std::max(offset / page_bytes, (end + page_bytes - 1) / page_bytes);
    end = offset + rows.number(2);
    const uint64_t behind = (end + page_bytes - 1) / page_bytes;
    pages += behind - std::min(behind, first_new);
  }
  finish();
}

// Extents of one block after another: how many pages of files use each of its pages, by them and by the table of shared ones.
void check_users(db::Database& database, Findings& findings) {
  std::vector<std::pair<uint64_t, uint64_t>> users(block_pages);  // of the block, by page
  std::set<std::tuple<uint64_t, uint64_t, uint64_t>> uses;        // page, inode, page of it
  uint64_t block = 0;
  db::Statement shared(database, "SELECT first, end, more FROM shared WHERE block = ?1 ORDER BY first", db::Use::occasional);
  const auto finish = [&] {
    if (block == 0) return;
    users.assign(block_pages, {0, 0});
    for (const auto& [page, inode, file_page] : uses) ++users.at(page).first;
    for (auto rows = shared.query(block); rows.next();) {
      for (uint64_t page = rows.number(0); page < std::min(rows.number(1), block_pages); ++page) {
        users.at(page).second += rows.number(2);
      }
    }
    const bool exact = std::all_of(users.begin(), users.end(), [](const auto& page) {
      return page.first == 0 ? page.second == 0 : page.first - 1 == page.second;
    });
    if (!exact) findings.add(special_rules::users, block, "pages have other numbers of users than are noted in block");
    uses.clear();
  };
  db::Statement all(database, "SELECT block, block_offset, length, inode, offset FROM extent ORDER BY block",
                    db::Use::occasional);
  for (auto rows = all.query(); rows.next();) {
    if (rows.number(0) != block) finish();
    block = rows.number(0);
    const uint64_t first = rows.number(1) / page_bytes;
    const uint64_t end = (rows.number(1) + rows.number(2) + page_bytes - 1) / page_bytes;
    for (uint64_t page = first; page < std::min(end, block_pages); ++page) {
      uses.emplace(page, rows.number(3), rows.number(4) / page_bytes + (page - first));
    }
  }
  finish();
}

// The lists in the blocks' rows, and the tables by server.
void check_copies(db::Database& database, Findings& findings) {
  std::set<std::tuple<bool, uint64_t, uint64_t>> listed;  // dropped, server, block
  db::Statement blocks(database, "SELECT id, in_sync, filling, dropped FROM block", db::Use::occasional);
  for (auto rows = blocks.query(); rows.next();) {
    for (const int column : {1, 2, 3}) {
      const std::string_view bytes = rows.bytes(column);
      for (size_t at = 0; at + 4 <= bytes.size(); at += 4) {
        uint64_t server = 0;
        for (size_t i = 0; i < 4; ++i) server |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
        listed.emplace(column == 3, server, rows.number(0));
      }
    }
  }
  std::set<std::tuple<bool, uint64_t, uint64_t>> tables;
  db::Statement copies(database, "SELECT 0, server, block FROM copy UNION ALL SELECT 1, server, block FROM dropped_copy",
                       db::Use::occasional);
  for (auto rows = copies.query(); rows.next();) tables.emplace(rows.number(0) != 0, rows.number(1), rows.number(2));
  if (listed != tables) findings.add(special_rules::copies, 0, "the tables of copies are not what the blocks say");
}

void check_counters(db::Database& database, const Counters& counters, Findings& findings) {
  const auto compare = [&](const char* what, uint64_t counter, const std::string& sql) {
    const auto counted = static_cast<uint64_t>(database.number(sql));
    if (counter == counted) return;
    findings.add(special_rules::counters, counted,
                 std::string("the counter of ") + what + " is " + std::to_string(counter) + ", and there are");
  };
  compare("inodes", counters.inodes, "SELECT count(*) FROM inode");
  compare("orphans", counters.orphans, "SELECT count(*) FROM orphan");
  compare("blocks", counters.blocks, "SELECT count(*) FROM block");
  compare("punches", counters.punches, "SELECT count(*) FROM pending_punch");
  for (size_t copies = 0; copies < counters.in_sync.size(); ++copies) {
    compare("blocks by copies", counters.in_sync.at(copies),
            "SELECT count(*) FROM block WHERE length(in_sync) = " + std::to_string(4 * copies));
  }
}

}  // namespace

std::vector<Inconsistency> find_inconsistencies(
    db::Database& database, const Counters& counters,
    const std::function<void(const std::string& step, size_t number, size_t of)>& on_step) {
  Findings findings;
  const size_t steps = rules().size() + 5;
  const auto step = [&](const std::string& what, size_t number) {
    if (on_step) on_step(what, number, steps);
  };
  for (uint32_t rule = 0; rule < rules().size(); ++rule) {
    step(std::string("whether ") + rules()[rule].broken, rule);
    check_rule(database, rule, findings);
  }
  step("what files store", steps - 5);
  check_stored(database, findings);
  step("who uses pages of blocks", steps - 4);
  check_users(database, findings);
  step("tables of copies", steps - 3);
  check_copies(database, findings);
  step("counters", steps - 2);
  check_counters(database, counters, findings);
  step("the database file", steps - 1);
  check_file(database, findings);
  return findings.take();
}

std::vector<std::string> plans_of_statements(db::Database& database) {
  std::vector<std::string> plans;
  for (const std::string& sql : database.statements()) {
    db::Statement explain(database, ("EXPLAIN QUERY PLAN " + sql).c_str(), db::Use::occasional);
    for (auto rows = explain.query(); rows.next();) plans.push_back(sql + ": " + rows.text(3));
  }
  return plans;
}

}  // namespace lace::control
