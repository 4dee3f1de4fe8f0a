// The changes to the namespace. All of them travel in Commit, are checked where they are applied, and are answered in order.
// Permissions of the calling process are checked by its kernel (default_permissions); control checks existence, types,
// limits, ACL inheritance and the rights of the session.
#pragma once

#include <variant>

#include "common/wire/types.h"

namespace lace::wire {

// Makes a file of any type: mkdir, mknod, symlink, open(O_CREAT).
// Errors: exists, no_entry (parent gone), not_directory, name_too_long, no_space, quota, too_many_links, invalid (the number
// is not the session's to give, or was given before).
struct Create {
  InodeId parent{};
  std::string name;
  uint32_t mode = 0;   // file type and permissions, umask not yet applied
  uint32_t umask = 0;  // applied unless the parent has a default ACL
  uint32_t uid = 0;
  uint32_t gid = 0;  // replaced by the parent's where that is set-gid
  uint32_t device = 0;
  std::string target;     // of a symlink
  bool exclusive = true;  // false: an existing entry is answered with its attributes instead of `exists`
  bool hold = false;      // the session opens the new file at once, as OpenInode would
  FileTime now;
  InodeId inode{};  // the new file's number (numbered_by), if the session gives it itself; 0: control gives one
  LACE_FIELDS(parent, name, mode, umask, uid, gid, device, target, exclusive, hold, now, inode)
};

// Errors: no_entry, exists, not_permitted (directories), too_many_links, name_too_long.
struct Link {
  InodeId inode{};
  InodeId parent{};
  std::string name;
  FileTime now;
  LACE_FIELDS(inode, parent, name, now)
};

// unlink and rmdir. Errors: no_entry, is_directory, not_directory, not_empty.
struct Remove {
  InodeId parent{};
  std::string name;
  bool directory = false;  // true: rmdir, false: unlink
  FileTime now;
  bool hold = false;  // the session has the file open: as OpenInode just before
  LACE_FIELDS(parent, name, directory, now, hold)
};

// Errors: no_entry, exists (no_replace), invalid (a directory into itself), is_directory, not_directory, not_empty.
struct Rename {
  InodeId parent{};
  std::string name;
  InodeId new_parent{};
  std::string new_name;
  bool no_replace = false;
  bool exchange = false;
  FileTime now;
  bool hold = false;  // the session has the file that is replaced open: as OpenInode just before
  LACE_FIELDS(parent, name, new_parent, new_name, no_replace, exchange, now, hold)
};

// Changes those attributes that `set` names. `changed` becomes `now` whatever is set.
struct SetAttributes {
  enum Set : uint32_t {
    set_mode = 1,
    set_uid = 2,
    set_gid = 4,
    set_size = 8,
    set_accessed = 16,
    set_modified = 32,
    keep_changed = 64 /* for atime alone */,
    clear_privileges = 128 /* set-id bits, capabilities */
  };
  InodeId inode{};
  uint32_t set = 0;
  uint32_t mode = 0;  // permission bits only
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size = 0;  // shrinking cuts extents; answered once the blocks' copies gave the space back
  FileTime accessed;
  FileTime modified;
  FileTime now;
  LACE_FIELDS(inode, set, mode, uid, gid, size, accessed, modified, now)
};

// Says where written bytes are. Sent only after the storage servers have them: data before metadata.
// Each extent replaces what the file had in its range. Errors: stale_handle (inode gone), stale (`layout` is old, or a block
// is not of this cluster any more: read the extents again and place the data anew), no_space, quota.
struct Write {
  InodeId inode{};
  std::vector<Extent> extents;  // may be empty: bytes were overwritten in place
  uint64_t size = 0;            // the file is at least this long now
  static constexpr uint64_t any_layout = UINT64_MAX;
  uint64_t layout = 0;  // Attributes::layout that the placement rests on; any_layout: nobody else changes the file
  FileTime modified;    // becomes mtime and ctime
  // The ranges of `extents` were holes, or shared pages, when the data was placed: if anything else maps part of them by now
  // (another mount was faster), nothing is done and the answer is `stale`.
  bool fresh = false;
  LACE_FIELDS(inode, extents, size, layout, modified, fresh)
};

// Removes extents: fallocate PUNCH_HOLE and ZERO_RANGE. Answered once the copies gave the space back.
struct Punch {
  InodeId inode{};
  uint64_t offset = 0;
  uint64_t length = 0;
  uint64_t size = 0;  // the file is at least this long now (ZERO_RANGE without KEEP_SIZE); 0: as it was
  FileTime now;
  LACE_FIELDS(inode, offset, length, size, now)
};

// Setting "system.posix_acl_access" changes the mode as well, as acl(5) says.
// Errors: exists (create_only), no_data (replace_only), invalid, out_of_range (value over 64 KiB), no_space.
struct SetXattr {
  InodeId inode{};
  std::string name;
  std::string value;
  bool create_only = false;
  bool replace_only = false;
  FileTime now;
  LACE_FIELDS(inode, name, value, create_only, replace_only, now)
};

struct RemoveXattr {  // Errors: no_data
  InodeId inode{};
  std::string name;
  FileTime now;
  LACE_FIELDS(inode, name, now)
};

// Bytes [offset, offset + length) of a file become those that are at `from_offset` of `from` (which may be the same file), by
// sharing their pages. Before it is done every other session has said that it writes nothing in place (EventKind::hold_writes);
// the session that asks has to see to that itself. Answered once the copies gave the space back of what was there.
// Errors: stale_handle, invalid (ranges that overlap, or do not begin or end at pages; the end of both files is as good),
// not_supported (it can't be shared: copy the bytes), try_again (a mount did not answer).
struct Share {
  InodeId inode{};
  uint64_t offset = 0;
  InodeId from{};
  uint64_t from_offset = 0;
  uint64_t length = 0;
  FileTime now;
  LACE_FIELDS(inode, offset, from, from_offset, length, now)
};

// Copies a file or a whole tree as it is at this moment, sharing all pages. Other sessions are held as for Share.
// A snapshot has no `parent`: it goes into the directory of snapshots, frozen. Errors: as Create; stale_handle, too_big (more
// inodes than are copied at once), try_again.
struct CopyTree {
  InodeId source{};
  InodeId parent{};  // no_inode: a snapshot
  std::string name;
  FileTime now;
  LACE_FIELDS(source, parent, name, now)
};

// The name is gone at once, what is below it some time later. Errors: no_entry.
struct RemoveSnapshot {
  std::string name;
  FileTime now;
  LACE_FIELDS(name, now)
};

// The order is the wire format: append only.
using Operation = std::variant<Create, Link, Remove, Rename, SetAttributes, Write, Punch, SetXattr, RemoveXattr, Share,
                               CopyTree, RemoveSnapshot>;

struct OperationResult {
  Outcome outcome;
  Attributes inode;       // of the inode the operation was about, afterwards
  Attributes parent;      // of the (new) parent directory, if there is one
  Attributes old_parent;  // Rename: of the old parent
  Attributes displaced;   // Remove, Rename: of what lost its name; links == 0: it has none left
  bool existed = false;   // Create, not exclusive: it was there already
  LACE_FIELDS(outcome, inode, parent, old_parent, displaced, existed)
};

}  // namespace lace::wire
