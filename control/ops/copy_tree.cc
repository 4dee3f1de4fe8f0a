// A file or a whole tree is there once more, with all its pages shared; as a snapshot, frozen.
#include <sys/stat.h>

#include <limits>
#include <unordered_map>

#include "control/ops/names.h"
#include "control/ops/snapshots.h"

namespace lace::control {
namespace {

using wire::Extent;

// One operation is one transaction, for which everybody waits: about a second for so many.
constexpr uint64_t most_inodes = 100'000;
constexpr uint64_t most_extents = 400'000;
// In a group others wait for it too, and the master may not be silent for long.
constexpr uint64_t most_inodes_of_group = 20'000;
constexpr uint64_t most_extents_of_group = 80'000;
constexpr uint64_t worth_counting = uint64_t{1} << 20;  // files that store less have few extents
constexpr uint32_t entries_at_once = 1'000;

// All but the one behind which snapshots are.
bool is_copied(InodeId directory, const wire::DirectoryEntry& entry) {
  return directory != root_inode || entry.name != snapshots_top;
}

// All that is to be copied, the parents before their children; collected first, since the copy may go into the tree itself.
struct Found {
  InodeId parent{};
  std::string name;
  InodeId inode{};
};

class Collecting {
 public:
  explicit Collecting(Store& store) : store_(store) {}

  // False: it is too much.
  bool collect(InodeId source) {
    if (!count(source)) return false;
    if (is_directory(store_.inodes.at(source).attributes)) directories_.push_back(source);
    for (size_t next = 0; next < directories_.size(); ++next) {
      if (!collect_entries(directories_[next])) return false;
    }
    return true;
  }
  const std::vector<Found>& found() const { return found_; }

 private:
  bool count(InodeId id) {
    wire::Attributes attributes;
    if (store_.inodes.read(id, attributes) && S_ISREG(attributes.mode)) {
      extents_ += attributes.stored > worth_counting ? store_.extents.count(id) : 1;
    }
    return ++inodes_ <= (store_.grouped ? most_inodes_of_group : most_inodes) &&
           extents_ <= (store_.grouped ? most_extents_of_group : most_extents);
  }
  bool collect_entries(InodeId directory) {
    for (uint64_t cookie = 0;;) {
      auto entries = store_.entries.list(directory, cookie, entries_at_once);
      const bool end = entries.size() < entries_at_once;
      if (!end) cookie = entries.back().cookie;
      for (wire::DirectoryEntry& entry : entries) {
        if (!is_copied(directory, entry)) continue;
        if (!count(entry.inode)) return false;
        if (entry.type == entry_type(S_IFDIR)) directories_.push_back(entry.inode);
        found_.push_back({directory, std::move(entry.name), entry.inode});
      }
      if (end) return true;
    }
  }

  Store& store_;
  uint64_t inodes_ = 0;
  uint64_t extents_ = 0;
  std::vector<InodeId> directories_;
  std::vector<Found> found_;
};

class Copying {
 public:
  Copying(Store& store, const FileTime& now, bool frozen) : store_(store), now_(now), frozen_(frozen) {}

  // Under a name that is free.
  InodeId copy(InodeId source, const std::vector<Found>& below, InodeId parent, std::string_view name) {
    const InodeId top = copy_inode(source, parent, name);
    for (const Found& found : below) {
      copy_inode(found.inode, directories_.at(found.parent), found.name);
      store_.trim();
    }
    return top;
  }

 private:
  InodeId copy_inode(InodeId source, InodeId parent, std::string_view name);
  void copy_content(const wire::Attributes& source, InodeId copy);

  Store& store_;
  const FileTime now_;
  const bool frozen_;
  std::unordered_map<InodeId, InodeId> directories_;  // their copies
  std::unordered_map<InodeId, InodeId> linked_;       // of files with several names
};

InodeId Copying::copy_inode(InodeId source, InodeId parent, std::string_view name) {
  if (const auto known = linked_.find(source); known != linked_.end()) {
    add_name(store_, known->second, parent, now_);
    add_entry(store_, parent, name, store_.inodes.at(known->second).attributes);
    return known->second;
  }
  const wire::Attributes original = store_.inodes.at(source).attributes;
  Inode made;
  wire::Attributes& attributes = made.attributes;
  attributes = original;
  attributes.inode = InodeId{store_.counters.now.next_inode++};
  attributes.links = is_directory(original) ? 2 : 1;
  attributes.size = is_directory(original) ? 0 : original.size;
  attributes.born = now_;
  if (!frozen_) attributes.changed = now_;
  attributes.change = 1;
  attributes.layout = 0;
  attributes.frozen = frozen_;
  made.parent = parent;
  store_.inodes.insert(made);
  ++store_.counters.now.inodes;
  add_entry(store_, parent, name, attributes);
  copy_content(original, attributes.inode);
  if (is_directory(original)) directories_.emplace(source, attributes.inode);
  if (!is_directory(original) && original.links > 1) linked_.emplace(source, attributes.inode);
  return attributes.inode;
}

void Copying::copy_content(const wire::Attributes& source, InodeId copy) {
  if (source.has_xattr) {
    for (const std::string& name : store_.xattrs.names(source.inode)) {
      if (const auto value = store_.xattrs.get(source.inode, name)) store_.xattrs.set(copy, name, *value);
    }
  }
  if (S_ISLNK(source.mode)) store_.symlinks.insert(copy, store_.symlinks.get(source.inode).value_or(std::string()));
  if (source.stored == 0) return;
  std::vector<Extent> extents;
  store_.extents.starting_in(source.inode, 0, max_file_bytes, std::numeric_limits<uint32_t>::max(), extents);
  for (const Extent& extent : extents) {
    if (lies_in_own_block(extent)) stop_placing(store_, extent.block);
  }
  share_extents(store_, copy, extents);
}

Status check_target(Store& store, const wire::CopyTree& request, InodeId directory) {
  const auto parent = find_directory(store, directory);
  if (!parent) return pass(parent);
  if (const Status name = check_name(request.name); !name) return name;
  return store.entries.find(directory, request.name) ? fail(Code::exists) : Status{};
}

void note_origin(Store& store, InodeId copy, const std::string& path) {
  store.xattrs.set(copy, origin_name, path);
  wire::Attributes& attributes = store.inodes.edit(copy).attributes;
  attributes.has_xattr = true;
  attributes.changed = attributes.born;  // so that it can be seen when that was
}

}  // namespace

Status apply(Context& context, const wire::CopyTree& request, Reply& reply) {
  Store& store = context.store;
  const Inode* source = store.inodes.find(request.source);
  if (source == nullptr) return fail(Code::stale_handle);
  const bool snapshot = request.parent == no_inode;
  if (snapshot && !is_directory(source->attributes)) return fail(Code::not_directory);
  if (const Status name = check_name(request.name); !name) return name;
  const auto present = snapshot ? find_snapshots(store) : std::optional(request.parent);
  if (present) {
    if (const Status target = check_target(store, request, *present); !target) return target;
  }
  Collecting tree(store);
  if (!tree.collect(request.source)) {
    return fail(Code::too_big, store.grouped
                                   ? "more than 20,000 inodes, or 80,000 extents, which is the most with several "
                                     "control servers: copy parts of it, one after another"
                                   : "more than 100,000 inodes, or 400,000 extents: copy parts of it, one after another");
  }

  const InodeId parent = present ? *present : make_snapshots(store, request.now);
  const InodeId copy = Copying(store, request.now, snapshot).copy(request.source, tree.found(), parent, request.name);
  touch_directory(store.inodes.edit(parent), request.now);
  if (snapshot) note_origin(store, copy, path_of(store, request.source));
  reply.inode = store.inodes.at(copy).attributes;
  reply.parent = store.inodes.at(parent).attributes;
  return {};
}

Status apply(Context& context, const wire::RemoveSnapshot& request, Reply& reply) {
  Store& store = context.store;
  const auto directory = find_snapshots(store);
  const auto entry = directory ? store.entries.find(*directory, request.name) : std::nullopt;
  if (!entry) return fail(Code::no_entry);
  store.entries.erase(*directory, request.name);
  Inode& holder = store.inodes.edit(*directory);
  touch_directory(holder, request.now);
  --holder.attributes.size;
  --holder.attributes.links;
  wire::Attributes& attributes = store.inodes.edit(entry->inode).attributes;
  attributes.links = 0;
  ++attributes.change;
  store.orphans.insert(entry->inode);
  ++store.counters.now.orphans;
  context.outcome.orphaned.push_back(entry->inode);  // what is below it is taken apart later, piece by piece
  reply.displaced = attributes;
  reply.parent = holder.attributes;
  return {};
}

}  // namespace lace::control
