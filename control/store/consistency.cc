#include "control/store/consistency.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace lace::control {
namespace {

// A statement that finds what must not be: its first column is an example's id.
struct Rule {
  const char* broken;  // what it means when it finds something
  const char* finds;
};

// 61440 is S_IFMT, 16384 S_IFDIR, 40960 S_IFLNK; an entry's type is the mode's upper four bits.
constexpr Rule rules[] = {
    {"an entry names an inode that is missing",
     "SELECT e.inode FROM entry e LEFT JOIN inode i ON i.id = e.inode WHERE i.id IS NULL"},
    {"an entry lies in what is no directory",
     "SELECT e.inode FROM entry e LEFT JOIN inode i ON i.id = e.parent WHERE i.id IS NULL OR i.mode & 61440 <> 16384"},
    {"an entry's type is not its inode's",
     "SELECT i.id FROM entry e JOIN inode i ON i.id = e.inode WHERE e.type <> (i.mode >> 12)"},
    {"a directory's size is not the number of its entries",
     "SELECT i.id FROM inode i WHERE i.mode & 61440 = 16384 AND i.size <> (SELECT count(*) FROM entry e WHERE e.parent = "
     "i.id)"},
    {"a directory's links are not 2 and its subdirectories",
     "SELECT i.id FROM inode i WHERE i.mode & 61440 = 16384 AND i.links <> 0 AND "
     "i.links <> 2 + (SELECT count(*) FROM entry e WHERE e.parent = i.id AND e.type = 4)"},
    {"a file's links are not its names",
     "SELECT i.id FROM inode i LEFT JOIN (SELECT inode, count(*) AS names FROM entry GROUP BY inode) n ON n.inode = i.id "
     "WHERE i.mode & 61440 <> 16384 AND i.links <> coalesce(n.names, 0)"},
    {"a directory has not exactly one name",
     "SELECT i.id FROM inode i LEFT JOIN (SELECT inode, count(*) AS names FROM entry GROUP BY inode) n ON n.inode = i.id "
     "WHERE i.mode & 61440 = 16384 AND i.id <> 1 AND coalesce(n.names, 0) <> (i.links > 0)"},
    {"an inode with one name has another parent than its name",
     "SELECT i.id FROM inode i JOIN entry e ON e.inode = i.id WHERE (i.links = 1 OR i.mode & 61440 = 16384) AND i.parent <> "
     "e.parent"},
    {"the places of a file's names are wrong",
     "SELECT i.id FROM inode i JOIN (SELECT inode, parent, count(*) AS names FROM entry GROUP BY inode, parent) n ON n.inode = "
     "i.id "
     "LEFT JOIN hardlink h ON h.inode = i.id AND h.parent = n.parent "
     "WHERE i.mode & 61440 <> 16384 AND i.links > 1 AND coalesce(h.names, 0) <> n.names"},
    {"places of names are kept of a file that has one or none",
     "SELECT h.inode FROM hardlink h LEFT JOIN inode i ON i.id = h.inode WHERE coalesce(i.links, 0) < 2"},
    {"an inode without a name is no orphan, or an orphan has one",
     "SELECT i.id FROM inode i LEFT JOIN orphan o ON o.inode = i.id WHERE (i.links = 0) <> (o.inode IS NOT NULL)"},
    {"an orphan is missing", "SELECT o.inode FROM orphan o LEFT JOIN inode i ON i.id = o.inode WHERE i.id IS NULL"},
    {"a symbolic link has no target, or its size is wrong",
     "SELECT i.id FROM inode i LEFT JOIN symlink s ON s.inode = i.id "
     "WHERE i.mode & 61440 = 40960 AND coalesce(length(s.target), 0) <> i.size"},
    {"a target belongs to no symbolic link",
     "SELECT s.inode FROM symlink s LEFT JOIN inode i ON i.id = s.inode WHERE coalesce(i.mode & 61440, 0) <> 40960"},
    {"a page that a file has in a block of a confined session is noted as free",
     "SELECT e.block FROM extent e JOIN block b ON b.id = e.block JOIN session s ON s.id = b.session WHERE s.root <> 1 AND NOT "
     "EXISTS(SELECT 1 FROM placed p WHERE p.block = e.block AND p.first * 4096 <= e.block_offset AND p.end * 4096 >= "
     "e.block_offset + e.length)"},
    {"pages are noted of a block that is no session's",
     "SELECT p.block FROM placed p LEFT JOIN block b ON b.id = p.block WHERE coalesce(b.session, 0) = 0"},
    {"an attribute belongs to an inode that says it has none",
     "SELECT x.inode FROM xattr x LEFT JOIN inode i ON i.id = x.inode WHERE coalesce(i.attributes & 2, 0) = 0"},
    {"an inode says it has attributes and has none",
     "SELECT i.id FROM inode i WHERE i.attributes & 2 <> 0 AND NOT EXISTS(SELECT 1 FROM xattr x WHERE x.inode = i.id)"},
    {"an inode is wrong about having an ACL",
     "SELECT i.id FROM inode i WHERE (i.attributes & 1 <> 0) <> EXISTS(SELECT 1 FROM xattr x WHERE x.inode = i.id AND "
     "x.name IN (CAST('system.posix_acl_access' AS BLOB), CAST('system.posix_acl_default' AS BLOB)))"},
    {"an extent belongs to no file",
     "SELECT x.inode FROM extent x LEFT JOIN inode i ON i.id = x.inode "
     "WHERE coalesce(i.mode & 61440, 0) <> 32768"},
    {"an extent points outside of a block",
     "SELECT x.inode FROM extent x LEFT JOIN block b ON b.id = x.block "
     "WHERE b.id IS NULL OR x.length <= 0 OR x.block_offset + x.length > 67108864"},
    {"an extent does not lie on pages as its block", "SELECT inode FROM extent WHERE offset % 4096 <> block_offset % 4096"},
    {"a block's references are not its extents",
     "SELECT b.id FROM block b LEFT JOIN (SELECT block, count(*) AS refs FROM extent GROUP BY block) x ON x.block = b.id "
     "WHERE b.refs <> coalesce(x.refs, 0)"},
    {"a block is of no use to anyone", "SELECT id FROM block WHERE refs = 0 AND session = 0"},
    {"a block is a session's that has ended",
     "SELECT b.id FROM block b LEFT JOIN session s ON s.id = b.session WHERE b.session <> 0 AND s.id IS NULL"},
    {"a slot is of a session that has ended",
     "SELECT t.session FROM slot t LEFT JOIN session s ON s.id = t.session WHERE s.id IS NULL"},
    {"a punch is of a block that is gone",
     "SELECT p.block FROM pending_punch p LEFT JOIN block b ON b.id = p.block WHERE b.id IS NULL"},
    {"a punch is not of whole pages",
     "SELECT id FROM pending_punch WHERE offset % 4096 <> 0 OR length % 4096 <> 0 OR length <= 0 OR offset + length > "
     "67108864"},
    {"an extent points at pages that are to be punched",
     "SELECT x.inode FROM pending_punch p JOIN extent x ON x.block = p.block AND x.block_offset < p.offset + p.length AND "
     "x.block_offset + x.length > p.offset"},
    {"a block that exists is to be deleted", "SELECT b.id FROM pending_delete d JOIN block b ON b.id = d.block"},
    {"an id was not given yet",
     "SELECT id FROM inode WHERE id >= (SELECT next_inode FROM counters) AND id < 4294967296 UNION ALL "
     "SELECT id FROM block WHERE id >= (SELECT next_block FROM counters) UNION ALL "
     "SELECT cookie FROM entry WHERE cookie >= (SELECT next_cookie FROM counters)"},
};

using Findings = std::vector<std::string>;

void check_rules(db::Database& database, Findings& findings) {
  for (const Rule& rule : rules) {
    db::Statement statement(database, rule.finds, db::Use::occasional);
    auto rows = statement.query();
    if (rows.next()) findings.push_back(std::string(rule.broken) + ": " + std::to_string(rows.number(0)));
  }
  db::Statement integrity(database, "PRAGMA integrity_check(1)", db::Use::occasional);
  auto rows = integrity.query();
  if (!rows.next() || rows.bytes(0) != "ok") findings.push_back("SQLite: " + rows.text(0));
}

using BlockPage = std::pair<uint64_t, uint64_t>;  // block, page of it

// How often pages of blocks are used, by the table of shared ones.
std::map<BlockPage, uint64_t> shared_users(db::Database& database, Findings& findings) {
  std::map<BlockPage, uint64_t> users;
  db::Statement all(database, "SELECT block, first, end, more FROM shared ORDER BY block, first", db::Use::occasional);
  for (auto rows = all.query(); rows.next();) {
    if (rows.number(3) == 0 || rows.number(1) >= rows.number(2)) findings.push_back("a range of shared pages is empty");
    for (uint64_t page = rows.number(1); page < rows.number(2); ++page) {
      if (!users.emplace(BlockPage{rows.number(0), page}, 1 + rows.number(3)).second) {
        findings.push_back("ranges of shared pages overlap in block " + std::to_string(rows.number(0)));
      }
    }
  }
  return users;
}

// Overlaps, pages used by others than the table of shared ones says, and `stored`.
void check_extents(db::Database& database, Findings& findings) {
  std::map<uint64_t, uint64_t> pages_of_inode;
  std::map<BlockPage, uint64_t> users;  // pages of files that use it
  std::set<BlockPage> of_page;          // the last page of the file
  db::Statement all(database, "SELECT inode, offset, length, block, block_offset FROM extent ORDER BY inode, offset",
                    db::Use::occasional);
  uint64_t inode = 0;
  uint64_t end = 0;
  uint64_t end_page = 0;
  for (auto rows = all.query(); rows.next();) {
    const uint64_t offset = rows.number(1);
    if (rows.number(0) != inode) end = end_page = 0;
    inode = rows.number(0);
    if (offset < end) findings.push_back("extents overlap in inode " + std::to_string(inode));
    end = offset + rows.number(2);
    const uint64_t first_page = offset / page_bytes;
    const uint64_t behind = (end + page_bytes - 1) / page_bytes;
    pages_of_inode[inode] += behind - std::max(first_page, std::min(end_page, behind));
    for (uint64_t page = first_page; page < behind; ++page) {
      if (page >= end_page) of_page.clear();
      const BlockPage place{rows.number(3), rows.number(4) / page_bytes + page - first_page};
      if (of_page.insert(place).second) ++users[place];
    }
    end_page = std::max(end_page, behind);
  }
  const auto shared = shared_users(database, findings);
  for (const auto& [place, count] : users) {
    const auto noted = shared.find(place);
    if (count == (noted == shared.end() ? 1 : noted->second)) continue;
    findings.push_back("a page of block " + std::to_string(place.first) + " has " + std::to_string(count) +
                       " users, not as many as are noted");
  }
  for (const auto& [place, count] : shared) {
    if (!users.contains(place)) findings.push_back("a page is shared that nobody uses: block " + std::to_string(place.first));
  }
  db::Statement inodes(database, "SELECT id, stored FROM inode", db::Use::occasional);
  for (auto rows = inodes.query(); rows.next();) {
    const auto found = pages_of_inode.find(rows.number(0));
    const uint64_t pages = found == pages_of_inode.end() ? 0 : found->second;
    if (rows.number(1) != pages * page_bytes) findings.push_back("stored is wrong of inode " + std::to_string(rows.number(0)));
  }
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
  if (listed != tables) findings.push_back("the tables of copies are not what the blocks say");
}

void check_counters(db::Database& database, const Counters& counters, Findings& findings) {
  const auto compare = [&](const char* what, uint64_t counter, const std::string& sql) {
    const auto counted = static_cast<uint64_t>(database.number(sql));
    if (counter == counted) return;
    findings.push_back(std::string("the counter of ") + what + " is " + std::to_string(counter) + ", not " +
                       std::to_string(counted));
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

std::vector<std::string> find_inconsistencies(db::Database& database, const Counters& counters) {
  Findings findings;
  check_rules(database, findings);
  check_extents(database, findings);
  check_copies(database, findings);
  check_counters(database, counters, findings);
  return findings;
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
