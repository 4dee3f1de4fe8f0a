#include "control/ops/names.h"

namespace lace::control {
namespace {

struct Renamed {
  Entry source;
  wire::Attributes source_attributes;
  std::optional<Entry> target;
  wire::Attributes target_attributes;
};

Status check_exchange(Store& store, const wire::Rename& request, const Renamed& renamed) {
  if (!renamed.target) return fail(Code::no_entry);
  const bool up = is_directory(renamed.target_attributes) && is_below(store, request.parent, renamed.target->inode);
  return up ? Status(fail(Code::invalid)) : Status{};
}

Status check_replaced(const wire::Rename& request, const Renamed& renamed) {
  if (!renamed.target) return {};
  if (request.no_replace) return fail(Code::exists);
  if (renamed.target->inode == renamed.source.inode) return {};
  const bool moves_directory = is_directory(renamed.source_attributes);
  const bool onto_directory = is_directory(renamed.target_attributes);
  if (moves_directory && !onto_directory) return fail(Code::not_directory);
  if (!moves_directory && onto_directory) return fail(Code::is_directory);
  if (onto_directory && renamed.target_attributes.size > 0) return fail(Code::not_empty);
  return {};
}

Result<Renamed> check(Store& store, const wire::Rename& request) {
  if (request.no_replace && request.exchange) return fail(Code::invalid);
  if (const auto parent = find_directory(store, request.parent); !parent) return pass(parent);
  if (const auto parent = find_directory(store, request.new_parent); !parent) return pass(parent);
  for (const std::string* name : {&request.name, &request.new_name}) {
    if (const Status good = check_name(*name); !good) return pass(good);
  }
  const auto source = store.entries.find(request.parent, request.name);
  if (!source) return fail(Code::no_entry);
  Renamed renamed{
      *source, store.inodes.at(source->inode).attributes, store.entries.find(request.new_parent, request.new_name), {}};
  if (renamed.target) renamed.target_attributes = store.inodes.at(renamed.target->inode).attributes;
  if (is_directory(renamed.source_attributes) && is_below(store, request.new_parent, source->inode)) return fail(Code::invalid);
  const Status rules = request.exchange ? check_exchange(store, request, renamed) : check_replaced(request, renamed);
  if (!rules) return pass(rules);
  return renamed;
}

// Directories count as links of the directory they are in.
void move_link(Store& store, InodeId from, InodeId to) {
  --store.inodes.edit(from).attributes.links;
  ++store.inodes.edit(to).attributes.links;
}

void mark_changed(Store& store, InodeId id, const FileTime& now) {
  wire::Attributes& attributes = store.inodes.edit(id).attributes;
  attributes.changed = now;
  ++attributes.change;
}

// Both names keep their places in the order of their directories.
void exchange(Store& store, const wire::Rename& request, const Renamed& renamed) {
  store.entries.replace(request.new_parent, request.new_name, renamed.source.inode, renamed.source.type);
  store.entries.replace(request.parent, request.name, renamed.target->inode, renamed.target->type);
  if (is_directory(renamed.source_attributes)) move_link(store, request.parent, request.new_parent);
  if (is_directory(renamed.target_attributes)) move_link(store, request.new_parent, request.parent);
  move_name(store, renamed.source.inode, request.parent, request.new_parent);
  move_name(store, renamed.target->inode, request.new_parent, request.parent);
  mark_changed(store, renamed.target->inode, request.now);
}

// A name that is replaced keeps its place: who reads the directory meanwhile sees it once.
wire::Attributes replace(Context& context, const wire::Rename& request, const Renamed& renamed) {
  Store& store = context.store;
  store.entries.erase(request.parent, request.name);
  --store.inodes.edit(request.parent).attributes.size;
  if (is_directory(renamed.source_attributes)) move_link(store, request.parent, request.new_parent);
  move_name(store, renamed.source.inode, request.parent, request.new_parent);
  if (renamed.target) {
    store.entries.replace(request.new_parent, request.new_name, renamed.source.inode, renamed.source.type);
    if (request.hold && !is_directory(renamed.target_attributes)) context.outcome.held.push_back(renamed.target->inode);
    if (is_directory(renamed.target_attributes)) --store.inodes.edit(request.new_parent).attributes.links;
    return drop_name(context, renamed.target->inode, request.new_parent, request.now);
  }
  store.entries.insert(request.new_parent, request.new_name,
                       {renamed.source.inode, renamed.source.type, store.counters.now.next_cookie++});
  ++store.inodes.edit(request.new_parent).attributes.size;
  return {};
}

}  // namespace

Status apply(Context& context, const wire::Rename& request, Reply& reply) {
  Store& store = context.store;
  const auto renamed = check(store, request);
  if (!renamed) return pass(renamed);
  // rename(2): two names of one file: nothing is done, and that is a success.
  const bool same = renamed->target && renamed->target->inode == renamed->source.inode;
  if (!same) {
    if (request.exchange) {
      exchange(store, request, *renamed);
      reply.displaced = store.inodes.at(renamed->target->inode).attributes;
    } else {
      reply.displaced = replace(context, request, *renamed);
    }
    mark_changed(store, renamed->source.inode, request.now);
    touch_directory(store.inodes.edit(request.parent), request.now);
    if (request.new_parent != request.parent) touch_directory(store.inodes.edit(request.new_parent), request.now);
  }
  reply.inode = store.inodes.at(renamed->source.inode).attributes;
  reply.parent = store.inodes.at(request.new_parent).attributes;
  reply.old_parent = store.inodes.at(request.parent).attributes;
  return {};
}

}  // namespace lace::control
