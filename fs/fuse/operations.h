// What each request of the kernel becomes. One file a family: ops_entries, ops_attributes, ops_xattrs, ops_files,
// ops_directories, ops_locks.
#pragma once

#include "fs/fuse/request.h"

namespace lace::fs::fuse::ops {

// Entries
void lookup(Request&, fuse_ino_t parent, const char* name);
void forget(fuse_req_t, fuse_ino_t node, uint64_t lookups);
void forget_multi(fuse_req_t, size_t count, fuse_forget_data* forgets);
void mknod(Request&, fuse_ino_t parent, const char* name, mode_t mode, dev_t device);
void mkdir(Request&, fuse_ino_t parent, const char* name, mode_t mode);
void unlink(Request&, fuse_ino_t parent, const char* name);
void rmdir(Request&, fuse_ino_t parent, const char* name);
void symlink(Request&, const char* target, fuse_ino_t parent, const char* name);
void rename(Request&, fuse_ino_t parent, const char* name, fuse_ino_t new_parent, const char* new_name, unsigned flags);
void link(Request&, fuse_ino_t node, fuse_ino_t new_parent, const char* new_name);
void readlink(Request&, fuse_ino_t node);

// Attributes
void getattr(Request&, fuse_ino_t node, fuse_file_info*);
void setattr(Request&, fuse_ino_t node, struct stat* wanted, int which, fuse_file_info*);
void statfs(Request&, fuse_ino_t node);

// Extended attributes
void setxattr(Request&, fuse_ino_t node, const char* name, const char* value, size_t size, int flags);
void getxattr(Request&, fuse_ino_t node, const char* name, size_t size);
void listxattr(Request&, fuse_ino_t node, size_t size);
void removexattr(Request&, fuse_ino_t node, const char* name);

// Files
void create(Request&, fuse_ino_t parent, const char* name, mode_t mode, fuse_file_info*);
void open(Request&, fuse_ino_t node, fuse_file_info*);
void read(Request&, fuse_ino_t node, size_t size, off_t offset, fuse_file_info*);
void write(Request&, fuse_ino_t node, const char* bytes, size_t size, off_t offset, fuse_file_info*);
void flush(Request&, fuse_ino_t node, fuse_file_info*);
void release(Request&, fuse_ino_t node, fuse_file_info*);
void fsync(Request&, fuse_ino_t node, int data_only, fuse_file_info*);
void fallocate(Request&, fuse_ino_t node, int mode, off_t offset, off_t length, fuse_file_info*);
void lseek(Request&, fuse_ino_t node, off_t offset, int whence, fuse_file_info*);
void copy_file_range(Request&, fuse_ino_t from, off_t from_offset, fuse_file_info* from_info, fuse_ino_t to, off_t to_offset,
                     fuse_file_info* to_info, size_t length, int flags);
void ioctl(Request&, fuse_ino_t node, unsigned command, void* argument, fuse_file_info*, unsigned flags, const void* in,
           size_t in_size, size_t out_size);

// Directories
void opendir(Request&, fuse_ino_t node, fuse_file_info*);
void readdir(Request&, fuse_ino_t node, size_t size, off_t offset, fuse_file_info*);
void readdirplus(Request&, fuse_ino_t node, size_t size, off_t offset, fuse_file_info*);
void releasedir(Request&, fuse_ino_t node, fuse_file_info*);
void fsyncdir(Request&, fuse_ino_t node, int data_only, fuse_file_info*);

// Locks
void getlk(Request&, fuse_ino_t node, fuse_file_info*, struct flock* lock);
void setlk(Request&, fuse_ino_t node, fuse_file_info*, struct flock* lock, int wait);
void flock(Request&, fuse_ino_t node, fuse_file_info*, int operation);

// All of them, as libfuse wants them: exceptions end here.
const fuse_lowlevel_ops& table();

// Negotiates with the kernel: what it may do by itself, and how large requests are.
void init(void* service, fuse_conn_info* connection);

}  // namespace lace::fs::fuse::ops
