#include "tests/lib/history.h"

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>
#include <unordered_set>

namespace lace::test {
namespace {

using Kind = Operation::Kind;
using Place = std::pair<int, std::string>;

struct File {
  uint64_t mode = first_mode, value = 0;
};

struct State {
  std::map<Place, InodeId> entries;
  std::map<InodeId, File> files;

  std::string key() const {
    std::ostringstream key;
    for (const auto& [place, inode] : entries) key << place.first << '/' << place.second << '=' << raw(inode) << ' ';
    for (const auto& [inode, file] : files) key << raw(inode) << ':' << file.mode << ',' << file.value << ' ';
    return key.str();
  }
};

bool create(State& state, const Operation& operation) {
  const auto [place, added] = state.entries.try_emplace({operation.directory, operation.name}, operation.inode);
  if (operation.failed) {
    if (added) state.entries.erase(place);
    return !added;
  }
  if (added) state.files[operation.inode] = {};
  return added;
}

bool remove(State& state, const Operation& operation) {
  const auto found = state.entries.find({operation.directory, operation.name});
  if (operation.failed || found == state.entries.end()) return operation.failed == (found == state.entries.end());
  state.files.erase(found->second);
  state.entries.erase(found);
  return true;
}

bool rename(State& state, const Operation& operation) {
  const auto found = state.entries.find({operation.directory, operation.name});
  if (operation.failed || found == state.entries.end()) return operation.failed == (found == state.entries.end());
  const Place to{operation.to_directory, operation.to_name};
  const InodeId inode = found->second;
  if (found->first == to) return true;
  state.entries.erase(found);
  if (const auto target = state.entries.find(to); target != state.entries.end()) state.files.erase(target->second);
  state.entries[to] = inode;
  return true;
}

bool lookup(const State& state, const Operation& operation) {
  const auto found = state.entries.find({operation.directory, operation.name});
  if (found == state.entries.end()) return operation.inode == no_inode;
  return found->second == operation.inode && state.files.at(found->second).mode == operation.value;
}

bool list(const State& state, const Operation& operation) {
  std::map<std::string, InodeId> names;
  for (const auto& [place, inode] : state.entries) {
    if (place.first == operation.directory) names[place.second] = inode;
  }
  return names == operation.names;
}

// Of a file that was removed nobody sees any more what was changed, as long as somebody may still have it open.
bool change(State& state, const Operation& operation) {
  const auto found = state.files.find(operation.inode);
  if (operation.failed) return found == state.files.end();
  if (found == state.files.end()) return true;
  (operation.kind == Kind::put ? found->second.value : found->second.mode) = operation.value;
  return true;
}

bool get(const State& state, const Operation& operation) {
  const auto found = state.files.find(operation.inode);
  if (operation.failed) return found == state.files.end();
  return found == state.files.end() || found->second.value == operation.value;
}

// Whether this answer could have been given now; if so, the state is the one behind it.
bool apply(State& state, const Operation& operation) {
  switch (operation.kind) {
    case Kind::create: return create(state, operation);
    case Kind::remove: return remove(state, operation);
    case Kind::rename: return rename(state, operation);
    case Kind::lookup: return lookup(state, operation);
    case Kind::list: return list(state, operation);
    case Kind::chmod:
    case Kind::put: return change(state, operation);
    case Kind::get: return get(state, operation);
  }
  return false;
}

class Search {
 public:
  explicit Search(const std::vector<Operation>& history) : history_(history), done_(history.size(), '0') {}

  bool find(const State& state) {
    uint64_t first_return = UINT64_MAX;
    for (size_t i = 0; i < history_.size(); ++i) {
      if (done_[i] == '0' && !history_[i].unknown) first_return = std::min(first_return, history_[i].returned);
    }
    if (first_return == UINT64_MAX) return true;
    if (!seen_.insert(done_ + state.key()).second) return false;
    if (order_.size() > longest_.size() || longest_.empty()) {
      longest_ = order_;
      last_ = state;
    }
    for (size_t i = 0; i < history_.size(); ++i) {
      if (done_[i] != '0' || history_[i].called > first_return) continue;
      State next = state;
      if (!apply(next, history_[i])) continue;
      done_[i] = '1';
      order_.push_back(i);
      if (find(next)) return true;
      order_.pop_back();
      done_[i] = '0';
    }
    return false;
  }

  std::string why() const {
    std::ostringstream text;
    const std::set<size_t> ordered(longest_.begin(), longest_.end());
    text << longest_.size() << " of " << history_.size() << " operations have an order; the last of them:\n";
    for (size_t i = longest_.size() - std::min<size_t>(longest_.size(), 12); i < longest_.size(); ++i)
      text << "  " << history_[longest_[i]].text() << '\n';
    text << "then there is " << last_.key() << "\nand none of these can follow:\n";
    uint64_t first_return = UINT64_MAX;
    for (size_t i = 0; i < history_.size(); ++i) {
      if (!ordered.contains(i) && !history_[i].unknown) first_return = std::min(first_return, history_[i].returned);
    }
    for (size_t i = 0; i < history_.size(); ++i) {
      if (!ordered.contains(i) && history_[i].called <= first_return) text << "  " << history_[i].text() << '\n';
    }
    return text.str();
  }

 private:
  const std::vector<Operation>& history_;
  std::string done_;
  std::vector<size_t> order_, longest_;
  State last_;
  std::unordered_set<std::string> seen_;
};

}  // namespace

std::string Operation::text() const {
  static constexpr const char* kinds[] = {"create", "remove", "rename", "lookup", "list", "chmod", "put", "get"};
  std::ostringstream line;
  line << '[' << called << ", " << returned << "] client " << client << ' ' << kinds[static_cast<int>(kind)] << ' ' << directory
       << '/' << name;
  if (kind == Kind::rename) line << " to " << to_directory << '/' << to_name;
  if (inode != no_inode) line << " inode " << raw(inode);
  line << " value " << value << (failed ? " failed" : "") << (unknown ? " unknown" : "");
  for (const auto& [entry, id] : names) line << ' ' << entry << '=' << raw(id);
  return line.str();
}

std::string explain(const std::vector<Operation>& history) {
  Search search(history);
  return search.find({}) ? std::string() : search.why();
}

}  // namespace lace::test
