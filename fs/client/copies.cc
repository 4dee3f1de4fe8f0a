// Mount: copies of trees, and snapshots.
#include "fs/client/mount.h"

namespace lace::fs {

namespace {

constexpr std::string_view snapshots_top = ".lace";

bool is_uncertain(const Error& error) { return error.code == Code::interrupted || error.code == Code::io; }

}  // namespace

// The kernel learns of a name that it did not make itself.
void Mount::drop_in_kernel(InodeId parent, std::string_view name) {
  KernelCache kernel;
  {
    const std::lock_guard lock(cache_mutex_);
    kernel = kernel_;
  }
  if (kernel.drop_entry) kernel.drop_entry(parent, std::string(name));
  if (kernel.drop_attributes) kernel.drop_attributes(parent);
}

Result<wire::OperationResult> Mount::copy(net::Caller& caller, const wire::CopyTree& operation) {
  if (auto ok = writable(); !ok) return pass(ok);
  if (auto flushed = flusher_.flush_all(caller); !flushed) return pass(flushed);
  return sharing_.copy_tree(caller, operation);
}

Status Mount::copy_tree(Context& context, InodeId source, InodeId parent, std::string_view name) {
  const uint64_t stamp = core_.session.stamp();
  const EntryCache::Change change(core_.entries, parent);
  auto result = copy(context.caller, {source, parent, std::string(name), core_.clock.wall()});
  if (!result) {
    if (is_uncertain(result.error())) uncertain(parent, name);
    return pass(result);
  }
  learn_own(result->parent, stamp);
  core_.entries.put(parent, name, result->inode.inode, stamp);
  drop_in_kernel(parent, name);
  return {};
}

// Rare: what is believed of names is asked anew.
void Mount::snapshots_changed(InodeId directory, std::string_view name) {
  core_.entries.clear();
  uncertain(root_inode, snapshots_top);
  drop_in_kernel(root_inode, snapshots_top);
  if (directory == no_inode) return;
  uncertain(directory, name);
  drop_in_kernel(directory, name);
}

Status Mount::make_snapshot(Context& context, InodeId directory, std::string_view name) {
  auto result = copy(context.caller, {directory, no_inode, std::string(name), core_.clock.wall()});
  if (result || is_uncertain(result.error())) snapshots_changed(result ? result->parent.inode : no_inode, name);
  return result ? Status{} : pass(result);
}

Status Mount::remove_snapshot(Context& context, std::string_view name) {
  if (auto ok = writable(); !ok) return ok;
  if (auto told = core_.tell_all(context.caller); !told) return told;
  // What is open in it here must live on.
  if (auto secured = secure_all(context.caller); !secured) return secured;
  auto result = core_.control.commit_one(context.caller, wire::RemoveSnapshot{std::string(name), core_.clock.wall()});
  if (result || is_uncertain(result.error())) snapshots_changed(result ? result->parent.inode : no_inode, name);
  return result ? Status{} : pass(result);
}

}  // namespace lace::fs
