// A FileSystem in memory, with all the rules of POSIX that a FileSystem is asked for and none of the cluster: for mounting it
// for real and testing everything between it and the program.
#pragma once

#include <atomic>
#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "fs/client/file_system.h"

namespace lace::fs {

class MemoryFileSystem final : public FileSystem {
 public:
  explicit MemoryFileSystem(const Clock& clock);

  // For tests.
  void set_cache_times(CacheTimes times);
  uint64_t lookups(InodeId inode);            // how often the kernel was told, less what it forgot
  bool wait_until_forgotten(Millis longest);  // until the kernel knows no inode but the root
  void make_reads_stick(InodeId inode);       // read() of it waits until it is interrupted
  size_t waiting_locks();
  bool wait_for_waiting_locks(size_t count, Millis longest);
  bool wait_for_reads(uint64_t count, Millis longest);  // until so many read() calls have come
  KernelCache kernel_cache();
  uint64_t reads() const { return reads_; }  // read() calls so far
  std::map<InodeId, uint64_t> all_lookups();

  InodeId root() const override { return root_inode; }
  void set_kernel_cache(KernelCache cache) override;
  void set_on_lock_granted(std::function<void(uint64_t)> granted) override;
  CacheTimes cache_times() const override;

  Result<Attributes> lookup(Context&, InodeId parent, std::string_view name) override;
  void remember(InodeId inode) override;
  void forget(InodeId inode, uint64_t lookups) override;
  Result<Attributes> make(Context&, InodeId parent, std::string_view name, uint32_t mode, uint32_t device) override;
  Result<Attributes> symlink(Context&, InodeId parent, std::string_view name, std::string_view target) override;
  Result<Attributes> link(Context&, InodeId inode, InodeId parent, std::string_view name) override;
  Status remove(Context&, InodeId parent, std::string_view name, bool directory) override;
  Status rename(Context&, InodeId parent, std::string_view name, InodeId new_parent, std::string_view new_name, bool no_replace,
                bool exchange) override;
  Result<std::string> read_link(Context&, InodeId inode) override;

  Result<Attributes> attributes(Context&, InodeId inode) override;
  Result<Attributes> set_attributes(Context&, wire::SetAttributes request) override;
  Result<std::string> get_xattr(Context&, InodeId inode, std::string_view name) override;
  Result<std::vector<std::string>> list_xattrs(Context&, InodeId inode) override;
  Status set_xattr(Context&, InodeId inode, std::string_view name, std::string_view value, bool create_only,
                   bool replace_only) override;
  Status remove_xattr(Context&, InodeId inode, std::string_view name) override;

  Result<Opened> open(Context&, InodeId inode, int flags) override;
  Result<Opened> create(Context&, InodeId parent, std::string_view name, uint32_t mode, int flags) override;
  Result<size_t> read(Context&, Handle, uint64_t offset, char* into, size_t length) override;
  Result<size_t> write(Context&, Handle, uint64_t offset, std::string_view bytes) override;
  void set_append(Handle, bool append) override;
  Status flush(Context&, Handle) override { return {}; }
  Status sync(Context&, Handle, bool) override { return {}; }
  void release(Context&, Handle) override;
  Status allocate(Context&, Handle, int mode, uint64_t offset, uint64_t length) override;
  Result<uint64_t> seek(Context&, Handle, uint64_t offset, int whence) override;
  Result<size_t> copy_range(Context&, Handle from, uint64_t from_offset, Handle to, uint64_t to_offset, size_t length) override;

  Result<wire::ReadDirectoryReply> read_directory(Context&, InodeId inode, uint64_t cookie, uint32_t max_entries,
                                                  bool with_attributes) override;
  Status sync_directory(Context&, InodeId) override { return {}; }
  Result<wire::FileSystemUsageReply> usage(Context&) override;
  Status sync_all(Context&) override { return {}; }

  Result<LockResult> lock(Context&, wire::LockRange range, bool wait) override;
  Result<bool> cancel_lock(Context&, uint64_t waiter) override;
  Result<wire::LockRange> test_lock(Context&, wire::LockRange range) override;
  Status release_locks(Context&, InodeId inode, LockOwner owner, bool flock) override;

 private:
  struct Entry {
    InodeId inode;
    uint64_t cookie;
  };
  struct Node {
    Attributes attributes;
    InodeId parent = no_inode;  // of directories
    std::map<std::string, Entry, std::less<>> entries;
    std::map<uint64_t, std::string> by_cookie;
    std::string target;
    std::map<std::string, std::string, std::less<>> xattrs;
    std::map<uint64_t, std::string> pages;
    uint64_t open = 0, lookups = 0;
    bool reads_stick = false;
  };
  struct OpenFile {
    InodeId inode;
    int flags;
  };
  struct Waiter {
    uint64_t number;
    wire::LockRange range;
  };

  // All with mutex_ held.
  Node* find(InodeId inode);
  Result<Node*> directory(InodeId inode);
  Result<Node*> child_place(InodeId parent, std::string_view name);
  Node& add_node(Context&, Node& parent, uint32_t mode);
  void add_entry(Node& parent, std::string_view name, InodeId inode);
  void drop_entry(Node& parent, std::string_view name);
  void inherit(Node& parent, Node& child, uint32_t umask);
  void touch(Node& node, bool content);
  void unlink_node(Node& node);
  void collect(InodeId inode);
  void resize(Node& node, uint64_t size);
  void write_at(Node& node, uint64_t offset, std::string_view bytes);
  std::string read_at(const Node& node, uint64_t offset, size_t length) const;
  void punch(Node& node, uint64_t offset, uint64_t length);
  void count_stored(Node& node) const;
  bool is_below(InodeId directory, InodeId ancestor);
  bool conflicts(const wire::LockRange& range) const;
  void place_lock(const wire::LockRange& range);
  std::vector<uint64_t> grant_waiters();

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<uint64_t> reads_{0};
  // Guarded by mutex_.
  std::map<InodeId, Node> nodes_;
  std::map<uint64_t, OpenFile> files_;
  uint64_t next_inode_ = 2, next_cookie_ = 1, next_handle_ = 1, next_waiter_ = 1, next_change_ = 1;
  std::list<wire::LockRange> locks_;
  std::list<Waiter> waiters_;
  CacheTimes times_;
  KernelCache kernel_cache_;
  std::function<void(uint64_t)> granted_;
};

}  // namespace lace::fs
