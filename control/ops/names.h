// Names, and what hangs on them: numbers of links, where an inode has its names, times of directories, orphans.
#pragma once

#include <string_view>

#include "control/ops/context.h"

namespace lace::control {

bool is_directory(const wire::Attributes& attributes);
uint8_t entry_type(uint32_t mode);  // DT_REG, DT_DIR, ...

// Of a name that is to be made or removed. Errors: invalid ("", ".", "..", with a slash or a zero), name_too_long.
Status check_name(std::string_view name);

// A directory that can be looked into. Errors: no_entry (gone, or removed while somebody has it open), not_directory.
Result<const Inode*> find_directory(Store& store, InodeId directory);

// A directory got, lost or changed an entry.
void touch_directory(Inode& directory, const FileTime& now);

// A directory gets a name for an inode that was made for it; its times are the caller's.
void add_entry(Store& store, InodeId parent, std::string_view name, const wire::Attributes& inode);

// The inode's name moved from one directory to another (the same: nothing to do).
void move_name(Store& store, InodeId inode, InodeId from, InodeId to);

// The inode got one more name, in `parent`.
void add_name(Store& store, InodeId inode, InodeId parent, const FileTime& now);

// The inode lost a name it had in `parent` (a directory: its only one). The last one gone, it is taken apart, unless
// somebody holds it. Answers its attributes afterwards.
wire::Attributes drop_name(Context& context, InodeId inode, InodeId parent, const FileTime& now);

// Whether `inode` is `ancestor` or below it, by directories.
bool is_below(Store& store, InodeId inode, InodeId ancestor);

// An inode's path by one of its names; empty if it has none.
std::string path_of(Store& store, InodeId inode);

// Removes what is below a directory without a name, the deepest first: about `budget` inodes. Files of which more is left are
// among the context's orphans. True: nothing is left.
bool empty_directory(Context& context, InodeId directory, uint32_t budget);

// Takes up to `max_extents` extents from an inode without a name and, when none are left, removes all that is known of
// it. True: it is gone.
bool take_apart(Store& store, FreedSpace& freed, InodeId inode, uint32_t max_extents);

}  // namespace lace::control
