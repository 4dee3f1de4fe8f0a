#include "control/ops/names.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>

#include "common/base/check.h"

namespace lace::control {
namespace {

constexpr uint32_t extents_at_once = 1'000;  // larger files are taken apart in several transactions

bool is_held(const Context& context, InodeId inode) {
  const auto& opened = context.outcome.held;  // by this very commit: the server does not know yet
  return std::find(opened.begin(), opened.end(), inode) != opened.end() || (context.held && context.held(inode));
}

void let_go(Context& context, InodeId inode) {
  Store& store = context.store;
  if (is_held(context, inode)) {
    context.outcome.orphaned.push_back(inode);
  } else if (take_apart(store, context.freed, inode, extents_at_once)) {
    return;
  } else {
    context.outcome.orphaned.push_back(inode);
  }
  store.orphans.insert(inode);
  ++store.counters.now.orphans;
}

void forget_name_of_many(Store& store, Inode& inode, InodeId parent) {
  const InodeId id = inode.attributes.inode;
  store.hardlinks.take(id, parent);
  if (inode.attributes.links != 1) return;
  const auto left = store.hardlinks.parents(id, 2);
  CHECK(left.size() == 1);
  inode.parent = left.front();
  store.hardlinks.erase(id);
}

}  // namespace

bool is_directory(const wire::Attributes& attributes) { return S_ISDIR(attributes.mode); }

uint8_t entry_type(uint32_t mode) { return static_cast<uint8_t>(IFTODT(mode)); }

Status check_name(std::string_view name) {
  if (name.size() > max_name_bytes) return fail(Code::name_too_long);
  if (name.empty() || name == "." || name == "..") return fail(Code::invalid);
  if (name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos) return fail(Code::invalid);
  return {};
}

Result<const Inode*> find_directory(Store& store, InodeId directory) {
  const Inode* found = store.inodes.find(directory);
  if (found == nullptr) return fail(Code::no_entry);
  if (!is_directory(found->attributes)) return fail(Code::not_directory);
  if (found->attributes.links == 0) return fail(Code::no_entry);
  return found;
}

void touch_directory(Inode& directory, const FileTime& now) {
  directory.attributes.modified = now;
  directory.attributes.changed = now;
  ++directory.attributes.change;
}

void add_entry(Store& store, InodeId parent, std::string_view name, const wire::Attributes& inode) {
  store.entries.insert(parent, name, {inode.inode, entry_type(inode.mode), store.counters.now.next_cookie++});
  wire::Attributes& directory = store.inodes.edit(parent).attributes;
  ++directory.size;
  if (is_directory(inode)) ++directory.links;
}

void move_name(Store& store, InodeId id, InodeId from, InodeId to) {
  if (from == to) return;
  Inode& inode = store.inodes.edit(id);
  if (is_directory(inode.attributes) || inode.attributes.links == 1) {
    inode.parent = to;
  } else {
    store.hardlinks.take(id, from);
    store.hardlinks.add(id, to);
  }
}

void add_name(Store& store, InodeId id, InodeId parent, const FileTime& now) {
  Inode& inode = store.inodes.edit(id);
  if (inode.attributes.links == 1) store.hardlinks.add(id, inode.parent);
  store.hardlinks.add(id, parent);
  ++inode.attributes.links;
  ++inode.attributes.change;
  inode.attributes.changed = now;
}

wire::Attributes drop_name(Context& context, InodeId id, InodeId parent, const FileTime& now) {
  Inode& inode = context.store.inodes.edit(id);
  wire::Attributes& attributes = inode.attributes;
  attributes.changed = now;
  ++attributes.change;
  const bool had_many = !is_directory(attributes) && attributes.links > 1;
  attributes.links = is_directory(attributes) ? 0 : attributes.links - 1;
  if (had_many) {
    forget_name_of_many(context.store, inode, parent);
    return attributes;
  }
  const wire::Attributes afterwards = attributes;
  let_go(context, id);
  return afterwards;
}

bool is_below(Store& store, InodeId inode, InodeId ancestor) {
  for (InodeId at = inode;;) {
    if (at == ancestor) return true;
    if (at == root_inode) return false;
    const Inode* found = store.inodes.find(at);
    if (found == nullptr || found->parent == at) return false;
    at = found->parent;
  }
}

std::string path_of(Store& store, InodeId id) {
  std::string path;
  for (InodeId at = id; at != root_inode;) {
    const Inode* inode = store.inodes.find(at);
    if (inode == nullptr) return {};
    InodeId parent = inode->parent;
    if (!is_directory(inode->attributes) && inode->attributes.links > 1) parent = store.hardlinks.parents(at, 1).at(0);
    const auto name = store.entries.name_of(parent, at);
    if (!name) return {};
    path = "/" + *name + path;
    at = parent;
  }
  return path.empty() ? "/" : path;
}

bool empty_directory(Context& context, InodeId top, uint32_t budget) {
  Store& store = context.store;
  std::vector<std::pair<InodeId, std::string>> path{{top, {}}};  // how it is called in the one before
  const auto drop = [&](InodeId directory, const std::string& name, InodeId inode) {
    store.entries.erase(directory, name);
    Inode& holder = store.inodes.edit(directory);
    --holder.attributes.size;
    if (directory != top && is_directory(store.inodes.at(inode).attributes)) --holder.attributes.links;  // the top has none
    drop_name(context, inode, directory, store.inodes.at(inode).attributes.changed);
    store.trim();
    --budget;
  };
  while (budget > 0) {
    const auto [directory, name] = path.back();
    const auto entries = store.entries.list(directory, 0, std::min(budget, extents_at_once));
    if (entries.empty()) {
      if (directory == top) return true;
      path.pop_back();
      drop(path.back().first, name, directory);
      continue;
    }
    for (const wire::DirectoryEntry& entry : entries) {
      if (entry.type == entry_type(S_IFDIR)) {
        path.emplace_back(entry.inode, entry.name);
        break;
      }
      drop(directory, entry.name, entry.inode);
    }
  }
  return false;
}

bool take_apart(Store& store, FreedSpace& freed, InodeId id, uint32_t max_extents) {
  const wire::Attributes attributes = store.inodes.find(id)->attributes;
  CHECK(attributes.links == 0);
  if (attributes.stored > 0) {
    uint64_t next = 0;
    Inode& inode = store.inodes.edit(id);
    cut_some(store, freed, inode, 0, max_file_bytes, max_extents, next);
    if (inode.attributes.stored > 0) return false;
  }
  if (attributes.has_xattr) store.xattrs.erase_all(id);
  if (S_ISLNK(attributes.mode)) store.symlinks.erase(id);
  store.inodes.erase(id);
  --store.counters.now.inodes;
  return true;
}

}  // namespace lace::control
