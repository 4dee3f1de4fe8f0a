// Random runs of calls against a model in memory: a file (writes, truncates, punches, mappings, reopening) and a tree of
// names. The seed is in the failure; LACE_POSIX_SEED repeats it, LACE_POSIX_STEPS makes runs longer.
#include <linux/falloc.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <random>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;

uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

class Model : public Workspace {
 protected:
  size_t random(size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(generator_); }
  const uint64_t seed_ = number_from("LACE_POSIX_SEED", 20'240'607);
  const uint64_t steps_ = number_from("LACE_POSIX_STEPS", 3'000);
  std::mt19937_64 generator_{seed_};
};

class FileModel : public Model {
 protected:
  static constexpr size_t limit = 300'000;

  size_t length() { return 1 + random(random(4) == 0 ? 60'000 : 6'000); }

  void step() {
    const size_t at = random(limit), size = std::min(length(), limit - at);
    switch (random(10)) {
      case 0: return truncate_to(random(limit));
      case 1: return punch(at, size);
      case 2: return write_mapped(at, size);
      case 3: return reopen();
      case 4: return append(size);
      case 5: return check(at, size);
      case 6: ASSERT_OK(random(8) == 0 ? fsync(fd_) : 0); return;
      default: return write_at(at, size);
    }
  }

  void write_at(size_t at, size_t size) {
    last_ = "write " + std::to_string(size) + " at " + std::to_string(at);
    const std::string piece = pattern(size, ++piece_);
    put(fd_, piece, static_cast<off_t>(at));
    if (model_.size() < at + size) model_.resize(at + size);
    model_.replace(at, size, piece);
  }
  void append(size_t size) {
    if (model_.size() + size > limit) return;
    last_ = "append " + std::to_string(size);
    const std::string piece = pattern(size, ++piece_);
    ASSERT_GIVES(size, write(opened("file", O_WRONLY | O_APPEND), piece.data(), size));
    model_ += piece;
  }
  void truncate_to(size_t size) {
    last_ = "truncate to " + std::to_string(size);
    ASSERT_OK(ftruncate(fd_, static_cast<off_t>(size)));
    model_.resize(size);
  }
  void punch(size_t at, size_t size) {
    last_ = "punch " + std::to_string(size) + " at " + std::to_string(at);
    const Outcome outcome(
        fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(at), static_cast<off_t>(size)));
    if (refused("punch_hole", outcome)) return;
    ASSERT_FALSE(outcome.failed) << errno_name(outcome.error);
    const size_t from = std::min(at, model_.size()), to = std::min(at + size, model_.size());
    model_.replace(from, to - from, to - from, '\0');
  }
  void write_mapped(size_t at, size_t size) {
    if (at + size > model_.size()) return;
    last_ = "write mapped " + std::to_string(size) + " at " + std::to_string(at);
    void* const map = mmap(nullptr, model_.size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    ASSERT_OK(map);
    const std::string piece = pattern(size, ++piece_);
    std::memcpy(static_cast<char*>(map) + at, piece.data(), size);
    munmap(map, model_.size());
    model_.replace(at, size, piece);
  }
  void reopen() {
    last_ = "reopen";
    fd_ = opened("file", O_RDWR);
  }
  void check(size_t at, size_t size) {
    ASSERT_TRUE(same_bytes(model_.substr(std::min(at, model_.size()), size), get(fd_, size, static_cast<off_t>(at))))
        << "at " << at;
    ASSERT_EQ(static_cast<off_t>(model_.size()), stat_of("file").st_size);
  }

  Fd fd_;
  std::string model_, last_;
  uint32_t piece_ = 0;
};

TEST_F(FileModel, HoldsForManyRandomSteps) {
  fd_ = opened("file", O_CREAT | O_RDWR);
  for (uint64_t i = 0; i < steps_; ++i) {
    step();
    if (i % 50 == 0) check(0, limit);
    ASSERT_FALSE(HasFailure()) << "seed " << seed_ << ", step " << i << ", last change: " << last_;
  }
  reopen();
  check(0, limit);
}

/// A tree of names: path -> content, or a directory.
class TreeModel : public Model {
 protected:
  struct Node {
    bool directory;
    std::string content;
  };

  std::string some_path() {
    std::string path;
    for (size_t depth = 1 + random(3); depth > 0; --depth)
      path += (path.empty() ? "" : "/") + std::string(1, static_cast<char>('a' + random(5)));
    return path;
  }
  const Node* node(const std::string& path) const {
    const auto at = tree_.find(path);
    return at == tree_.end() ? nullptr : &at->second;
  }
  /// The error of the way to `path`, 0 if its parent is a directory.
  int way(const std::string& path) const {
    for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      const Node* above = node(path.substr(0, slash));
      if (!above) return ENOENT;
      if (!above->directory) return ENOTDIR;
    }
    return 0;
  }
  bool empty(const std::string& path) const {
    const auto next = tree_.lower_bound(path + "/");
    return next == tree_.end() || !next->first.starts_with(path + "/");
  }

  void expect(int wanted, const Outcome& outcome) {
    ASSERT_EQ(wanted ? errno_name(wanted) : "success", outcome.failed ? errno_name(outcome.error) : "success") << last_;
  }

  void make(const std::string& path) {
    last_ = "create " + path;
    const int error = way(path) ? way(path) : node(path) ? EEXIST : 0;
    const Fd fd(open(path.c_str(), O_CREAT | O_EXCL | O_RDWR, 0644));
    expect(error, fd.get());
    if (error || fd < 0) return;
    const std::string content = pattern(random(5'000), static_cast<uint32_t>(random(1'000)));
    put(fd, content, 0);
    tree_[path] = {false, content};
  }
  void make_directory(const std::string& path) {
    last_ = "mkdir " + path;
    const int error = way(path) ? way(path) : node(path) ? EEXIST : 0;
    expect(error, mkdir(path.c_str(), 0755));
    if (!error) tree_[path] = {true, ""};
  }
  void remove_file(const std::string& path) {
    last_ = "unlink " + path;
    const Node* there = node(path);
    const int error = way(path) ? way(path) : !there ? ENOENT : there->directory ? EISDIR : 0;
    expect(error, unlink(path.c_str()));
    if (!error) tree_.erase(path);
  }
  void remove_directory(const std::string& path) {
    last_ = "rmdir " + path;
    const Node* there = node(path);
    const int error = way(path) ? way(path) : !there ? ENOENT : !there->directory ? ENOTDIR : !empty(path) ? ENOTEMPTY : 0;
    expect(error, rmdir(path.c_str()));
    if (!error) tree_.erase(path);
  }
  int rename_error(const std::string& from, const std::string& to) const {
    if (way(from)) return way(from);
    if (way(to)) return way(to);
    const Node *moved = node(from), *there = node(to);
    if (!moved) return ENOENT;
    if (to.starts_with(from + "/")) return EINVAL;
    if (from.starts_with(to + "/")) return ENOTEMPTY;
    if (!there || from == to) return 0;
    if (moved->directory && !there->directory) return ENOTDIR;
    if (!moved->directory && there->directory) return EISDIR;
    return there->directory && !empty(to) ? ENOTEMPTY : 0;
  }
  void move(const std::string& from, const std::string& to) {
    last_ = "rename " + from + " to " + to;
    const int error = rename_error(from, to);
    expect(error, rename(from.c_str(), to.c_str()));
    if (error || from == to) return;
    std::map<std::string, Node> moved;
    for (auto at = tree_.begin(); at != tree_.end();) {
      const bool inside = at->first == from || at->first.starts_with(from + "/");
      if (inside) moved[to + at->first.substr(from.size())] = at->second;
      at = inside ? tree_.erase(at) : std::next(at);
    }
    tree_.erase(to);
    tree_.merge(moved);
  }
  void look(const std::string& path) {
    last_ = "look at " + path;
    struct stat found;
    const Node* there = node(path);
    expect(way(path) ? way(path) : there ? 0 : ENOENT, stat(path.c_str(), &found));
    if (!there) return;
    ASSERT_EQ(there->directory, S_ISDIR(found.st_mode));
    ASSERT_TRUE(there->directory || same_bytes(there->content, content_of(path)));
  }

  void step() {
    switch (random(8)) {
      case 0:
      case 1: return make(some_path());
      case 2: return make_directory(some_path());
      case 3: return remove_file(some_path());
      case 4: return remove_directory(some_path());
      case 5:
      case 6: {
        const std::string from = some_path();
        return move(from, some_path());
      }
      default: return look(some_path());
    }
  }

  void check_directory(const std::string& path) {
    std::vector<std::string> wanted;
    const std::string prefix = path == "." ? "" : path + "/";
    for (const auto& [name, there] : tree_) {
      if (name.starts_with(prefix) && name.find('/', prefix.size()) == std::string::npos)
        wanted.push_back(name.substr(prefix.size()));
    }
    ASSERT_EQ(wanted, names_in(path)) << path;
  }
  void check_all() {
    check_directory(".");
    for (const auto& [path, there] : tree_) {
      look(path);
      if (there.directory) check_directory(path);
    }
  }

  std::map<std::string, Node> tree_;
  std::string last_;
};

TEST_F(TreeModel, HoldsForManyRandomSteps) {
  for (uint64_t i = 0; i < 2 * steps_; ++i) {
    step();
    if (i % 300 == 0) check_all();
    ASSERT_FALSE(HasFailure()) << "seed " << seed_ << ", step " << i << ": " << last_;
  }
  check_all();
}

}  // namespace
