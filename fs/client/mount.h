// FileSystem, put together from the parts. Split by subject: mount.cc (life, events), entries.cc, attributes.cc, files.cc,
// ranges.cc, directories.cc.
#pragma once

#include <array>

#include "fs/client/file_data.h"
#include "fs/client/flusher.h"
#include "fs/client/housekeeper.h"
#include "fs/client/keeper.h"
#include "fs/client/local_changes.h"
#include "fs/client/lock_table.h"
#include "fs/client/log_writer.h"
#include "fs/client/sharing.h"

namespace lace::fs {

class Mount final : public FileSystem {
 public:
  Mount(net::Network& network, const Clock& clock, MountOptions options);
  ~Mount() override;
  Status start(net::Caller& caller);

  InodeId root() const override { return core_.session.root(); }
  void set_kernel_cache(KernelCache cache) override;
  void set_on_lock_granted(std::function<void(uint64_t)> granted) override { locks_.set_on_granted(std::move(granted)); }
  CacheTimes cache_times() const override;
  CacheTimes cache_times(const Context::Known& known) const override;

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
  Status flush(Context&, Handle) override;
  Status sync(Context&, Handle, bool data_only) override;
  void release(Context&, Handle) override;
  Status allocate(Context&, Handle, int mode, uint64_t offset, uint64_t length) override;
  Result<uint64_t> seek(Context&, Handle, uint64_t offset, int whence) override;
  Result<size_t> copy_range(Context&, Handle from, uint64_t from_offset, Handle to, uint64_t to_offset, size_t length) override;

  Status copy_tree(Context&, InodeId source, InodeId parent, std::string_view name) override;
  Status make_snapshot(Context&, InodeId directory, std::string_view name) override;
  Status remove_snapshot(Context&, std::string_view name) override;

  Result<wire::ReadDirectoryReply> read_directory(Context&, InodeId inode, uint64_t cookie, uint32_t max_entries,
                                                  bool with_attributes) override;
  Status sync_directory(Context&, InodeId inode) override;
  Result<wire::FileSystemUsageReply> usage(Context&) override;
  Status sync_all(Context&) override;

  Result<LockResult> lock(Context& context, wire::LockRange range, bool wait) override {
    return locks_.lock(context.caller, range, wait);
  }
  Result<bool> cancel_lock(Context& context, uint64_t waiter) override { return locks_.cancel(context.caller, waiter); }
  Result<wire::LockRange> test_lock(Context& context, wire::LockRange range) override {
    return locks_.test(context.caller, range);
  }
  Status release_locks(Context& context, InodeId inode, LockOwner owner, bool flock) override {
    return locks_.release(context.caller, inode, owner, flock);
  }

 private:
  static constexpr uint32_t names_ahead = 1'000;  // of a directory, listed when they are asked for one by one

  struct File {
    InodePtr inode;
    int flags = 0;
    bool writes() const;
  };
  using FilePtr = std::shared_ptr<const File>;

  // Files (files.cc)
  FilePtr file(Handle handle) const;
  Result<FilePtr> checked_file(Handle handle) const;
  Handle add_file(const InodePtr& inode, int flags);
  bool open_alone(Inode& inode, int flags);
  Status open_at_control(net::Caller& caller, const InodePtr& inode, int flags);
  Result<size_t> write_somewhere(net::Caller& caller, const File& file, uint64_t offset, std::string_view bytes);
  Result<size_t> append_in_turn(net::Caller& caller, const InodePtr& inode, std::string_view bytes);
  Result<Opened> finish_open(net::Caller& caller, const InodePtr& inode, int flags, bool truncate);
  void let_go(const InodePtr& inode, bool writer);
  void note_access(const InodePtr& inode, int flags);

  // Entries (entries.cc)
  Attributes learn_found(Context&, const Attributes& attributes, uint64_t stamp);  // and count a lookup
  void learn_own(const Attributes& attributes, uint64_t stamp);
  void uncertain(InodeId parent, std::string_view name);
  void forget_home(InodeId inode);
  void knows_made(Context&, const LocalChanges::Made& made);
  Result<ControlChannel::Committed> change_entry(net::Caller& caller, InodeId parent, std::string_view name,
                                                 wire::Operation change);
  Status tell_made(net::Caller& caller, InodeId inode);
  std::optional<Result<Attributes>> known_entry(Context&, InodeId parent, std::string_view name);
  void learn_listed(const EntryCache::Question& question, InodeId id, uint64_t cookie, wire::ReadDirectoryReply& page);
  void list_ahead(net::Caller& caller, InodeId parent, uint64_t cookie);
  Status tell_entries(net::Caller& caller, InodeId directory);
  Result<Attributes> make_entry(Context&, wire::Create create);

  // Copies (copies.cc)
  Result<wire::OperationResult> copy(net::Caller& caller, const wire::CopyTree& operation);
  void snapshots_changed(InodeId directory, std::string_view name);
  void drop_in_kernel(InodeId parent, std::string_view name);

  // Inodes that are open here without control knowing (mount.cc)
  class Displacing;
  Status secure(net::Caller& caller, const InodePtr& inode);
  Status secure_all(net::Caller& caller);
  Status secure(net::Caller& caller, const std::vector<InodeId>& inodes);

  Status change_xattr(net::Caller& caller, InodeId id, wire::Operation change);
  Status writable() const;
  Result<Attributes> set_size(net::Caller& caller, const InodePtr& inode, const wire::SetAttributes& request);
  Status extend(net::Caller& caller, const InodePtr& inode, uint64_t size);
  Status copy_data(net::Caller& caller, const File& from, Range range, const File& to, uint64_t to_offset);
  Status copy_hole(net::Caller& caller, const File& to, Range range);
  Result<size_t> copy_bytes(net::Caller& caller, const File& from, Range range, const File& to, uint64_t to_offset);
  Result<size_t> share_range(net::Caller& caller, const File& from, Range range, const File& to, uint64_t to_offset);
  KernelCache drop(const GivenToKernel::Taken& given);
  void on_lost();
  void on_refused(const LogEntry& entry, const Error& error);
  void on_renewed(net::Caller& caller);
  void on_sole_ended(net::Caller& caller);

  // Leases (recall.cc)
  struct Recall;
  void on_recalled(net::Caller& caller, InodeId directory, uint64_t up_to, bool shared);
  std::vector<InodeId> known_under(uint64_t stamp);
  bool stop_deciding(Recall& recall);
  bool tell_for_others(net::Caller& caller);
  void forget_covered(net::Caller& caller, const Recall& recall);
  void drop_from_kernel(net::Caller& caller, const Recall& recall);

  Core core_;
  FileData data_;
  LocalChanges local_;
  Sharing sharing_;
  LockTable locks_;
  LogWriter log_writer_;
  Flusher flusher_;
  Housekeeper housekeeper_;
  Keeper keeper_;

  std::atomic<bool> roomy_{false};             // the servers surely have room for all that may wait in memory
  std::atomic<uint32_t> unknown_removals_{0};  // removals under way of which it is not known which inode they displace
  std::atomic<uint64_t> next_handle_{1};
  std::atomic<uint64_t> next_turn_{1};
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<uint64_t, FilePtr> files;
  };
  std::array<Shard, 16> files_;
  std::mutex cache_mutex_;
  KernelCache kernel_;  // guarded by cache_mutex_
  bool started_ = false;
};

}  // namespace lace::fs
