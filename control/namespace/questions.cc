// The questions of a SqliteNamespace: they change nothing.
#include <sys/stat.h>

#include <algorithm>
#include <limits>

#include "control/namespace/apply.h"
#include "control/namespace/sqlite_namespace.h"
#include "control/ops/file_map.h"
#include "control/ops/names.h"

namespace lace::control {
namespace {

constexpr uint32_t most_entries = 10'000;
constexpr uint32_t most_extents = 10'000;

// A directory that can be read, be it removed and still open.
Result<const Inode*> readable_directory(Store& store, InodeId id) {
  const Inode* inode = store.inodes.find(id);
  if (inode == nullptr) return fail(Code::stale_handle);
  if (!is_directory(inode->attributes)) return fail(Code::not_directory);
  return inode;
}

Result<InodeId> resolve_name(Store& store, InodeId parent, std::string_view name) {
  const auto directory = readable_directory(store, parent);
  if (!directory) return pass(directory);
  if (name == ".") return parent;
  if (name == "..") return (*directory)->parent;
  if (name.size() > max_name_bytes) return fail(Code::name_too_long);
  const auto entry = store.entries.find(parent, name);
  if (!entry) return fail(Code::no_entry);
  return entry->inode;
}

}  // namespace

Result<wire::Attributes> SqliteNamespace::lookup(InodeId parent, std::string_view name) {
  return ask([&]() -> Result<wire::Attributes> {
    const auto found = resolve_name(store_, parent, name);
    if (!found) return pass(found);
    wire::Attributes attributes;
    if (!store_.inodes.read(*found, attributes)) return fail(Code::stale_handle);
    return attributes;
  });
}

Result<wire::Attributes> SqliteNamespace::attributes(InodeId inode) {
  return ask([&]() -> Result<wire::Attributes> {
    wire::Attributes attributes;
    if (!store_.inodes.read(inode, attributes)) return fail(Code::stale_handle);
    return attributes;
  });
}

Result<Listing> SqliteNamespace::read_directory(InodeId id, uint64_t cookie, uint32_t max_entries, bool with_attributes) {
  return ask([&]() -> Result<Listing> {
    if (max_entries == 0 || max_entries > most_entries) return fail(Code::invalid);
    const auto directory = readable_directory(store_, id);
    if (!directory) return pass(directory);
    Listing listing;
    listing.parent = (*directory)->parent;
    listing.entries =
        with_attributes ? store_.inodes.list(id, cookie, max_entries) : store_.entries.list(id, cookie, max_entries);
    listing.end = listing.entries.size() < max_entries;
    return listing;
  });
}

Result<std::string> SqliteNamespace::read_link(InodeId id) {
  return ask([&]() -> Result<std::string> {
    auto target = store_.symlinks.get(id);
    if (target) return std::move(*target);
    return fail(store_.inodes.find(id) == nullptr ? Code::stale_handle : Code::invalid);
  });
}

Result<std::string> SqliteNamespace::get_xattr(InodeId id, std::string_view name) {
  return ask([&]() -> Result<std::string> {
    const Inode* inode = store_.inodes.find(id);
    if (inode == nullptr) return fail(Code::stale_handle);
    auto value = inode->attributes.has_xattr ? store_.xattrs.get(id, name) : std::nullopt;
    if (!value) return fail(Code::no_data);
    return std::move(*value);
  });
}

Result<std::vector<std::string>> SqliteNamespace::list_xattrs(InodeId id) {
  return ask([&]() -> Result<std::vector<std::string>> {
    const Inode* inode = store_.inodes.find(id);
    if (inode == nullptr) return fail(Code::stale_handle);
    if (!inode->attributes.has_xattr) return std::vector<std::string>{};
    return store_.xattrs.names(id);
  });
}

Result<Extents> SqliteNamespace::extents(InodeId id, uint64_t offset, uint64_t length, uint32_t max) {
  return ask([&]() -> Result<Extents> {
    if (max == 0 || max > most_extents) return fail(Code::invalid);
    Extents answer;
    if (!store_.inodes.read(id, answer.attributes)) return fail(Code::stale_handle);
    answer.length = offset >= max_file_bytes ? length : std::min(length, max_file_bytes - offset);
    if (answer.length == 0 || offset >= max_file_bytes || answer.attributes.stored == 0) return answer;
    const auto before = store_.extents.before(id, offset);
    if (before && before->offset + before->length > offset) answer.extents.push_back(*before);
    store_.extents.starting_in(id, offset, offset + answer.length - 1, max + 1, answer.extents);
    if (answer.extents.size() > max) {
      answer.length = answer.extents[max].offset - offset;  // up to where the first one left out starts
      answer.extents.resize(max);
    }
    answer.extents = with_shared(store_, answer.extents);
    return answer;
  });
}

Result<bool> SqliteNamespace::is_inside(InodeId inode, InodeId subtree) {
  return ask([&] { return control::is_inside(store_, inode, subtree); });
}

Result<InodeId> SqliteNamespace::home(InodeId id) {
  return ask([&]() -> InodeId {
    const Inode* inode = store_.inodes.find(id);
    if (inode == nullptr || inode->attributes.frozen) return no_inode;
    if (is_directory(inode->attributes)) return id;
    return inode->attributes.links == 1 ? inode->parent : no_inode;
  });
}

Result<InodeId> SqliteNamespace::resolve(std::string_view path) {
  return ask([&]() -> Result<InodeId> {
    InodeId at = root_inode;
    while (!path.empty()) {
      const size_t slash = std::min(path.find('/'), path.size());
      const std::string_view name = path.substr(0, slash);
      path.remove_prefix(std::min(slash + 1, path.size()));
      if (name.empty()) continue;
      const auto next = resolve_name(store_, at, name);
      if (!next) return next;
      at = *next;
    }
    return at;
  });
}

Result<std::string> SqliteNamespace::path_of(InodeId id) {
  return ask([&] { return control::path_of(store_, id); });
}

Counts SqliteNamespace::counts() const {
  const Counters& now = store_.counters.now;
  return {now.inodes, now.blocks, {now.in_sync.begin(), now.in_sync.end()}, now.orphans, now.applied, now.punches};
}

}  // namespace lace::control
