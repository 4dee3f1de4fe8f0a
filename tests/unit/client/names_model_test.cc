// Random changes of a small tree by a mount that is alone, compared with a tree in memory: at once through the mount, and in
// the end at control, which was told later.
#include <map>
#include <random>

#include "tests/unit/client/mounted.h"

namespace lace::test {
namespace {

class NamesModel : public Mounted, public ::testing::WithParamInterface<unsigned> {
 protected:
  struct Node {
    InodeId id{};
    bool directory = false;
    std::string content;
    uint32_t mode = 0644;
    uint32_t names = 1;
    std::map<std::string, std::shared_ptr<Node>> entries;
  };
  using NodePtr = std::shared_ptr<Node>;

  uint64_t below(uint64_t limit) { return random_() % limit; }
  std::string name() { return std::string(1, static_cast<char>('a' + below(5))); }
  NodePtr directory() {
    NodePtr at = root_;
    while (below(3) != 0) {
      std::vector<NodePtr> below_it;
      for (const auto& [name, node] : at->entries) {
        if (node->directory) below_it.push_back(node);
      }
      if (below_it.empty()) break;
      at = below_it[below(below_it.size())];
    }
    return at;
  }
  static NodePtr find(const Node& in, const std::string& name) {
    const auto found = in.entries.find(name);
    return found == in.entries.end() ? nullptr : found->second;
  }
  static bool holds(const Node& tree, const Node& wanted) {
    if (&tree == &wanted) return true;
    return std::any_of(tree.entries.begin(), tree.entries.end(),
                       [&](const auto& entry) { return holds(*entry.second, wanted); });
  }

  void step();
  void make_file(Node& in, const std::string& name);
  void make_directory(Node& in, const std::string& name);
  void remove(Node& in, const std::string& name);
  void rename(Node& from, const std::string& name, Node& to, const std::string& new_name);
  void link(const NodePtr& file, Node& to, const std::string& new_name);
  void change_mode(Node& node);
  void rewrite(Node& node);
  void compare(const Node& node);
  void compare_at_control(const Node& node);

  std::mt19937_64 random_{GetParam()};
  NodePtr root_ = std::make_shared<Node>(Node{root_inode, true, {}, 0755, 1, {}});
};

void NamesModel::make_file(Node& in, const std::string& name) {
  auto context = this->context();
  const auto made = fs_->create(context, in.id, name, 0644, O_RDWR | O_CREAT | O_EXCL);
  if (find(in, name)) {
    ASSERT_EQ(made.error().code, Code::exists);
    return;
  }
  ASSERT_TRUE(made) << made.error().what;
  const std::string bytes = pattern(below(3) == 0 ? 0 : below(20'000), static_cast<unsigned>(random_()));
  if (!bytes.empty()) write(made->handle, 0, bytes);
  ASSERT_TRUE(fs_->flush(context, made->handle));
  release(made->handle);
  in.entries[name] = std::make_shared<Node>(Node{made->attributes.inode, false, bytes, 0644, 1, {}});
}

void NamesModel::make_directory(Node& in, const std::string& name) {
  auto context = this->context();
  const auto made = fs_->make(context, in.id, name, S_IFDIR | 0755, 0);
  if (find(in, name)) {
    ASSERT_EQ(made.error().code, Code::exists);
    return;
  }
  ASSERT_TRUE(made) << made.error().what;
  in.entries[name] = std::make_shared<Node>(Node{made->inode, true, {}, 0755, 1, {}});
}

void NamesModel::remove(Node& in, const std::string& name) {
  auto context = this->context();
  const NodePtr there = find(in, name);
  const bool as_directory = there && there->directory;
  const Status removed = fs_->remove(context, in.id, name, as_directory);
  if (!there) {
    ASSERT_EQ(removed.error().code, Code::no_entry);
  } else if (as_directory && !there->entries.empty()) {
    ASSERT_EQ(removed.error().code, Code::not_empty);
  } else {
    ASSERT_TRUE(removed) << removed.error().what;
    --there->names;
    in.entries.erase(name);
  }
}

void NamesModel::rename(Node& from, const std::string& name, Node& to, const std::string& new_name) {
  const NodePtr moved = find(from, name);
  const NodePtr there = find(to, new_name);
  if (moved && moved->directory && holds(*moved, to)) return;  // the kernel refuses it
  if (moved && there && there->directory != moved->directory) return;
  if (there && there->directory && !there->entries.empty()) return;
  auto context = this->context();
  const Status done = fs_->rename(context, from.id, name, to.id, new_name, false, false);
  if (!moved) {
    ASSERT_EQ(done.error().code, Code::no_entry);
    return;
  }
  ASSERT_TRUE(done) << done.error().what;
  if (moved == there) return;
  if (there) --there->names;
  to.entries[new_name] = moved;
  from.entries.erase(name);
}

void NamesModel::link(const NodePtr& file, Node& to, const std::string& new_name) {
  auto context = this->context();
  const auto linked = fs_->link(context, file->id, to.id, new_name);
  if (find(to, new_name)) {
    ASSERT_EQ(linked.error().code, Code::exists);
    return;
  }
  ASSERT_TRUE(linked) << linked.error().what;
  ASSERT_EQ(linked->links, ++file->names);
  to.entries[new_name] = file;
}

void NamesModel::change_mode(Node& node) {
  auto context = this->context();
  wire::SetAttributes request;
  request.inode = node.id;
  request.set = wire::SetAttributes::set_mode;
  request.mode = static_cast<uint32_t>(0600 + below(0100));
  ASSERT_TRUE(fs_->set_attributes(context, request));
  node.mode = request.mode;
}

void NamesModel::rewrite(Node& node) {
  auto context = this->context();
  const bool cut = below(2) == 0;
  const auto file = open(node.id, cut ? O_RDWR | O_TRUNC : O_RDWR);
  if (cut) node.content.clear();
  const std::string bytes = pattern(1 + below(9'000), static_cast<unsigned>(random_()));
  const uint64_t at = below(12'000);
  write(file.handle, at, bytes);
  if (node.content.size() < at + bytes.size()) node.content.resize(at + bytes.size(), '\0');
  node.content.replace(at, bytes.size(), bytes);
  if (below(4) == 0) {
    const uint64_t size = below(20'000);
    truncate(node.id, size);
    node.content.resize(size, '\0');
  }
  ASSERT_TRUE(fs_->flush(context, file.handle));
  release(file.handle);
}

void NamesModel::step() {
  const NodePtr in = directory();
  const std::string chosen = name();
  const NodePtr there = find(*in, chosen);
  switch (below(11)) {
    case 10: return there && !there->directory ? link(there, *directory(), name()) : void();
    case 0:
    case 1:
    case 2: return make_file(*in, chosen);
    case 3: return make_directory(*in, chosen);
    case 4: return remove(*in, chosen);
    case 5:
    case 6: return rename(*in, chosen, *directory(), name());
    case 7: return there ? change_mode(*there) : void();
    case 8: return there && !there->directory ? rewrite(*there) : void();
    default:
      if (below(10) == 0) tell();
      compare(*in);
  }
}

void NamesModel::compare(const Node& node) {
  auto context = this->context();
  const auto listed = fs_->read_directory(context, node.id, 0, 1'000, below(2) == 0);
  ASSERT_TRUE(listed) << listed.error().what;
  ASSERT_EQ(listed->entries.size(), node.entries.size());
  for (const auto& [name, child] : node.entries) {
    const auto found = fs_->lookup(context, node.id, name);
    ASSERT_TRUE(found) << found.error().what;
    ASSERT_EQ(found->inode, child->id);
    ASSERT_EQ(found->mode & 07777, child->mode);
    if (child->directory) continue;
    ASSERT_EQ(found->links, child->names);
    ASSERT_EQ(found->size, child->content.size());
    const auto file = open(child->id, O_RDONLY);
    ASSERT_TRUE(read(file.handle, 0, 100'000) == child->content);
    release(file.handle);
  }
}

void NamesModel::compare_at_control(const Node& node) {
  const auto entries = cluster_.entries(node.id);
  ASSERT_EQ(entries.size(), node.entries.size());
  for (const auto& [name, child] : node.entries) {
    ASSERT_TRUE(entries.contains(name));
    ASSERT_EQ(entries.at(name), child->id);
    ASSERT_EQ(cluster_.attributes(child->id).mode & 07777, child->mode);
    if (child->directory) {
      compare_at_control(*child);
      continue;
    }
    ASSERT_EQ(cluster_.attributes(child->id).links, child->names);
    ASSERT_TRUE(cluster_.content(child->id) == child->content);
  }
}

TEST_P(NamesModel, AgreesWithControlInTheEnd) {
  auto count = std::make_shared<std::atomic<unsigned>>(GetParam());
  if (GetParam() % 3 == 0) {  // answers to commits are lost
    cluster_.set_after([count](const std::string&, const net::Request& request) -> std::optional<Error> {
      if (request.kind != wire::Kind::commit || ++*count % 5 != 0) return std::nullopt;
      return Error{Code::unknown, "lost"};
    });
  }
  auto context = this->context();
  ASSERT_TRUE(fs_->attributes(context, root_inode));
  for (int round = 0; round < 400; ++round) {
    if (GetParam() % 4 == 0 && round == 200) cluster_.restart_control();
    step();
    if (HasFatalFailure()) FAIL() << "in round " << round << " of seed " << GetParam();
  }
  tell();
  compare_at_control(*root_);
}

INSTANTIATE_TEST_SUITE_P(Seeds, NamesModel, ::testing::Range(1U, end_of_seeds(24)));

}  // namespace
}  // namespace lace::test
