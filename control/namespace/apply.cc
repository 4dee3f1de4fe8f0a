#include "control/namespace/apply.h"

#include "control/namespace/slot_record.h"
#include "control/ops/context.h"
#include "control/ops/names.h"
#include "control/ops/snapshots.h"

namespace lace::control {
namespace {

constexpr uint32_t slots_of_session = 64;
constexpr size_t most_operations = 10'000;
constexpr uint32_t most_parents = 100'000;  // of one file

// The inodes that an operation names.
struct Named {
  InodeId first{};
  InodeId second{};
};
Named named_by(const wire::Create& operation) { return {operation.parent, operation.parent}; }
Named named_by(const wire::Link& operation) { return {operation.inode, operation.parent}; }
Named named_by(const wire::Remove& operation) { return {operation.parent, operation.parent}; }
Named named_by(const wire::Rename& operation) { return {operation.parent, operation.new_parent}; }
Named named_by(const wire::Share& operation) { return {operation.inode, operation.from}; }
// The directory of snapshots is outside of every subtree.
Named named_by(const wire::CopyTree& operation) {
  return {operation.source, operation.parent == no_inode ? root_inode : operation.parent};
}
Named named_by(const wire::RemoveSnapshot&) { return {root_inode, root_inode}; }
template <class Operation>
Named named_by(const Operation& operation) {
  return {operation.inode, operation.inode};
}

bool is_frozen(Store& store, InodeId id) {
  const Inode* inode = store.inodes.find(id);
  return inode != nullptr && inode->attributes.frozen;
}

bool is_reserved(InodeId parent, std::string_view name) { return parent == root_inode && name == snapshots_top; }

// What belongs to a snapshot stays as it is, and so does the name behind which all of them are.
bool changes_frozen(Store& store, const wire::Create& operation) {
  return is_frozen(store, operation.parent) || is_reserved(operation.parent, operation.name);
}
bool changes_frozen(Store& store, const wire::Link& operation) {
  return is_frozen(store, operation.parent) || is_frozen(store, operation.inode) ||
         is_reserved(operation.parent, operation.name);
}
bool changes_frozen(Store& store, const wire::Remove& operation) {
  return is_frozen(store, operation.parent) || is_reserved(operation.parent, operation.name);
}
bool changes_frozen(Store& store, const wire::Rename& operation) {
  return is_frozen(store, operation.parent) || is_frozen(store, operation.new_parent) ||
         is_reserved(operation.parent, operation.name) || is_reserved(operation.new_parent, operation.new_name);
}
bool changes_frozen(Store& store, const wire::CopyTree& operation) {
  return is_frozen(store, operation.parent) || is_reserved(operation.parent, operation.name);
}
bool changes_frozen(Store&, const wire::RemoveSnapshot&) { return false; }
template <class Operation>
bool changes_frozen(Store& store, const Operation& operation) {
  return is_frozen(store, operation.inode);
}

template <class Operation>
Status apply_one(Context& context, const Operation& operation, Reply& reply) {
  if (changes_frozen(context.store, operation)) return fail(Code::read_only, "snapshots can't be changed");
  if (context.session.root != root_inode) {
    const Named named = named_by(operation);
    for (const InodeId inode : {named.first, named.second}) {
      if (!is_inside(context.store, inode, context.session.root)) return fail(Code::denied, "outside of the session's subtree");
    }
  }
  return apply(context, operation, reply);
}

// Which inode the session has open by this operation; no_inode: none.
InodeId held_by(const wire::Operation& operation, const wire::OperationResult& result) {
  if (result.outcome.code != 0) return no_inode;
  if (const auto* create = std::get_if<wire::Create>(&operation)) return create->hold ? result.inode.inode : no_inode;
  if (const auto* remove = std::get_if<wire::Remove>(&operation)) return remove->hold ? result.displaced.inode : no_inode;
  if (const auto* rename = std::get_if<wire::Rename>(&operation)) return rename->hold ? result.displaced.inode : no_inode;
  return no_inode;
}

Result<CommitOutcome> repeat(Store& store, const wire::Commit& commit) {
  auto reply = answer_again(store, store.slots.record(commit.session, commit.slot));
  if (!reply) return pass(reply);
  if (reply->results.size() != commit.operations.size()) {
    return fail(Code::malformed, "another commit was sent under this number before");
  }
  CommitOutcome outcome;
  outcome.repeated = true;
  outcome.punches = store.punches.awaited_by(commit.session, commit.slot);
  for (size_t i = 0; i < commit.operations.size(); ++i) {
    const InodeId held = held_by(commit.operations[i], reply->results[i]);
    if (held != no_inode) outcome.held.push_back(held);
  }
  outcome.reply = std::move(*reply);
  return outcome;
}

}  // namespace

bool is_inside(Store& store, InodeId id, InodeId subtree) {
  const Inode* inode = store.inodes.find(id);
  if (inode == nullptr) return false;
  if (subtree == root_inode || id == subtree) return true;
  if (is_directory(inode->attributes) || inode->attributes.links < 2) return is_below(store, inode->parent, subtree);
  for (const InodeId parent : store.hardlinks.parents(id, most_parents)) {
    if (is_below(store, parent, subtree)) return true;
  }
  return false;
}

Result<CommitOutcome> apply_commit(Store& store, const Namespace::Held& held, const wire::Commit& commit) {
  const SessionRecord* session = store.sessions.find(commit.session);
  if (session == nullptr) return fail(Code::fenced, "the session has ended; open a new one");
  if (commit.slot >= slots_of_session) return fail(Code::malformed, "a session has 64 slots");
  if (commit.operations.size() > most_operations) return fail(Code::malformed, "a commit has at most 10,000 operations");
  if (session->read_only) return fail(Code::read_only, "the session is read-only");
  const uint64_t last = store.slots.number(commit.session, commit.slot);
  if (commit.number == last && last != 0) return repeat(store, commit);
  if (commit.number != last + 1) return fail(Code::stale, "the slot's next commit is " + std::to_string(last + 1));

  CommitOutcome outcome;
  FreedSpace freed;
  Context context{store, *session, held, freed, outcome};
  outcome.reply.results.resize(commit.operations.size());
  for (size_t i = 0; i < commit.operations.size(); ++i) {
    Reply& reply = outcome.reply.results[i];
    const Status done =
        std::visit([&](const auto& operation) { return apply_one(context, operation, reply); }, commit.operations[i]);
    if (!done) reply.outcome = wire::outcome_of(done.error());
    store.trim();
  }
  auto settled = freed.settle(store, commit.session, commit.slot);
  outcome.punches = std::move(settled.awaited);
  outcome.deferred = std::move(settled.deferred);
  outcome.deletes = settled.deletes;
  store.slots.set(commit.session, commit.slot, commit.number, record_of(outcome.reply));
  ++store.counters.now.applied;
  return outcome;
}

}  // namespace lace::control
