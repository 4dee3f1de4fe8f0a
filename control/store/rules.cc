#include "control/store/rules.h"

namespace lace::control {
namespace {

// 61440 is S_IFMT, 16384 S_IFDIR, 40960 S_IFLNK; an entry's type is the mode's upper four bits.
constexpr Rule all_rules[] = {
    {"an entry names an inode that is missing",
     "SELECT e.inode FROM entry e LEFT JOIN inode i ON i.id = e.inode WHERE i.id IS NULL", "remove the entry",
     "DELETE FROM entry WHERE inode = ?1 AND NOT EXISTS(SELECT 1 FROM inode WHERE id = ?1)"},
    {"an entry lies in what is no directory",
     "SELECT e.inode FROM entry e LEFT JOIN inode i ON i.id = e.parent WHERE i.id IS NULL OR i.mode & 61440 <> 16384"},
    {"an entry's type is not its inode's",
     "SELECT i.id FROM entry e JOIN inode i ON i.id = e.inode WHERE e.type <> (i.mode >> 12)", "take the inode's",
     "UPDATE entry SET type = (SELECT mode >> 12 FROM inode WHERE id = ?1) WHERE inode = ?1"},
    {"a directory's size is not the number of its entries",
     "SELECT i.id FROM inode i WHERE i.mode & 61440 = 16384 AND i.size <> (SELECT count(*) FROM entry e WHERE e.parent = "
     "i.id)",
     "count them",
     "UPDATE inode SET size = (SELECT count(*) FROM entry WHERE parent = ?1) WHERE id = ?1 AND mode & 61440 = 16384"},
    {"a directory's links are not 2 and its subdirectories",
     "SELECT i.id FROM inode i WHERE i.mode & 61440 = 16384 AND i.links <> 0 AND "
     "i.links <> 2 + (SELECT count(*) FROM entry e WHERE e.parent = i.id AND e.type = 4)",
     "count them",
     "UPDATE inode SET links = 2 + (SELECT count(*) FROM entry WHERE parent = ?1 AND type = 4) WHERE id = ?1 AND mode & 61440 "
     "= 16384 AND links <> 0"},
    {"a file's links are not its names",
     "SELECT i.id FROM inode i LEFT JOIN (SELECT inode, count(*) AS names FROM entry GROUP BY inode) n ON n.inode = i.id "
     "WHERE i.mode & 61440 <> 16384 AND i.links <> coalesce(n.names, 0)",
     "count its names; without any, give it one in /lost+found",
     "UPDATE inode SET links = (SELECT count(*) FROM entry WHERE inode = ?1) WHERE id = ?1 AND mode & 61440 <> 16384 AND "
     "EXISTS(SELECT 1 FROM entry WHERE inode = ?1)",
     true},
    {"a directory has not exactly one name",
     "SELECT i.id FROM inode i LEFT JOIN (SELECT inode, count(*) AS names FROM entry GROUP BY inode) n ON n.inode = i.id "
     "WHERE i.mode & 61440 = 16384 AND i.id <> 1 AND coalesce(n.names, 0) <> (i.links > 0)",
     "give it one in /lost+found, if it has none", nullptr, true},
    {"an inode with one name has another parent than its name",
     "SELECT i.id FROM inode i JOIN entry e ON e.inode = i.id WHERE (i.links = 1 OR i.mode & 61440 = 16384) AND i.parent <> "
     "e.parent",
     "take that of the name",
     "UPDATE inode SET parent = (SELECT parent FROM entry WHERE inode = ?1) WHERE id = ?1 AND (SELECT count(*) FROM entry "
     "WHERE inode = ?1) = 1"},
    {"the places of a file's names are wrong",
     "SELECT i.id FROM inode i JOIN (SELECT inode, parent, count(*) AS names FROM entry GROUP BY inode, parent) n ON n.inode = "
     "i.id "
     "LEFT JOIN hardlink h ON h.inode = i.id AND h.parent = n.parent "
     "WHERE i.mode & 61440 <> 16384 AND i.links > 1 AND coalesce(h.names, 0) <> n.names",
     "look for its names",
     "DELETE FROM hardlink WHERE inode = ?1;;INSERT INTO hardlink(inode, parent, names) SELECT inode, parent, count(*) FROM "
     "entry WHERE inode = ?1 GROUP BY inode, parent"},
    {"places of names are kept of a file that has one or none",
     "SELECT h.inode FROM hardlink h LEFT JOIN inode i ON i.id = h.inode WHERE coalesce(i.links, 0) < 2", "forget them",
     "DELETE FROM hardlink WHERE inode = ?1 AND coalesce((SELECT links FROM inode WHERE id = ?1), 0) < 2"},
    {"an inode without a name is no orphan, or an orphan has one",
     "SELECT i.id FROM inode i LEFT JOIN orphan o ON o.inode = i.id WHERE (i.links = 0) <> (o.inode IS NOT NULL)",
     "note it as one, or not",
     "DELETE FROM orphan WHERE inode = ?1;;INSERT INTO orphan(inode) SELECT id FROM inode WHERE id = ?1 AND links = 0"},
    {"an orphan is missing", "SELECT o.inode FROM orphan o LEFT JOIN inode i ON i.id = o.inode WHERE i.id IS NULL", "forget it",
     "DELETE FROM orphan WHERE inode = ?1 AND NOT EXISTS(SELECT 1 FROM inode WHERE id = ?1)"},
    {"a symbolic link has no target, or its size is wrong",
     "SELECT i.id FROM inode i LEFT JOIN symlink s ON s.inode = i.id "
     "WHERE i.mode & 61440 = 40960 AND coalesce(length(s.target), 0) <> i.size"},
    {"a target belongs to no symbolic link",
     "SELECT s.inode FROM symlink s LEFT JOIN inode i ON i.id = s.inode WHERE coalesce(i.mode & 61440, 0) <> 40960",
     "forget it",
     "DELETE FROM symlink WHERE inode = ?1 AND NOT EXISTS(SELECT 1 FROM inode WHERE id = ?1 AND mode & 61440 = 40960)"},
    {"a page that a file has in a block of a confined session is noted as free",
     "SELECT e.block FROM extent e JOIN block b ON b.id = e.block JOIN session s ON s.id = b.session WHERE s.root <> 1 AND NOT "
     "EXISTS(SELECT 1 FROM placed p WHERE p.block = e.block AND p.first * 4096 <= e.block_offset AND p.end * 4096 >= "
     "e.block_offset + e.length)"},
    {"pages are noted of a block that is no session's",
     "SELECT p.block FROM placed p LEFT JOIN block b ON b.id = p.block WHERE coalesce(b.session, 0) = 0", "forget them",
     "DELETE FROM placed WHERE block = ?1 AND coalesce((SELECT session FROM block WHERE id = ?1), 0) = 0"},
    {"an attribute belongs to an inode that says it has none",
     "SELECT x.inode FROM xattr x LEFT JOIN inode i ON i.id = x.inode WHERE coalesce(i.attributes & 2, 0) = 0",
     "say so, or forget it",
     "DELETE FROM xattr WHERE inode = ?1 AND NOT EXISTS(SELECT 1 FROM inode WHERE id = ?1);;UPDATE inode SET attributes = "
     "attributes | 2 WHERE id = ?1 AND EXISTS(SELECT 1 FROM xattr WHERE inode = ?1)"},
    {"an inode says it has attributes and has none",
     "SELECT i.id FROM inode i WHERE i.attributes & 2 <> 0 AND NOT EXISTS(SELECT 1 FROM xattr x WHERE x.inode = i.id)",
     "say that it has none",
     "UPDATE inode SET attributes = attributes & ~2 WHERE id = ?1 AND NOT EXISTS(SELECT 1 FROM xattr WHERE inode = ?1)"},
    {"an inode is wrong about having an ACL",
     "SELECT i.id FROM inode i WHERE (i.attributes & 1 <> 0) <> EXISTS(SELECT 1 FROM xattr x WHERE x.inode = i.id AND "
     "x.name IN (CAST('system.posix_acl_access' AS BLOB), CAST('system.posix_acl_default' AS BLOB)))"},
    {"an extent belongs to no file",
     "SELECT x.inode FROM extent x LEFT JOIN inode i ON i.id = x.inode "
     "WHERE coalesce(i.mode & 61440, 0) <> 32768",
     "remove it; its pages stay on the servers until the block goes",
     "DELETE FROM extent WHERE inode = ?1 AND NOT EXISTS(SELECT 1 FROM inode WHERE id = ?1 AND mode & 61440 = 32768)"},
    {"an extent points outside of a block",
     "SELECT x.inode FROM extent x LEFT JOIN block b ON b.id = x.block "
     "WHERE b.id IS NULL OR x.length <= 0 OR x.block_offset + x.length > 67108864"},
    {"an extent does not lie on pages as its block", "SELECT inode FROM extent WHERE offset % 4096 <> block_offset % 4096"},
    {"a block's references are not its extents",
     "SELECT b.id FROM block b LEFT JOIN (SELECT block, count(*) AS refs FROM extent GROUP BY block) x ON x.block = b.id "
     "WHERE b.refs <> coalesce(x.refs, 0)",
     "count them", "UPDATE block SET refs = (SELECT count(*) FROM extent WHERE block = ?1) WHERE id = ?1"},
    {"a block is of no use to anyone", "SELECT id FROM block WHERE refs = 0 AND session = 0"},
    {"a block is a session's that has ended",
     "SELECT b.id FROM block b LEFT JOIN session s ON s.id = b.session WHERE b.session <> 0 AND s.id IS NULL"},
    {"a slot is of a session that has ended",
     "SELECT t.session FROM slot t LEFT JOIN session s ON s.id = t.session WHERE s.id IS NULL", "forget it",
     "DELETE FROM slot WHERE session = ?1 AND NOT EXISTS(SELECT 1 FROM session WHERE id = ?1)"},
    {"a punch is of a block that is gone",
     "SELECT p.block FROM pending_punch p LEFT JOIN block b ON b.id = p.block WHERE b.id IS NULL", "forget it",
     "DELETE FROM pending_punch WHERE block = ?1 AND NOT EXISTS(SELECT 1 FROM block WHERE id = ?1)"},
    {"a punch is not of whole pages",
     "SELECT id FROM pending_punch WHERE offset % 4096 <> 0 OR length % 4096 <> 0 OR length <= 0 OR offset + length > "
     "67108864"},
    {"an extent points at pages that are to be punched",
     "SELECT x.inode FROM pending_punch p JOIN extent x ON x.block = p.block AND x.block_offset < p.offset + p.length AND "
     "x.block_offset + x.length > p.offset"},
    {"a block that exists is to be deleted", "SELECT b.id FROM pending_delete d JOIN block b ON b.id = d.block", "keep it",
     "DELETE FROM pending_delete WHERE block = ?1 AND EXISTS(SELECT 1 FROM block WHERE id = ?1)"},
    {"an id was not given yet",
     "SELECT id FROM inode WHERE id >= (SELECT next_inode FROM counters) AND id < 4294967296 UNION ALL "
     "SELECT id FROM block WHERE id >= (SELECT next_block FROM counters) UNION ALL "
     "SELECT cookie FROM entry WHERE cookie >= (SELECT next_cookie FROM counters)"},
    {"a file has no extents and says that it stores bytes",
     "SELECT i.id FROM inode i WHERE i.stored > 0 AND NOT EXISTS(SELECT 1 FROM extent x WHERE x.inode = i.id)", "store none",
     "UPDATE inode SET stored = 0 WHERE id = ?1 AND NOT EXISTS(SELECT 1 FROM extent WHERE inode = ?1)"},
    {"pages are shared that nobody uses, in block",
     "SELECT s.block FROM shared s WHERE s.more < 1 OR s.first >= s.end OR NOT EXISTS(SELECT 1 FROM block b WHERE b.id = "
     "s.block "
     "AND b.refs > 0)",
     "forget them", "DELETE FROM shared WHERE block = ?1 AND NOT EXISTS(SELECT 1 FROM extent WHERE block = ?1)"},
};

}  // namespace

std::span<const Rule> rules() { return all_rules; }

std::string remedy_of(uint32_t rule) {
  if (rule < rules().size()) return rules()[rule].remedy == nullptr ? "" : rules()[rule].remedy;
  switch (rule) {
    case special_rules::stored:
    case special_rules::users:
    case special_rules::counters: return "count again";
    default: return "";
  }
}

}  // namespace lace::control
