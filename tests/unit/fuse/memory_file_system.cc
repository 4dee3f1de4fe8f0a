#include "tests/unit/fuse/memory_file_system.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "tests/unit/fuse/memory_acl.h"

namespace lace::fs {
namespace {
constexpr const char* access_acl = "system.posix_acl_access";
constexpr const char* default_acl = "system.posix_acl_default";
}  // namespace

MemoryFileSystem::MemoryFileSystem(const Clock& clock) : clock_(clock) {
  Node& root = nodes_[root_inode];
  root.attributes.inode = root.parent = root_inode;
  root.attributes.mode = S_IFDIR | 0755;
  root.attributes.links = 2;
  root.lookups = 1;
  touch(root, true);
  root.attributes.accessed = root.attributes.born = root.attributes.modified;
}

// ---------------------------------------------------------------- for tests

void MemoryFileSystem::set_cache_times(CacheTimes times) {
  const std::lock_guard lock(mutex_);
  times_ = times;
}
CacheTimes MemoryFileSystem::cache_times() const {
  const std::lock_guard lock(mutex_);
  return times_;
}
uint64_t MemoryFileSystem::lookups(InodeId inode) {
  const std::lock_guard lock(mutex_);
  const Node* node = find(inode);
  return node ? node->lookups : 0;
}
std::map<InodeId, uint64_t> MemoryFileSystem::all_lookups() {
  const std::lock_guard lock(mutex_);
  std::map<InodeId, uint64_t> all;
  for (const auto& [inode, node] : nodes_) {
    if (node.lookups > 0) all[inode] = node.lookups;
  }
  return all;
}
bool MemoryFileSystem::wait_until_forgotten(Millis longest) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, longest, [this] {
    return std::ranges::all_of(nodes_, [](const auto& one) { return one.first == root_inode || one.second.lookups == 0; });
  });
}
void MemoryFileSystem::make_reads_stick(InodeId inode) {
  const std::lock_guard lock(mutex_);
  nodes_[inode].reads_stick = true;
}
size_t MemoryFileSystem::waiting_locks() {
  const std::lock_guard lock(mutex_);
  return waiters_.size();
}
bool MemoryFileSystem::wait_for_waiting_locks(size_t count, Millis longest) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, longest, [&] { return waiters_.size() == count; });
}
bool MemoryFileSystem::wait_for_reads(uint64_t count, Millis longest) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, longest, [&] { return reads_ >= count; });
}
KernelCache MemoryFileSystem::kernel_cache() {
  const std::lock_guard lock(mutex_);
  return kernel_cache_;
}
void MemoryFileSystem::set_kernel_cache(KernelCache cache) {
  const std::lock_guard lock(mutex_);
  kernel_cache_ = std::move(cache);
}
void MemoryFileSystem::set_on_lock_granted(std::function<void(uint64_t)> granted) {
  const std::lock_guard lock(mutex_);
  granted_ = std::move(granted);
}

// ---------------------------------------------------------------- nodes

MemoryFileSystem::Node* MemoryFileSystem::find(InodeId inode) {
  const auto found = nodes_.find(inode);
  return found == nodes_.end() ? nullptr : &found->second;
}

Result<MemoryFileSystem::Node*> MemoryFileSystem::directory(InodeId inode) {
  Node* node = find(inode);
  if (!node) return fail(Code::stale_handle);
  if (!S_ISDIR(node->attributes.mode)) return fail(Code::not_directory);
  if (node->attributes.links == 0) return fail(Code::no_entry);
  return node;
}

Result<MemoryFileSystem::Node*> MemoryFileSystem::child_place(InodeId parent, std::string_view name) {
  const auto in = directory(parent);
  if (!in) return in;
  if (name.size() > max_name_bytes) return fail(Code::name_too_long);
  if ((*in)->entries.contains(name)) return fail(Code::exists);
  return in;
}

void MemoryFileSystem::touch(Node& node, bool content) {
  node.attributes.changed = clock_.wall();
  if (content) node.attributes.modified = node.attributes.changed;
  node.attributes.change = next_change_++;
}

void MemoryFileSystem::add_entry(Node& parent, std::string_view name, InodeId inode) {
  const uint64_t cookie = next_cookie_++;
  parent.entries.emplace(name, Entry{inode, cookie});
  parent.by_cookie.emplace(cookie, name);
  touch(parent, true);
}

void MemoryFileSystem::drop_entry(Node& parent, std::string_view name) {
  const auto found = parent.entries.find(name);
  parent.by_cookie.erase(found->second.cookie);
  parent.entries.erase(found);
  touch(parent, true);
}

void MemoryFileSystem::inherit(Node& parent, Node& child, uint32_t umask) {
  uint32_t& mode = child.attributes.mode;
  const auto acl = parent.xattrs.find(default_acl);
  if (acl == parent.xattrs.end() || S_ISLNK(mode)) {
    if (!S_ISLNK(mode)) mode &= ~umask;
    return;
  }
  auto entries = *parse_acl(acl->second);
  mode = inherit_mode(entries, mode);
  if (!is_minimal(entries)) child.xattrs[access_acl] = format_acl(entries);
  if (S_ISDIR(mode)) child.xattrs[default_acl] = acl->second;
  child.attributes.has_acl = child.attributes.has_xattr = !child.xattrs.empty();
}

MemoryFileSystem::Node& MemoryFileSystem::add_node(Context& context, Node& parent, uint32_t mode) {
  const InodeId inode{next_inode_++};
  Node& node = nodes_[inode];
  node.attributes.inode = inode;
  node.attributes.mode = mode;
  node.attributes.uid = context.uid;
  node.attributes.gid = context.gid;
  if (parent.attributes.mode & S_ISGID) {
    node.attributes.gid = parent.attributes.gid;
    if (S_ISDIR(mode)) node.attributes.mode |= S_ISGID;
  }
  node.attributes.links = S_ISDIR(mode) ? 2 : 1;
  if (S_ISDIR(mode)) {
    node.parent = parent.attributes.inode;
    ++parent.attributes.links;
  }
  inherit(parent, node, context.umask);
  touch(node, true);
  node.attributes.accessed = node.attributes.born = node.attributes.modified;
  return node;
}

void MemoryFileSystem::collect(InodeId inode) {
  const Node* node = find(inode);
  if (node && node->attributes.links == 0 && node->open == 0 && node->lookups == 0) nodes_.erase(inode);
}

void MemoryFileSystem::unlink_node(Node& node) {
  if (S_ISDIR(node.attributes.mode)) {
    node.attributes.links = 0;
    if (Node* parent = find(node.parent)) --parent->attributes.links;
  } else {
    --node.attributes.links;
  }
  touch(node, false);
  collect(node.attributes.inode);
}

// ---------------------------------------------------------------- entries

Result<Attributes> MemoryFileSystem::lookup(Context&, InodeId parent, std::string_view name) {
  const std::lock_guard lock(mutex_);
  InodeId found = parent;
  if (name == "..") {
    const auto in = directory(parent);
    if (!in) return pass(in);
    found = (*in)->parent;
  } else if (name != ".") {
    const auto in = directory(parent);
    if (!in) return pass(in);
    if (name.size() > max_name_bytes) return fail(Code::name_too_long);
    const auto entry = (*in)->entries.find(name);
    if (entry == (*in)->entries.end()) return fail(Code::no_entry);
    found = entry->second.inode;
  }
  Node* node = find(found);
  if (!node) return fail(Code::stale_handle);
  ++node->lookups;
  return node->attributes;
}

void MemoryFileSystem::remember(InodeId inode) {
  const std::lock_guard lock(mutex_);
  if (Node* node = find(inode)) ++node->lookups;
}

void MemoryFileSystem::forget(InodeId inode, uint64_t lookups) {
  {
    const std::lock_guard lock(mutex_);
    if (Node* node = find(inode)) {
      node->lookups -= std::min(lookups, node->lookups);
      collect(inode);
    }
  }
  changed_.notify_all();
}

Result<Attributes> MemoryFileSystem::make(Context& context, InodeId parent, std::string_view name, uint32_t mode,
                                          uint32_t device) {
  const std::lock_guard lock(mutex_);
  const auto in = child_place(parent, name);
  if (!in) return pass(in);
  Node& node = add_node(context, **in, mode);
  node.attributes.device = device;
  node.lookups = 1;
  add_entry(**in, name, node.attributes.inode);
  return node.attributes;
}

Result<Attributes> MemoryFileSystem::symlink(Context& context, InodeId parent, std::string_view name, std::string_view target) {
  const std::lock_guard lock(mutex_);
  const auto in = child_place(parent, name);
  if (!in) return pass(in);
  Node& node = add_node(context, **in, S_IFLNK | 0777);
  node.target = target;
  node.attributes.size = target.size();
  node.lookups = 1;
  add_entry(**in, name, node.attributes.inode);
  return node.attributes;
}

Result<Attributes> MemoryFileSystem::link(Context&, InodeId inode, InodeId parent, std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto in = child_place(parent, name);
  if (!in) return pass(in);
  Node* node = find(inode);
  if (!node || node->attributes.links == 0) return fail(Code::no_entry);
  if (S_ISDIR(node->attributes.mode)) return fail(Code::not_permitted);
  ++node->attributes.links;
  ++node->lookups;
  touch(*node, false);
  add_entry(**in, name, inode);
  return node->attributes;
}

Status MemoryFileSystem::remove(Context&, InodeId parent, std::string_view name, bool is_directory) {
  const std::lock_guard lock(mutex_);
  const auto in = directory(parent);
  if (!in) return pass(in);
  const auto entry = (*in)->entries.find(name);
  if (entry == (*in)->entries.end()) return fail(Code::no_entry);
  Node& node = *find(entry->second.inode);
  if (is_directory != S_ISDIR(node.attributes.mode)) return fail(is_directory ? Code::not_directory : Code::is_directory);
  if (!node.entries.empty()) return fail(Code::not_empty);
  drop_entry(**in, name);
  unlink_node(node);
  return {};
}

bool MemoryFileSystem::is_below(InodeId below, InodeId ancestor) {
  for (InodeId one = below;; one = find(one)->parent) {
    if (one == ancestor) return true;
    if (one == root_inode) return false;
  }
}

Status MemoryFileSystem::rename(Context&, InodeId parent, std::string_view name, InodeId new_parent, std::string_view new_name,
                                bool no_replace, bool exchange) {
  const std::lock_guard lock(mutex_);
  const auto from = directory(parent), to = directory(new_parent);
  if (!from) return pass(from);
  if (!to) return pass(to);
  if (new_name.size() > max_name_bytes) return fail(Code::name_too_long);
  const auto source = (*from)->entries.find(name);
  if (source == (*from)->entries.end()) return fail(Code::no_entry);
  const auto target = (*to)->entries.find(new_name);
  const bool there = target != (*to)->entries.end();
  if (there && no_replace) return fail(Code::exists);
  if (!there && exchange) return fail(Code::no_entry);
  Node& moved = *find(source->second.inode);
  Node* displaced = there ? find(target->second.inode) : nullptr;
  if (displaced == &moved) return {};
  const bool moved_directory = S_ISDIR(moved.attributes.mode);
  if (moved_directory && is_below(new_parent, moved.attributes.inode)) return fail(Code::invalid);
  const auto adopt = [this](Node& node, Node& old_parent, Node& its_parent) {
    if (!S_ISDIR(node.attributes.mode) || &old_parent == &its_parent) return;
    --old_parent.attributes.links;
    ++its_parent.attributes.links;
    node.parent = its_parent.attributes.inode;
  };
  if (exchange) {
    if (S_ISDIR(displaced->attributes.mode) && is_below(parent, displaced->attributes.inode)) return fail(Code::invalid);
    std::swap(source->second.inode, target->second.inode);
    adopt(moved, **from, **to);
    adopt(*displaced, **to, **from);
    touch(*displaced, false);
    touch(**from, true);
    touch(**to, true);
  } else {
    if (displaced) {
      const bool over_directory = S_ISDIR(displaced->attributes.mode);
      if (moved_directory != over_directory) return fail(moved_directory ? Code::not_directory : Code::is_directory);
      if (!displaced->entries.empty()) return fail(Code::not_empty);
      drop_entry(**to, new_name);
      unlink_node(*displaced);
    }
    drop_entry(**from, name);
    add_entry(**to, new_name, moved.attributes.inode);
    adopt(moved, **from, **to);
  }
  touch(moved, false);
  return {};
}

Result<std::string> MemoryFileSystem::read_link(Context&, InodeId inode) {
  const std::lock_guard lock(mutex_);
  const Node* node = find(inode);
  if (!node) return fail(Code::stale_handle);
  return node->target;
}

// ---------------------------------------------------------------- attributes

Result<Attributes> MemoryFileSystem::attributes(Context&, InodeId inode) {
  const std::lock_guard lock(mutex_);
  const Node* node = find(inode);
  if (!node) return fail(Code::stale_handle);
  return node->attributes;
}

Result<Attributes> MemoryFileSystem::set_attributes(Context&, wire::SetAttributes request) {
  using Set = wire::SetAttributes;
  const std::lock_guard lock(mutex_);
  Node* node = find(request.inode);
  if (!node) return fail(Code::stale_handle);
  Attributes& attributes = node->attributes;
  if ((request.set & Set::set_size) && request.size > max_file_bytes) return fail(Code::file_too_big);
  if (request.set & Set::set_mode) {
    attributes.mode = (attributes.mode & ~07777u) | request.mode;
    if (const auto acl = node->xattrs.find(access_acl); acl != node->xattrs.end()) {
      auto entries = *parse_acl(acl->second);
      apply_mode(entries, request.mode);
      acl->second = format_acl(entries);
    }
  }
  if (request.set & Set::set_uid) attributes.uid = request.uid;
  if (request.set & Set::set_gid) attributes.gid = request.gid;
  touch(*node, (request.set & Set::set_size) != 0);
  if (request.set & Set::set_size) resize(*node, request.size);
  if (request.set & Set::set_accessed) attributes.accessed = request.accessed;
  if (request.set & Set::set_modified) attributes.modified = request.modified;
  return attributes;
}

Result<std::string> MemoryFileSystem::get_xattr(Context&, InodeId inode, std::string_view name) {
  const std::lock_guard lock(mutex_);
  const Node* node = find(inode);
  if (!node) return fail(Code::stale_handle);
  const auto found = node->xattrs.find(name);
  if (found == node->xattrs.end()) return fail(Code::no_data);
  return found->second;
}

Result<std::vector<std::string>> MemoryFileSystem::list_xattrs(Context&, InodeId inode) {
  const std::lock_guard lock(mutex_);
  const Node* node = find(inode);
  if (!node) return fail(Code::stale_handle);
  std::vector<std::string> names;
  for (const auto& [name, value] : node->xattrs) names.push_back(name);
  return names;
}

Status MemoryFileSystem::set_xattr(Context&, InodeId inode, std::string_view name, std::string_view value, bool create_only,
                                   bool replace_only) {
  const std::lock_guard lock(mutex_);
  Node* node = find(inode);
  if (!node) return fail(Code::stale_handle);
  const bool there = node->xattrs.contains(name);
  if (there && create_only) return fail(Code::exists);
  if (!there && replace_only) return fail(Code::no_data);
  bool keep = true;
  if (name == access_acl || name == default_acl) {
    const auto acl = parse_acl(std::string(value));
    if (!acl) return fail(Code::invalid);
    if (name == access_acl) {
      node->attributes.mode = mode_of(*acl, node->attributes.mode);
      keep = !is_minimal(*acl);
    }
  }
  node->xattrs.erase(std::string(name));
  if (keep) node->xattrs.emplace(name, value);
  node->attributes.has_xattr = !node->xattrs.empty();
  node->attributes.has_acl = node->xattrs.contains(access_acl) || node->xattrs.contains(default_acl);
  touch(*node, false);
  return {};
}

Status MemoryFileSystem::remove_xattr(Context&, InodeId inode, std::string_view name) {
  const std::lock_guard lock(mutex_);
  Node* node = find(inode);
  if (!node) return fail(Code::stale_handle);
  const auto found = node->xattrs.find(name);
  if (found == node->xattrs.end()) return fail(Code::no_data);
  node->xattrs.erase(found);
  node->attributes.has_xattr = !node->xattrs.empty();
  node->attributes.has_acl = node->xattrs.contains(access_acl) || node->xattrs.contains(default_acl);
  touch(*node, false);
  return {};
}

// ---------------------------------------------------------------- files

void MemoryFileSystem::count_stored(Node& node) const { node.attributes.stored = node.pages.size() * page_bytes; }

void MemoryFileSystem::punch(Node& node, uint64_t offset, uint64_t length) {
  const uint64_t end = offset + length;
  for (auto page = node.pages.lower_bound(offset / page_bytes); page != node.pages.end();) {
    const uint64_t start = page->first * page_bytes;
    if (start >= end) break;
    const uint64_t from = std::max(offset, start) - start, until = std::min(end, start + page_bytes) - start;
    if (from == 0 && until == page_bytes) {
      page = node.pages.erase(page);
    } else {
      std::fill(page->second.begin() + static_cast<long>(from), page->second.begin() + static_cast<long>(until), '\0');
      ++page;
    }
  }
  count_stored(node);
}

void MemoryFileSystem::resize(Node& node, uint64_t size) {
  if (size < node.attributes.size) {
    node.pages.erase(node.pages.lower_bound((size + page_bytes - 1) / page_bytes), node.pages.end());
    if (size % page_bytes != 0) punch(node, size, page_bytes - size % page_bytes);
    count_stored(node);
  }
  node.attributes.size = size;
}

void MemoryFileSystem::write_at(Node& node, uint64_t offset, std::string_view bytes) {
  node.attributes.size = std::max(node.attributes.size, offset + bytes.size());
  while (!bytes.empty()) {
    std::string& page = node.pages[offset / page_bytes];
    page.resize(page_bytes);
    const size_t within = offset % page_bytes, take = std::min<size_t>(bytes.size(), page_bytes - within);
    bytes.copy(page.data() + within, take);
    bytes.remove_prefix(take);
    offset += take;
  }
  count_stored(node);
  touch(node, true);
}

std::string MemoryFileSystem::read_at(const Node& node, uint64_t offset, size_t length) const {
  if (offset >= node.attributes.size) return {};
  std::string out(std::min<uint64_t>(length, node.attributes.size - offset), '\0');
  for (size_t done = 0; done < out.size();) {
    const uint64_t at = offset + done;
    const size_t within = at % page_bytes, take = std::min<size_t>(out.size() - done, page_bytes - within);
    if (const auto page = node.pages.find(at / page_bytes); page != node.pages.end()) {
      page->second.copy(out.data() + done, take, within);
    }
    done += take;
  }
  return out;
}

Result<Opened> MemoryFileSystem::open(Context&, InodeId inode, int flags) {
  const std::lock_guard lock(mutex_);
  Node* node = find(inode);
  if (!node) return fail(Code::stale_handle);
  if (flags & O_TRUNC) {
    resize(*node, 0);
    touch(*node, true);
  }
  ++node->open;
  const uint64_t handle = next_handle_++;
  files_[handle] = {inode, flags};
  return Opened{Handle{handle}, times_.attributes.count() > 0, node->attributes};
}

Result<Opened> MemoryFileSystem::create(Context& context, InodeId parent, std::string_view name, uint32_t mode, int flags) {
  const auto made = make(context, parent, name, mode, 0);
  if (!made) return pass(made);
  return open(context, made->inode, flags & ~O_TRUNC);
}

Result<size_t> MemoryFileSystem::read(Context& context, Handle handle, uint64_t offset, char* into, size_t length) {
  std::unique_lock lock(mutex_);
  ++reads_;
  changed_.notify_all();
  const auto file = files_.find(raw(handle));
  if (file == files_.end()) return fail(Code::stale_handle);
  Node& node = *find(file->second.inode);
  if (node.reads_stick) {
    lock.unlock();
    const Status waited = context.caller.pause(Millis{60'000});
    if (!waited) return pass(waited);
    return fail(Code::io);
  }
  return read_at(node, offset, length).copy(into, length);
}

Result<size_t> MemoryFileSystem::write(Context&, Handle handle, uint64_t offset, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  const auto file = files_.find(raw(handle));
  if (file == files_.end()) return fail(Code::stale_handle);
  if (offset + bytes.size() > max_file_bytes) return fail(Code::file_too_big);
  Node& node = *find(file->second.inode);
  write_at(node, file->second.flags & O_APPEND ? node.attributes.size : offset, bytes);
  return bytes.size();
}

void MemoryFileSystem::set_append(Handle handle, bool append) {
  const std::lock_guard lock(mutex_);
  int& flags = files_.at(raw(handle)).flags;
  flags = append ? flags | O_APPEND : flags & ~O_APPEND;
}

void MemoryFileSystem::release(Context&, Handle handle) {
  const std::lock_guard lock(mutex_);
  const auto file = files_.find(raw(handle));
  if (file == files_.end()) return;
  const InodeId inode = file->second.inode;
  files_.erase(file);
  --find(inode)->open;
  collect(inode);
}

Status MemoryFileSystem::allocate(Context&, Handle handle, int mode, uint64_t offset, uint64_t length) {
  const std::lock_guard lock(mutex_);
  Node& node = *find(files_.at(raw(handle)).inode);
  const uint64_t end = offset + length;
  if (end > max_file_bytes) return fail(Code::file_too_big);
  if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) {
    punch(node, offset, length);
  } else {
    for (uint64_t page = offset / page_bytes; page * page_bytes < end; ++page) node.pages[page].resize(page_bytes);
    count_stored(node);
  }
  if (!(mode & FALLOC_FL_KEEP_SIZE)) node.attributes.size = std::max(node.attributes.size, end);
  touch(node, true);
  return {};
}

Result<uint64_t> MemoryFileSystem::seek(Context&, Handle handle, uint64_t offset, int whence) {
  const std::lock_guard lock(mutex_);
  const Node& node = *find(files_.at(raw(handle)).inode);
  if (offset >= node.attributes.size) return fail(Code::no_such_offset);
  if (whence == SEEK_DATA) {
    const auto page = node.pages.lower_bound(offset / page_bytes);
    if (page == node.pages.end() || page->first * page_bytes >= node.attributes.size) return fail(Code::no_such_offset);
    return std::max(offset, page->first * page_bytes);
  }
  uint64_t page = offset / page_bytes;
  while (node.pages.contains(page)) ++page;
  return std::min(std::max(offset, page * page_bytes), node.attributes.size);
}

Result<size_t> MemoryFileSystem::copy_range(Context&, Handle from, uint64_t from_offset, Handle to, uint64_t to_offset,
                                            size_t length) {
  const std::lock_guard lock(mutex_);
  const std::string bytes = read_at(*find(files_.at(raw(from)).inode), from_offset, length);
  if (!bytes.empty()) write_at(*find(files_.at(raw(to)).inode), to_offset, bytes);
  return bytes.size();
}

// ---------------------------------------------------------------- directories

Result<wire::ReadDirectoryReply> MemoryFileSystem::read_directory(Context&, InodeId inode, uint64_t cookie,
                                                                  uint32_t max_entries, bool with_attributes) {
  const std::lock_guard lock(mutex_);
  Node* node = find(inode);
  if (!node) return fail(Code::stale_handle);
  wire::ReadDirectoryReply reply;
  reply.parent = node->parent;
  auto next = node->by_cookie.upper_bound(cookie);
  for (; next != node->by_cookie.end() && reply.entries.size() < max_entries; ++next) {
    const Entry& entry = node->entries.find(next->second)->second;
    const Attributes& attributes = find(entry.inode)->attributes;
    wire::DirectoryEntry out{
        next->second, next->first, entry.inode, static_cast<uint8_t>((attributes.mode & S_IFMT) >> 12), {}};
    if (with_attributes) out.attributes = attributes;
    reply.entries.push_back(std::move(out));
  }
  reply.end = next == node->by_cookie.end();
  return reply;
}

Result<wire::FileSystemUsageReply> MemoryFileSystem::usage(Context&) {
  const std::lock_guard lock(mutex_);
  wire::FileSystemUsageReply reply;
  reply.capacity_bytes = uint64_t{64} << 30;
  uint64_t used = 0;
  for (const auto& [inode, node] : nodes_) used += node.attributes.stored;
  reply.available_bytes = reply.capacity_bytes - used;
  reply.inodes = nodes_.size();
  return reply;
}

// ---------------------------------------------------------------- locks

bool MemoryFileSystem::conflicts(const wire::LockRange& range) const {
  return std::ranges::any_of(locks_, [&](const wire::LockRange& held) {
    return held.inode == range.inode && held.flock == range.flock && held.owner != range.owner && held.start <= range.end &&
           range.start <= held.end && (held.type == F_WRLCK || range.type == F_WRLCK);
  });
}

void MemoryFileSystem::place_lock(const wire::LockRange& range) {
  for (auto held = locks_.begin(); held != locks_.end();) {
    const bool same = held->inode == range.inode && held->flock == range.flock && held->owner == range.owner &&
                      held->start <= range.end && range.start <= held->end;
    if (!same) {
      ++held;
      continue;
    }
    wire::LockRange left = *held, right = *held;
    if (held->start < range.start) {
      left.end = range.start - 1;
      locks_.insert(held, left);
    }
    if (held->end > range.end) {
      right.start = range.end + 1;
      locks_.insert(held, right);
    }
    held = locks_.erase(held);
  }
  if (range.type == F_UNLCK) return;
  wire::LockRange joined = range;
  std::erase_if(locks_, [&](const wire::LockRange& held) {
    const bool touches = held.inode == range.inode && held.flock == range.flock && held.owner == range.owner &&
                         held.type == range.type && (held.end + 1 == joined.start || joined.end + 1 == held.start);
    if (touches) joined.start = std::min(joined.start, held.start), joined.end = std::max(joined.end, held.end);
    return touches;
  });
  locks_.push_back(joined);
}

std::vector<uint64_t> MemoryFileSystem::grant_waiters() {
  std::vector<uint64_t> granted;
  for (auto one = waiters_.begin(); one != waiters_.end();) {
    if (conflicts(one->range)) {
      ++one;
      continue;
    }
    place_lock(one->range);
    granted.push_back(one->number);
    one = waiters_.erase(one);
  }
  return granted;
}

Result<LockResult> MemoryFileSystem::lock(Context&, wire::LockRange range, bool wait) {
  std::vector<uint64_t> granted;
  LockResult result{true, 0};
  {
    const std::lock_guard lock(mutex_);
    if (range.type != F_UNLCK && conflicts(range)) {
      if (!wait) return fail(Code::try_again);
      result = {false, next_waiter_++};
      waiters_.push_back({result.waiter, range});  // changed_ is told below
    } else {
      place_lock(range);
      granted = grant_waiters();
    }
  }
  changed_.notify_all();
  for (const uint64_t waiter : granted) granted_(waiter);
  return result;
}

Result<bool> MemoryFileSystem::cancel_lock(Context&, uint64_t waiter) {
  bool waiting = false;
  {
    const std::lock_guard lock(mutex_);
    waiting = std::erase_if(waiters_, [waiter](const Waiter& one) { return one.number == waiter; }) != 0;
  }
  changed_.notify_all();
  return !waiting;
}

Result<wire::LockRange> MemoryFileSystem::test_lock(Context&, wire::LockRange range) {
  const std::lock_guard lock(mutex_);
  for (const wire::LockRange& held : locks_) {
    if (held.inode == range.inode && held.flock == range.flock && held.owner != range.owner && held.start <= range.end &&
        range.start <= held.end && (held.type == F_WRLCK || range.type == F_WRLCK)) {
      return held;
    }
  }
  range.type = F_UNLCK;
  return range;
}

Status MemoryFileSystem::release_locks(Context&, InodeId inode, LockOwner owner, bool flock) {
  std::vector<uint64_t> granted;
  {
    const std::lock_guard lock(mutex_);
    const auto is_his = [&](const wire::LockRange& one) {
      return one.inode == inode && one.owner == owner && one.flock == flock;
    };
    std::erase_if(locks_, is_his);
    std::erase_if(waiters_, [&](const Waiter& one) { return is_his(one.range); });
    granted = grant_waiters();
  }
  changed_.notify_all();
  for (const uint64_t waiter : granted) granted_(waiter);
  return {};
}

}  // namespace lace::fs
