// LaceFS as a library: what a mount does, without FUSE. Blocking; every method may be called from any thread, with that
// thread's own Caller in the Context.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/transport.h"
#include "common/wire/control_messages.h"

namespace lace::fs {

using wire::Attributes;

// On whose behalf, and through which Caller. An interrupted Caller makes the method return `interrupted`.
struct Context {
  net::Caller& caller;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t process = 0;
  uint32_t umask = 0;
  // Set by methods that answer attributes: under what the entry and the attributes are known, for cache_times().
  struct Known {
    uint64_t entry = 0;
    uint64_t attributes = 0;
  };
  Known known{};
};

enum class AccessTimes { none, relative, strict };  // noatime, relatime, strictatime

struct MountOptions {
  std::vector<wire::Endpoint> controls;
  std::string mount_point;  // for status and logs
  std::string subtree = "/";
  bool read_only = false;
  AccessTimes access_times = AccessTimes::relative;
  Millis timeout{60'000};                     // how long an operation waits for servers that are away, then `io`
  uint64_t dirty_bytes = uint64_t{96} << 20;  // not yet sent; writers wait beyond it, and an fsync for all of it
  int flush_threads = 2;
  bool synchronous = false;  // every change waits until it is on stable storage
  bool local_reads = true;   // what lies on this machine is read from the servers' files where that is allowed
};

// What the kernel may keep without asking again.
struct CacheTimes {
  Millis entry{0};
  Millis attributes{0};
};

// Called by the file system's own threads when the kernel must forget something. Never called while a method holds a lock.
struct KernelCache {
  std::function<void(InodeId)> drop_attributes;
  std::function<void(InodeId)> drop_pages;  // attributes and pages
  std::function<void(InodeId parent, const std::string& name)> drop_entry;
  // Returns when all that was dropped before is out of the kernel, or after `longest`: an operation that waits for another
  // mount may hold a directory so long that nothing in it can be dropped. The three above only queue. Replies that were under
  // way when the first drop was queued are carried out before it: lower cache_times() first, then drop, then settle. Not for a
  // thread that the kernel waits for (a request's), nor for one that write() may wait for.
  std::function<void(Millis longest)> settle;
};

enum class Handle : uint64_t {};

struct Opened {
  Handle handle{};
  bool keep_pages = false;  // the kernel's pages of this inode are still true
  Attributes attributes;
};

struct Segment {
  uint64_t offset, length;
};

struct LockResult {
  bool granted = false;
  uint64_t waiter = 0;  // else: on_lock_granted(waiter) follows
};

class FileSystem {
 public:
  // Opens a session. Errors: unavailable (no control server answers: says which were tried), denied, no_entry (subtree).
  static Result<std::unique_ptr<FileSystem>> mount(net::Network& network, const Clock& clock, MountOptions options);
  // Flushes and closes the session; what can't be flushed within the timeout is logged as lost.
  virtual ~FileSystem() = default;

  virtual InodeId root() const = 0;
  virtual void set_kernel_cache(KernelCache cache) = 0;
  virtual void set_on_lock_granted(std::function<void(uint64_t waiter)> granted) = 0;
  // Of everything: while no other mount exists.
  virtual CacheTimes cache_times() const = 0;
  // Of what was just answered. To be called, and the answer sent, without waiting in between.
  virtual CacheTimes cache_times(const Context::Known& known) const {
    static_cast<void>(known);
    return cache_times();
  }

  // Entries
  // The kernel knows an inode from the first lookup until as many are forgotten. lookup, make, symlink, link and create count
  // as one when they succeed, remember() is one more (a directory listing showed it to the kernel).
  virtual Result<Attributes> lookup(Context&, InodeId parent, std::string_view name) = 0;
  virtual void remember(InodeId inode) { static_cast<void>(inode); }
  virtual void forget(InodeId inode, uint64_t lookups) = 0;  // the kernel no longer knows it
  virtual Result<Attributes> make(Context&, InodeId parent, std::string_view name, uint32_t mode,
                                  uint32_t device) = 0;  // mknod, mkdir
  virtual Result<Attributes> symlink(Context&, InodeId parent, std::string_view name, std::string_view target) = 0;
  virtual Result<Attributes> link(Context&, InodeId inode, InodeId parent, std::string_view name) = 0;
  virtual Status remove(Context&, InodeId parent, std::string_view name, bool directory) = 0;
  virtual Status rename(Context&, InodeId parent, std::string_view name, InodeId new_parent, std::string_view new_name,
                        bool no_replace, bool exchange) = 0;
  virtual Result<std::string> read_link(Context&, InodeId inode) = 0;

  // Attributes. `request.inode` says whose; `request.now` is filled in. Times "now" are the asker's clock.
  virtual Result<Attributes> attributes(Context&, InodeId inode) = 0;
  virtual Result<Attributes> set_attributes(Context&, wire::SetAttributes request) = 0;
  virtual Result<std::string> get_xattr(Context&, InodeId inode, std::string_view name) = 0;
  virtual Result<std::vector<std::string>> list_xattrs(Context&, InodeId inode) = 0;
  virtual Status set_xattr(Context&, InodeId inode, std::string_view name, std::string_view value, bool create_only,
                           bool replace_only) = 0;
  virtual Status remove_xattr(Context&, InodeId inode, std::string_view name) = 0;

  // Files. `flags` as for open(2).
  virtual Result<Opened> open(Context&, InodeId inode, int flags) = 0;
  virtual Result<Opened> create(Context&, InodeId parent, std::string_view name, uint32_t mode, int flags) = 0;
  virtual Result<size_t> read(Context&, Handle, uint64_t offset, char* into, size_t length) = 0;  // short only at the end
  virtual Result<size_t> write(Context&, Handle, uint64_t offset, std::string_view bytes) = 0;
  // fcntl(F_SETFL) gave or took O_APPEND after open().
  virtual void set_append(Handle, bool append) { static_cast<void>(append); }
  virtual Status flush(Context&, Handle) = 0;                 // close(2): others see it after this; errors of write-behind
  virtual Status sync(Context&, Handle, bool data_only) = 0;  // fsync(2): on stable storage after this
  virtual void release(Context&, Handle) = 0;
  virtual Status allocate(Context&, Handle, int mode, uint64_t offset, uint64_t length) = 0;  // fallocate(2)
  virtual Result<uint64_t> seek(Context&, Handle, uint64_t offset, int whence) = 0;           // SEEK_DATA, SEEK_HOLE
  virtual Result<size_t> copy_range(Context&, Handle from, uint64_t from_offset, Handle to, uint64_t to_offset,
                                    size_t length) = 0;

  // Copies of whole trees, and of single files, that share all pages. What was written here before is in them. A snapshot can't
  // be changed; it is at "/.lace/snapshots/NAME". Errors: exists, too_big, try_again (another mount does not answer), ...
  virtual Status copy_tree(Context&, InodeId source, InodeId parent, std::string_view name) {
    static_cast<void>(source), static_cast<void>(parent), static_cast<void>(name);
    return fail(Code::not_supported);
  }
  virtual Status make_snapshot(Context&, InodeId directory, std::string_view name) {
    static_cast<void>(directory), static_cast<void>(name);
    return fail(Code::not_supported);
  }
  virtual Status remove_snapshot(Context&, std::string_view name) {
    static_cast<void>(name);
    return fail(Code::not_supported);
  }

  // Directories. Cookies are DirectoryEntry::cookie; "." and ".." are the caller's business (`parent` tells the latter).
  virtual Result<wire::ReadDirectoryReply> read_directory(Context&, InodeId inode, uint64_t cookie, uint32_t max_entries,
                                                          bool with_attributes) = 0;
  virtual Status sync_directory(Context&, InodeId inode) = 0;
  virtual Result<wire::FileSystemUsageReply> usage(Context&) = 0;
  virtual Status sync_all(Context&) = 0;  // syncfs(2)

  // Locks (see wire::Lock). release_locks: a descriptor was closed.
  virtual Result<LockResult> lock(Context&, wire::LockRange range, bool wait) = 0;
  virtual Result<bool> cancel_lock(Context&, uint64_t waiter) = 0;  // true: too late, it was granted
  virtual Result<wire::LockRange> test_lock(Context&, wire::LockRange range) = 0;
  virtual Status release_locks(Context&, InodeId inode, LockOwner owner, bool flock) = 0;
};

}  // namespace lace::fs
