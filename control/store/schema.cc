#include "control/store/schema.h"

#include <sys/random.h>

#include "common/base/check.h"

namespace lace::control {
namespace {

constexpr int64_t application = 0x4c414345;  // "LACE", as `file` shows it
constexpr int64_t format = 1;

// A directory's size is the number of its entries. `parent` is where an inode has its name; with several names (`links` over
// 1, not a directory) the table hardlink says where they are; of an inode without a name it is where the last one was.
// An entry's cookie is its place in the order of creation. Blocks that are no session's have session 0.
constexpr const char* tables = R"sql(
CREATE TABLE identity(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE counters(
  id INTEGER PRIMARY KEY, term, applied, next_inode, next_cookie, next_block, next_session, next_server, next_punch,
  inodes, orphans, blocks, blocks_0, blocks_1, blocks_2, blocks_3, blocks_4, blocks_5, punches);

CREATE TABLE inode(
  id INTEGER PRIMARY KEY, mode INTEGER NOT NULL, links INTEGER NOT NULL, uid INTEGER NOT NULL, gid INTEGER NOT NULL,
  device INTEGER NOT NULL, size INTEGER NOT NULL, stored INTEGER NOT NULL,
  accessed INTEGER NOT NULL, accessed_nanos INTEGER NOT NULL, modified INTEGER NOT NULL, modified_nanos INTEGER NOT NULL,
  changed INTEGER NOT NULL, changed_nanos INTEGER NOT NULL, born INTEGER NOT NULL, born_nanos INTEGER NOT NULL,
  change INTEGER NOT NULL, layout INTEGER NOT NULL, attributes INTEGER NOT NULL, parent INTEGER NOT NULL);
CREATE TABLE entry(
  parent INTEGER NOT NULL, name BLOB NOT NULL, inode INTEGER NOT NULL, type INTEGER NOT NULL, cookie INTEGER NOT NULL,
  PRIMARY KEY(parent, name)) WITHOUT ROWID;
CREATE UNIQUE INDEX entry_in_order ON entry(parent, cookie, inode, type);
CREATE TABLE hardlink(
  inode INTEGER NOT NULL, parent INTEGER NOT NULL, names INTEGER NOT NULL, PRIMARY KEY(inode, parent)) WITHOUT ROWID;
CREATE TABLE symlink(inode INTEGER PRIMARY KEY, target BLOB NOT NULL);
CREATE TABLE xattr(
  inode INTEGER NOT NULL, name BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY(inode, name)) WITHOUT ROWID;
CREATE TABLE orphan(inode INTEGER PRIMARY KEY);

CREATE TABLE extent(
  inode INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL, block INTEGER NOT NULL,
  block_offset INTEGER NOT NULL, PRIMARY KEY(inode, offset)) WITHOUT ROWID;
CREATE TABLE block(
  id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, class INTEGER NOT NULL, in_sync BLOB NOT NULL, filling BLOB NOT NULL,
  dropped BLOB NOT NULL, refs INTEGER NOT NULL, session INTEGER NOT NULL, mapped INTEGER NOT NULL);
CREATE INDEX block_of_session ON block(session, id) WHERE session <> 0;
CREATE TABLE copy(server INTEGER NOT NULL, block INTEGER NOT NULL, PRIMARY KEY(server, block)) WITHOUT ROWID;
CREATE TABLE dropped_copy(server INTEGER NOT NULL, block INTEGER NOT NULL, PRIMARY KEY(server, block)) WITHOUT ROWID;

CREATE TABLE pending_punch(
  id INTEGER PRIMARY KEY, block INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
  session INTEGER NOT NULL, slot INTEGER NOT NULL);
CREATE INDEX punch_of_block ON pending_punch(block);
CREATE INDEX punch_of_slot ON pending_punch(session, slot) WHERE session <> 0;
CREATE TABLE pending_delete(server INTEGER NOT NULL, block INTEGER NOT NULL, PRIMARY KEY(server, block)) WITHOUT ROWID;

CREATE TABLE session(
  id INTEGER PRIMARY KEY, host BLOB NOT NULL, mount_point BLOB NOT NULL, process INTEGER NOT NULL, subtree BLOB NOT NULL,
  root INTEGER NOT NULL, read_only INTEGER NOT NULL, key BLOB NOT NULL);
CREATE TABLE slot(
  session INTEGER NOT NULL, slot INTEGER NOT NULL, number INTEGER NOT NULL, record BLOB NOT NULL,
  PRIMARY KEY(session, slot)) WITHOUT ROWID;
CREATE TABLE server(
  id INTEGER PRIMARY KEY, name BLOB NOT NULL, url BLOB NOT NULL, key BLOB NOT NULL, draining INTEGER NOT NULL);
CREATE UNIQUE INDEX server_by_name ON server(name);

INSERT INTO counters VALUES(1, 0, 0, 2, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
)sql";

// Came later than format 1: a database of an earlier version gets them, and an earlier version does not look at them. `placed`
// is empty unless there are confined sessions, `accepted` (BlockInfo::accepted) unless all copies of a block lost power.
constexpr const char* later_tables = R"sql(
CREATE TABLE IF NOT EXISTS placed(
  block INTEGER NOT NULL, first INTEGER NOT NULL, end INTEGER NOT NULL, PRIMARY KEY(block, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS setting(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accepted(block INTEGER PRIMARY KEY, epoch INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS shared(
  block INTEGER NOT NULL, first INTEGER NOT NULL, end INTEGER NOT NULL, more INTEGER NOT NULL,
  PRIMARY KEY(block, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session_process(session INTEGER PRIMARY KEY, place BLOB NOT NULL, started INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS session_with_leases(session INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS group_log(number INTEGER PRIMARY KEY, term INTEGER NOT NULL, changes BLOB NOT NULL);
)sql";

std::string random_bytes(size_t count) {
  std::string bytes(count, '\0');
  CHECK(getrandom(bytes.data(), count, 0) == static_cast<ssize_t>(count));
  return bytes;
}

std::string hex(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text.push_back(digits[static_cast<unsigned char>(byte) >> 4]);
    text.push_back(digits[static_cast<unsigned char>(byte) & 15]);
  }
  return text;
}

void create(db::Database& database, const Root& root) {
  database.run("PRAGMA application_id=" + std::to_string(application) + ";PRAGMA user_version=" + std::to_string(format));
  database.run(tables);
  db::Statement put(database, "INSERT INTO identity(key, value) VALUES(CAST(?1 AS TEXT), ?2)");
  put.execute(std::string_view("cluster"), hex(random_bytes(16)));
  put.execute(std::string_view("secret"), random_bytes(32));
  db::Statement make_root(database,
                          "INSERT INTO inode VALUES(1, 16877 /* drwxr-xr-x */, 2, ?1, ?2, 0, 0, 0, ?3, ?4, ?3, ?4, ?3, ?4, ?3, "
                          "?4, 1, 0, 0, 1)");
  make_root.execute(root.uid, root.gid, root.now.seconds, root.now.nanos);
}

std::string identity_value(db::Database& database, std::string_view key) {
  db::Statement get(database, "SELECT value FROM identity WHERE key = CAST(?1 AS TEXT)");
  auto rows = get.query(key);
  return rows.next() ? rows.text(0) : std::string();
}

Status check_format(db::Database& database, const std::string& path) {
  if (database.number("PRAGMA application_id") != application) {
    return fail(Code::corrupt, path + " is another program's database; name an empty directory or one of a control server");
  }
  const int64_t found = database.number("PRAGMA user_version");
  if (found == format) return {};
  return fail(Code::corrupt, path + " has format " + std::to_string(found) + ", this program knows " + std::to_string(format) +
                                 "; use the version of lace-control that wrote it, or a newer one");
}

}  // namespace

Result<Identity> open_schema(db::Database& database, const std::string& path, const std::string& cluster, const Root& root,
                             bool raise_term) {
  database.begin();
  if (database.number("SELECT count(*) FROM sqlite_schema") == 0) {
    create(database, root);
  } else if (const Status ours = check_format(database, path); !ours) {
    database.rollback();
    return pass(ours);
  }
  database.run(later_tables);
  if (raise_term) database.run("UPDATE counters SET term = term + 1 WHERE id = 1");
  Identity identity{identity_value(database, "cluster"), identity_value(database, "secret"),
                    static_cast<uint64_t>(database.number("SELECT term FROM counters WHERE id = 1"))};
  if (identity.cluster.size() != 32 || identity.secret.size() != 32 || (raise_term && identity.term == 0)) {
    database.rollback();
    return fail(Code::corrupt, path + " has lost its identity; restore it from a copy");
  }
  if (!cluster.empty() && cluster != identity.cluster) {
    database.rollback();
    return fail(Code::denied, path + " is of cluster " + identity.cluster + ", not of " + cluster +
                                  "; name the data directory that belongs to this cluster");
  }
  database.commit();
  return identity;
}

}  // namespace lace::control
