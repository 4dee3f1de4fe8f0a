// The rules of the namespace said a second time, in memory and as simply as possible: what random operations are compared
// with. Bytes are modelled in units of 512, eight of them a page.
#pragma once

#include <sys/stat.h>

#include <map>
#include <set>
#include <string>
#include <utility>

#include "control/namespace/namespace.h"

namespace lace::control {

inline constexpr uint64_t unit = 512;
inline constexpr uint64_t page_units = page_bytes / unit;

struct ModelInode {
  uint32_t mode = 0;
  std::map<std::string, uint64_t> entries;  // of a directory
  uint64_t size = 0;                        // of a file
  uint64_t layout = 0;
  std::map<uint64_t, std::pair<BlockId, uint64_t>> units;  // file unit -> block unit
  bool directory() const { return S_ISDIR(mode); }
};

struct Model {
  std::map<uint64_t, ModelInode> inodes{{1, {S_IFDIR | 0755, {}, 0, 0, {}}}};
  std::set<uint64_t> held;

  uint32_t names_of(uint64_t inode) const {
    uint32_t count = 0;
    for (const auto& [id, found] : inodes) {
      for (const auto& [name, target] : found.entries) count += target == inode;
    }
    return count;
  }
  uint32_t links_of(uint64_t inode) const {
    const uint32_t names = inode == 1 ? 1 : names_of(inode);
    const ModelInode& found = inodes.at(inode);
    if (!found.directory()) return names;
    uint32_t links = names == 0 ? 0 : 2;
    for (const auto& [name, target] : found.entries) links += inodes.at(target).directory();
    return links;
  }
  bool below(uint64_t inode, uint64_t ancestor) const {
    if (inode == ancestor) return true;
    for (const auto& [name, child] : inodes.at(ancestor).entries) {
      if (inodes.at(child).directory() && below(inode, child)) return true;
    }
    return false;
  }
  bool usable(uint64_t directory) const { return inodes.contains(directory) && (directory == 1 || names_of(directory) > 0); }
  void forget_unnamed(uint64_t inode) {
    if (names_of(inode) == 0 && !held.contains(inode)) inodes.erase(inode);
  }
  std::set<std::pair<BlockId, uint64_t>> pages() const {
    std::set<std::pair<BlockId, uint64_t>> found;
    for (const auto& [id, inode] : inodes) {
      for (const auto& [offset, place] : inode.units) found.emplace(place.first, place.second / page_units);
    }
    return found;
  }

  // Pages of files that use the page of a block: of which several are is shared.
  std::map<std::pair<BlockId, uint64_t>, std::set<std::pair<uint64_t, uint64_t>>> users() const {
    std::map<std::pair<BlockId, uint64_t>, std::set<std::pair<uint64_t, uint64_t>>> found;
    for (const auto& [id, inode] : inodes) {
      for (const auto& [at, place] : inode.units) found[{place.first, place.second / page_units}].emplace(id, at / page_units);
    }
    return found;
  }

  Code check_directory(uint64_t directory) const {
    if (!inodes.contains(directory)) return Code::no_entry;
    if (!inodes.at(directory).directory()) return Code::not_directory;
    return usable(directory) ? Code{} : Code::no_entry;
  }
  Code create(const wire::Create& request, uint64_t id) {
    if (const Code code = check_directory(raw(request.parent)); code != Code{}) return code;
    auto& entries = inodes.at(raw(request.parent)).entries;
    if (entries.contains(request.name)) return Code::exists;
    entries[request.name] = id;
    inodes[id] = {request.mode, {}, 0, 0, {}};
    return {};
  }
  Code link(const wire::Link& request) {
    if (const Code code = check_directory(raw(request.parent)); code != Code{}) return code;
    if (!inodes.contains(raw(request.inode)) || names_of(raw(request.inode)) == 0) {
      return raw(request.inode) == 1 ? Code::not_permitted : Code::no_entry;
    }
    if (inodes.at(raw(request.inode)).directory()) return Code::not_permitted;
    auto& entries = inodes.at(raw(request.parent)).entries;
    if (entries.contains(request.name)) return Code::exists;
    entries[request.name] = raw(request.inode);
    return {};
  }
  Code remove(const wire::Remove& request) {
    if (const Code code = check_directory(raw(request.parent)); code != Code{}) return code;
    auto& entries = inodes.at(raw(request.parent)).entries;
    const auto entry = entries.find(request.name);
    if (entry == entries.end()) return Code::no_entry;
    const uint64_t id = entry->second;
    if (request.directory != inodes.at(id).directory()) return request.directory ? Code::not_directory : Code::is_directory;
    if (!inodes.at(id).entries.empty()) return Code::not_empty;
    entries.erase(entry);
    forget_unnamed(id);
    return {};
  }
  Code rename(const wire::Rename& request) {
    for (const InodeId parent : {request.parent, request.new_parent}) {
      if (const Code code = check_directory(raw(parent)); code != Code{}) return code;
    }
    auto& from = inodes.at(raw(request.parent)).entries;
    auto& to = inodes.at(raw(request.new_parent)).entries;
    if (!from.contains(request.name)) return Code::no_entry;
    const uint64_t source = from.at(request.name);
    const uint64_t target = to.contains(request.new_name) ? to.at(request.new_name) : 0;
    const bool source_directory = inodes.at(source).directory();
    if (source_directory && below(raw(request.new_parent), source)) return Code::invalid;
    if (request.exchange) {
      if (target == 0) return Code::no_entry;
      if (inodes.at(target).directory() && below(raw(request.parent), target)) return Code::invalid;
      std::swap(from.at(request.name), to.at(request.new_name));
      return {};
    }
    if (target != 0) {
      if (request.no_replace) return Code::exists;
      if (source == target) return {};
      if (source_directory != inodes.at(target).directory()) return source_directory ? Code::not_directory : Code::is_directory;
      if (!inodes.at(target).entries.empty()) return Code::not_empty;
    }
    from.erase(request.name);
    to[request.new_name] = source;
    if (target != 0) forget_unnamed(target);
    return {};
  }
  Code cut(uint64_t id, uint64_t first_unit, uint64_t end_unit, bool always) {
    auto& inode = inodes.at(id);
    const auto start = inode.units.lower_bound(first_unit);
    const auto end = inode.units.lower_bound(end_unit);
    if (start != end || always) ++inode.layout;
    inode.units.erase(start, end);
    return {};
  }
  Code truncate(uint64_t id, uint64_t size) {
    if (!inodes.contains(id)) return Code::stale_handle;
    auto& inode = inodes.at(id);
    if (inode.directory()) return Code::is_directory;
    if (size < inode.size) cut(id, size / unit, UINT64_MAX, true);
    inode.size = size;
    return {};
  }
  Code punch(uint64_t id, uint64_t offset, uint64_t length) {
    if (!inodes.contains(id)) return Code::stale_handle;
    if (inodes.at(id).directory()) return Code::invalid;
    return cut(id, offset / unit, (offset + length) / unit, false);
  }
  Code write(const wire::Write& request) {
    if (!inodes.contains(raw(request.inode))) return Code::stale_handle;
    auto& inode = inodes.at(raw(request.inode));
    if (inode.directory()) return Code::invalid;
    if (request.layout != inode.layout) return Code::stale;
    const auto used = users();
    const auto is_shared = [&](const std::pair<BlockId, uint64_t>& place) {
      const auto page = used.find({place.first, place.second / page_units});
      return page != used.end() && page->second.size() > 1;
    };
    for (const auto& extent : request.extents) {
      for (uint64_t i = 0; i < extent.length / unit; ++i) {
        if (is_shared({extent.block, extent.block_offset / unit + i})) return Code::stale;
        const auto mapped = inode.units.find(extent.offset / unit + i);
        if (request.fresh && mapped != inode.units.end() && !is_shared(mapped->second)) return Code::stale;
      }
    }
    bool removed = false;
    for (const auto& extent : request.extents) {
      for (uint64_t i = 0; i < extent.length / unit; ++i) {
        const std::pair place{extent.block, extent.block_offset / unit + i};
        removed = !inode.units.insert_or_assign(extent.offset / unit + i, place).second || removed;
      }
    }
    if (removed) ++inode.layout;
    inode.size = std::max(inode.size, request.size);
    return {};
  }
  Code share(const wire::Share& request) {
    if (!inodes.contains(raw(request.from)) || !inodes.contains(raw(request.inode))) return Code::stale_handle;
    const ModelInode& from = inodes.at(raw(request.from));
    ModelInode& to = inodes.at(raw(request.inode));
    const uint64_t end = request.from_offset + request.length;
    if (from.directory() || to.directory() || request.length == 0 || end > from.size) return Code::invalid;
    const bool both_end = end == from.size && request.offset + request.length >= to.size;
    if (request.length % page_bytes != 0 && !both_end) return Code::invalid;
    const bool apart = request.offset + request.length <= request.from_offset || end <= request.offset;
    if (request.from == request.inode && !apart) return Code::invalid;
    const uint64_t units = (request.length + page_bytes - 1) / page_bytes * page_units;
    std::map<uint64_t, std::pair<BlockId, uint64_t>> moved;
    for (uint64_t i = 0; i < units; ++i) {
      const auto found = from.units.find(request.from_offset / unit + i);
      if (found != from.units.end()) moved[request.offset / unit + i] = found->second;
    }
    for (const auto& [at, place] : moved) {
      if (at == place.second) return Code::not_supported;  // like a page of a file's own block, which it is not
    }
    cut(raw(request.inode), request.offset / unit, request.offset / unit + units, true);
    to.units.insert(moved.begin(), moved.end());
    to.size = std::max(to.size, request.offset + request.length);
    return {};
  }
  Code copy(const wire::CopyTree& request, uint64_t id) {  // of a file
    if (!inodes.contains(raw(request.source))) return Code::stale_handle;
    if (const Code code = check_directory(raw(request.parent)); code != Code{}) return code;
    auto& entries = inodes.at(raw(request.parent)).entries;
    if (entries.contains(request.name)) return Code::exists;
    entries[request.name] = id;
    inodes[id] = inodes.at(raw(request.source));
    inodes[id].layout = 0;
    return {};
  }
};

}  // namespace lace::control
